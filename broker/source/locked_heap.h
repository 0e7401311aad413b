/* SPDX-License-Identifier: MIT */
/*
 * A heap in locked pages (base/locked_pages.h), for a library that copies secrets into its own
 * buffers: libcurl. What is given back is wiped at once, and chunks that are empty are unmapped,
 * but for one, of zeroes, that waits for the next request.
 *
 * As malloc(3) and its kin, from any thread. There is one for the process, because libcurl hands no
 * context to its allocator.
 */
#ifndef BROKER_SOURCE_LOCKED_HEAP_H
#define BROKER_SOURCE_LOCKED_HEAP_H

#include <stddef.h>

/* What is locked at a time: a request with its answer needs less. */
#define LOCKED_HEAP_CHUNK_BYTES ((size_t)128 * 1024)

void *locked_heap_malloc(size_t size);
void *locked_heap_calloc(size_t count, size_t size);
void *locked_heap_realloc(void *pointer, size_t size);
char *locked_heap_strdup(const char *string);
void locked_heap_free(void *pointer);
/* Unmaps the empty chunk. */
void locked_heap_trim(void);

#endif
