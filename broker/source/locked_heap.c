/* SPDX-License-Identifier: MIT */
/*
 * Chunks of pages, cut into blocks that lie one behind the other. A block is taken from the first
 * that fits; free neighbours grow together when they are passed. Few blocks live at a time (some
 * dozens a request), so walking them costs less than what the library does with them.
 *
 * What is free is all zeroes but for the headers of blocks.
 */
#include "source/locked_heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/locked_pages.h"

enum { ALIGNMENT = 16 };

struct chunk {
	_Alignas(ALIGNMENT) struct chunk *next;
	size_t bytes; /* of its pages */
	size_t taken; /* blocks */
	bool is_locked;
};

struct block {
	_Alignas(ALIGNMENT) struct chunk *chunk; /* NULL: free */
	size_t bytes;                            /* with this header; 0: the end of the chunk */
};

_Static_assert(sizeof(struct block) % ALIGNMENT == 0, "what follows it is aligned");
_Static_assert(sizeof(struct chunk) % ALIGNMENT == 0, "what follows it is aligned");

static struct {
	pthread_mutex_t lock; /* names are resolved in threads, which allocate, too */
	struct chunk *chunks;
	struct chunk *empty; /* one of them, of the usual size, or NULL */
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct block *first_of(struct chunk *chunk)
{
	return (struct block *)(chunk + 1);
}

static struct block *at(struct block *block, size_t offset)
{
	return (struct block *)(void *)((char *)block + offset);
}

static size_t room_of(const struct block *block)
{
	return block->bytes - sizeof(*block);
}

static void merge_with_free_neighbours(struct block *block)
{
	struct block *next;

	while ((next = at(block, block->bytes))->chunk == NULL && next->bytes > 0) {
		block->bytes += next->bytes;
		*next = (struct block){.bytes = 0};
	}
}

static struct block *find(struct chunk *chunk, size_t bytes)
{
	for (struct block *block = first_of(chunk); block->bytes > 0;
	     block = at(block, block->bytes)) {
		if (block->chunk != NULL)
			continue;
		merge_with_free_neighbours(block);
		if (block->bytes >= bytes)
			return block;
	}
	return NULL;
}

/* One free block; the end behind it is zeroes, as new pages are. */
static struct chunk *add_chunk(size_t bytes)
{
	size_t wanted = sizeof(struct chunk) + bytes + sizeof(struct block);
	bool is_locked; /* where not, broker_look_at_memory() tells of it */
	size_t chunk_bytes;
	struct chunk *chunk;

	if (wanted < LOCKED_HEAP_CHUNK_BYTES)
		wanted = LOCKED_HEAP_CHUNK_BYTES;
	chunk = locked_pages_map(wanted, &chunk_bytes, &is_locked);
	if (chunk == NULL)
		return NULL;
	*chunk = (struct chunk){.next = heap.chunks, .bytes = chunk_bytes, .is_locked = is_locked};
	heap.chunks = chunk;
	first_of(chunk)->bytes = chunk_bytes - sizeof(*chunk) - sizeof(struct block);
	return chunk;
}

/* What is left of the block is a free one, if it can hold anything. */
static void *take(struct chunk *chunk, struct block *block, size_t bytes)
{
	size_t left = block->bytes - bytes;

	if (left > sizeof(*block)) {
		at(block, bytes)->bytes = left;
		block->bytes = bytes;
	}
	if (heap.empty == chunk)
		heap.empty = NULL;
	block->chunk = chunk;
	chunk->taken++;
	return block + 1;
}

static void *find_and_take(size_t bytes)
{
	struct chunk *chunk;

	for (chunk = heap.chunks; chunk != NULL; chunk = chunk->next) {
		struct block *block = find(chunk, bytes);

		if (block != NULL)
			return take(chunk, block, bytes);
	}
	chunk = add_chunk(bytes);
	return chunk == NULL ? NULL : take(chunk, first_of(chunk), bytes);
}

void *locked_heap_malloc(size_t size)
{
	void *pointer;

	if (size > SIZE_MAX / 4)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	(void)pthread_mutex_lock(&heap.lock);
	pointer = find_and_take(sizeof(struct block) + size);
	(void)pthread_mutex_unlock(&heap.lock);
	return pointer;
}

void *locked_heap_calloc(size_t count, size_t size)
{
	size_t bytes;

	/* What is free is zeroes. */
	return __builtin_mul_overflow(count, size, &bytes) ? NULL : locked_heap_malloc(bytes);
}

static void remove_chunk(struct chunk *chunk)
{
	struct chunk **link = &heap.chunks;

	while (*link != chunk)
		link = &(*link)->next;
	*link = chunk->next;
	locked_pages_unmap(chunk, chunk->bytes);
}

/* A request leaves no block behind, so without one to keep each would map its chunk anew. A large
 * one is not kept, as what may be locked is limited, nor one that could not be: the next may. */
static void keep_or_remove(struct chunk *chunk)
{
	if (heap.empty != NULL || chunk->bytes > LOCKED_HEAP_CHUNK_BYTES || !chunk->is_locked) {
		remove_chunk(chunk);
		return;
	}
	merge_with_free_neighbours(first_of(chunk));
	heap.empty = chunk;
}

void locked_heap_free(void *pointer)
{
	struct block *block = pointer;
	struct chunk *chunk;

	if (pointer == NULL)
		return;
	block--;
	(void)pthread_mutex_lock(&heap.lock);
	explicit_bzero(pointer, room_of(block));
	chunk = block->chunk;
	block->chunk = NULL;
	if (--chunk->taken == 0)
		keep_or_remove(chunk);
	(void)pthread_mutex_unlock(&heap.lock);
}

void locked_heap_trim(void)
{
	(void)pthread_mutex_lock(&heap.lock);
	if (heap.empty != NULL)
		remove_chunk(heap.empty);
	heap.empty = NULL;
	(void)pthread_mutex_unlock(&heap.lock);
}

void *locked_heap_realloc(void *pointer, size_t size)
{
	const struct block *block = pointer;
	void *moved;

	if (pointer == NULL)
		return locked_heap_malloc(size);
	block--;
	if (size <= room_of(block)) {
		explicit_bzero((char *)pointer + size, room_of(block) - size);
		return pointer;
	}
	moved = locked_heap_malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, pointer, room_of(block));
	locked_heap_free(pointer);
	return moved;
}

char *locked_heap_strdup(const char *string)
{
	size_t bytes = strlen(string) + 1;
	char *copy = locked_heap_malloc(bytes);

	return copy == NULL ? NULL : memcpy(copy, string, bytes);
}
