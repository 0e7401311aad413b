/* SPDX-License-Identifier: MIT */
/*
 * The words of a segment, and a token out of them. A writer may store to any of them at any time,
 * so each is loaded as one relaxed atomic word: a memcpy() from there would be a data race.
 */
#ifndef CLIENTLIB_COPY_TOKEN_H
#define CLIENTLIB_COPY_TOKEN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For the steps of the common read: a call between them costs as much as the steps. */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

#define WORD_BYTES    8

typedef const _Atomic uint64_t shared_word;

static inline shared_word *word_at(const unsigned char *base, size_t offset)
{
	return (shared_word *)(const void *)(base + offset);
}

static inline uint64_t load_word(const unsigned char *base, size_t offset)
{
	return atomic_load_explicit(word_at(base, offset), memory_order_relaxed);
}

static inline void copy_word(char *to, shared_word *from)
{
	uint64_t word = atomic_load_explicit(from, memory_order_relaxed);

	memcpy(to, &word, sizeof(word)); /* the caller's buffer need not be aligned */
}

/* Two words, loaded one by one and stored at once. A word costs a load and a store, and processors
 * do about three of either a cycle: this saves one in four. clang takes a way round through general
 * registers that costs more than the store; AArch64 has an instruction for two stores. */
static inline void copy_pair(char *to, shared_word *from)
{
#if defined(__x86_64__) && !defined(__clang__)
	typedef uint64_t pair __attribute__((vector_size(2 * WORD_BYTES)));
	pair words = {
		atomic_load_explicit(from, memory_order_relaxed),
		atomic_load_explicit(from + 1, memory_order_relaxed),
	};

	memcpy(to, &words, sizeof(words));
#else
	copy_word(to, from);
	copy_word(to + WORD_BYTES, from + 1);
#endif
}

/* Compilers leave loops over atomic loads alone: unrolled by hand. Not all in pairs, because
 * joining them keeps another unit of the processor busy. */
static inline void copy_block(char *to, shared_word *from)
{
	copy_pair(to + 0 * WORD_BYTES, from + 0);
	copy_pair(to + 2 * WORD_BYTES, from + 2);
	copy_pair(to + 4 * WORD_BYTES, from + 4);
	copy_word(to + 6 * WORD_BYTES, from + 6);
	copy_word(to + 7 * WORD_BYTES, from + 7);
}

#define BLOCK_WORDS 8
#define BLOCK_BYTES (BLOCK_WORDS * WORD_BYTES)

/* The first bytes of a word, not all of them: a memcpy() of so many would be a call. */
static inline void copy_part(char *to, shared_word *from, size_t bytes)
{
	uint64_t word = atomic_load_explicit(from, memory_order_relaxed);
	const char *next = (const char *)&word;

	if ((bytes & 4) != 0) {
		memcpy(to, next, 4);
		to += 4;
		next += 4;
	}
	if ((bytes & 2) != 0) {
		memcpy(to, next, 2);
		to += 2;
		next += 2;
	}
	if ((bytes & 1) != 0)
		*to = *next;
}

/* The same behind at least one word: the eight bytes before the end, out of two words, in one
 * store. The first of them is loaded a second time; if a writer has changed it since, head has
 * moved. */
static inline void copy_end(char *to, shared_word *from, size_t bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t before = atomic_load_explicit(from - 1, memory_order_relaxed);
	uint64_t last = atomic_load_explicit(from, memory_order_relaxed);
	uint64_t end = before >> (8 * bytes) | last << (64 - 8 * bytes);

	memcpy(to + bytes - sizeof(end), &end, sizeof(end));
#else
	copy_part(to, from, bytes);
#endif
}

/* Writes length bytes and a NUL, and not one more. */
ALWAYS_INLINE void copy_token(char *to, shared_word *from, size_t length)
{
	size_t left = length;

	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, to += BLOCK_BYTES, from += BLOCK_WORDS)
		copy_block(to, from);
	for (; left >= WORD_BYTES; left -= WORD_BYTES, to += WORD_BYTES, from++)
		copy_word(to, from);
	if (left > 0 && length > WORD_BYTES)
		copy_end(to, from, left);
	else if (left > 0)
		copy_part(to, from, left);
	to[left] = '\0';
}

#endif
