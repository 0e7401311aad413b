/* SPDX-License-Identifier: MIT */
/*
 * glibc lets a program replace its allocator by defining the functions, and exports its own under
 * the names __libc_*. Only what gives memory back is replaced here; blocks still come from glibc's
 * malloc, calloc and aligned_alloc, so every block that arrives below is one of glibc's. Wiping the
 * calls of libcurl, OpenSSL and json-c alone (curl_global_init_mem and the like) would miss libc's
 * own buffers and what those libraries hand to each other.
 */
#include "source/wipe_heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_FOREIGN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
	__has_feature(thread_sanitizer)
#define HAS_FOREIGN_ALLOCATOR 1
#endif
#endif

#ifdef HAS_FOREIGN_ALLOCATOR

bool wipe_heap_is_active(void)
{
	return false;
}

#else

/* Exported by glibc, declared in no header of it. */
void *__libc_malloc(size_t size);
void __libc_free(void *block);

void free(void *block)
{
	int saved = errno; /* POSIX.1-2024: free does not change it */

	if (block == NULL)
		return;
	explicit_bzero(block, malloc_usable_size(block));
	__libc_free(block);
	errno = saved;
}

/* Never __libc_realloc: that leaves the old place of a moved block, or its cut end, as it was. */
void *realloc(void *block, size_t size)
{
	size_t usable;
	void *moved;

	if (block == NULL)
		return __libc_malloc(size);
	if (size == 0) { /* as glibc does */
		free(block);
		return NULL;
	}
	usable = malloc_usable_size(block);
	if (size <= usable && size >= usable / 2) {
		explicit_bzero((char *)block + size, usable - size);
		return block;
	}
	moved = __libc_malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, size < usable ? size : usable);
	free(block);
	return moved;
}

void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, bytes);
}

enum {
	PROBE_BYTES =
		200, /* small enough for the thread's cache, which gives the last block back */
	PROBE_MARK = 0xa5,
	LINK_BYTES = 16, /* glibc's own pointers at the start of a free block */
};

/* Takes the block again that was just given back at this address, and looks what is in it. */
static bool is_wiped(uintptr_t address)
{
	volatile unsigned char *again = __libc_malloc(PROBE_BYTES);
	bool is_clean = (uintptr_t)again == address;

	for (size_t i = LINK_BYTES; is_clean && i < PROBE_BYTES; i++)
		is_clean = again[i] != PROBE_MARK;
	free((void *)again);
	return is_clean;
}

/* The volatile pointers keep the compiler from dropping a pair of malloc and free. */
bool wipe_heap_is_active(void)
{
	void (*volatile release)(void *) = free;
	void *(*volatile resize)(void *, size_t) = realloc;
	unsigned char *block = __libc_malloc(PROBE_BYTES);
	uintptr_t address = (uintptr_t)block;
	unsigned char *moved;

	/* What the libraries call: their search starts at the program. */
	if (block == NULL || (uintptr_t)dlsym(RTLD_DEFAULT, "free") != (uintptr_t)free)
		return false;
	memset(block, PROBE_MARK, PROBE_BYTES);
	release(block);
	if (!is_wiped(address))
		return false;

	block = __libc_malloc(PROBE_BYTES);
	if (block == NULL)
		return false;
	address = (uintptr_t)block;
	memset(block, PROBE_MARK, PROBE_BYTES);
	moved = resize(block, 16 * PROBE_BYTES);
	if (moved == NULL)
		return false;
	free(moved);
	return is_wiped(address);
}

#endif
