/* SPDX-License-Identifier: MIT */
/*
 * Pages of their own for what must not be found elsewhere: locked into memory where the limit
 * allows it, left out of core dumps, empty in a forked child, wiped before they are given back.
 */
#ifndef BASE_LOCKED_PAGES_H
#define BASE_LOCKED_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed whole pages with room for bytes; their size is *ret_bytes. NULL: no memory. */
void *locked_pages_map(size_t bytes, size_t *ret_bytes, bool *ret_is_locked);

void locked_pages_unmap(void *pages, size_t bytes);

#endif
