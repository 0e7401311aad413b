/* SPDX-License-Identifier: MIT */
#include "source/locked_heap.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"
#include "sanitizer.h"

enum { BLOCKS = 300, ROUNDS = 20000, THREADS = 4 };

static bool is_all(const unsigned char *bytes, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void blocks_are_aligned_and_apart(void)
{
	unsigned char *blocks[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = locked_heap_malloc(i);
		CU_ASSERT_FATAL(blocks[i] != NULL);
		CU_ASSERT_EQUAL((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i % 251), i);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		CU_ASSERT(is_all(blocks[i], i, (unsigned char)(i % 251)));
	for (size_t i = 0; i < BLOCKS; i++)
		locked_heap_free(blocks[i * 7 % BLOCKS]);
}

static void a_block_is_wiped_when_it_is_given_back(void)
{
	char *keeps_the_chunk = locked_heap_malloc(1);
	unsigned char *block = locked_heap_malloc(1000);
	const volatile unsigned char *after = block;
	size_t marks = 0;

	memset(block, 0x5a, 1000);
	locked_heap_free(block);
	for (size_t i = 0; i < 1000; i++)
		marks += after[i] == 0x5a;
	CU_ASSERT_EQUAL(marks, 0);
	locked_heap_free(keeps_the_chunk);
}

static void calloc_gives_zeroes_out_of_what_was_used(void)
{
	unsigned char *used[BLOCKS];
	unsigned char *large;

	for (size_t i = 0; i < BLOCKS; i++) {
		used[i] = locked_heap_malloc(i);
		memset(used[i], 0xff, i);
	}
	for (size_t i = 1; i < BLOCKS; i++)
		locked_heap_free(used[i]);
	large = locked_heap_calloc(100, 300);
	CU_ASSERT(is_all(large, 30000, 0));
	locked_heap_free(large);
	locked_heap_free(used[0]);
	CU_ASSERT_PTR_NULL(locked_heap_calloc(SIZE_MAX / 2, 3));
	CU_ASSERT_PTR_NULL(locked_heap_malloc(SIZE_MAX));
}

static void realloc_keeps_what_fits_and_wipes_what_is_cut_off(void)
{
	char *block = locked_heap_realloc(NULL, 10);

	memcpy(block, "0123456789", 10);
	for (size_t size = 10; size < 3000000; size *= 3) {
		block = locked_heap_realloc(block, size);
		CU_ASSERT_EQUAL_FATAL(memcmp(block, "0123456789", 10), 0);
	}
	block = locked_heap_realloc(block, 5);
	CU_ASSERT_EQUAL(memcmp(block, "01234\0\0\0\0\0", 10), 0);
	CU_ASSERT_PTR_NULL(locked_heap_realloc(block, SIZE_MAX));
	CU_ASSERT_EQUAL(memcmp(block, "01234", 5), 0);
	locked_heap_free(block);
}

static void strdup_copies(void)
{
	char *copy = locked_heap_strdup("Authorization: Basic x");

	CU_ASSERT_STRING_EQUAL(copy, "Authorization: Basic x");
	locked_heap_free(copy);
	locked_heap_free(NULL);
}

/* The flags in smaps of the mapping that holds pointer, "" if there is none. */
static void flags_of(const void *pointer, char ret[static 256])
{
	CLEANUP(close_file) FILE *smaps = fopen("/proc/self/smaps", "re");
	bool is_inside = false;
	char line[256];

	ret[0] = '\0';
	CU_ASSERT_FATAL(smaps != NULL);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		uintptr_t start;
		uintptr_t end;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
			is_inside = start <= (uintptr_t)pointer && (uintptr_t)pointer < end;
		else if (is_inside && strncmp(line, "VmFlags:", 8) == 0)
			strcpy(ret, line);
	}
}

static void its_pages_are_locked_and_neither_dumped_nor_kept(void)
{
	char *small = locked_heap_malloc(10);
	char *large = locked_heap_malloc(1000000);
	char flags[256];

	for (int i = 0; i < 2; i++) {
		flags_of(i == 0 ? small : large, flags);
		/* AddressSanitizer makes mlock(2) do nothing */
		CU_ASSERT(HAS_SANITIZER || strstr(flags, " lo") != NULL);
		CU_ASSERT_PTR_NOT_NULL(strstr(flags, " dd"));
		CU_ASSERT_PTR_NOT_NULL(strstr(flags, " wf"));
	}
	locked_heap_free(large);
	locked_heap_free(small);
	flags_of(large, flags);
	CU_ASSERT_PTR_NULL(strstr(flags, " wf"));
}

static void one_empty_chunk_is_kept_and_holds_zeroes(void)
{
	enum { HALF = LOCKED_HEAP_CHUNK_BYTES * 2 / 3 };
	char *first = locked_heap_malloc(HALF);
	char *second = locked_heap_malloc(HALF); /* in a chunk of its own */
	char *again;
	char flags[256];

	memset(first, 0x5a, HALF);
	memset(second, 0x5a, HALF);
	locked_heap_free(first);
	locked_heap_free(second);
	flags_of(first, flags);
	CU_ASSERT_PTR_NOT_NULL(strstr(flags, " dd"));
	CU_ASSERT(HAS_SANITIZER || strstr(flags, " lo") != NULL);
	flags_of(second, flags);
	CU_ASSERT_PTR_NULL(strstr(flags, " wf"));
	CU_ASSERT(is_all((unsigned char *)first, HALF, 0));

	again = locked_heap_malloc(HALF);
	CU_ASSERT_PTR_EQUAL(again, first);
	locked_heap_trim(); /* it is in use */
	memset(again, 0x5a, HALF);
	locked_heap_free(again);
	locked_heap_trim();
	flags_of(first, flags);
	CU_ASSERT_PTR_NULL(strstr(flags, " wf"));
	locked_heap_trim();
}

static void what_lies_in_pieces_is_one_block_when_it_is_empty(void)
{
	enum { PIECE = LOCKED_HEAP_CHUNK_BYTES / 10, WHOLE = LOCKED_HEAP_CHUNK_BYTES * 9 / 10 };
	char *pieces[9];
	char *whole;

	for (size_t i = 0; i < 9; i++)
		pieces[i] = locked_heap_malloc(PIECE);
	for (size_t i = 0; i < 9; i++)
		locked_heap_free(pieces[i * 4 % 9]);
	whole = locked_heap_calloc(1, WHOLE);
	CU_ASSERT_PTR_EQUAL(whole, pieces[0]);
	CU_ASSERT(is_all((unsigned char *)whole, WHOLE, 0));
	locked_heap_free(whole);
	locked_heap_trim();
}

/* Grows, shrinks, takes and gives back at random; each block must still hold its own mark. */
static void *churn(void *seed)
{
	unsigned chance = *(unsigned *)seed;
	unsigned char *blocks[64] = {NULL};
	size_t sizes[64] = {0};
	uintptr_t faults = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t which = (size_t)rand_r(&chance) % 64;
		size_t size = (size_t)rand_r(&chance) % (i % 50 == 0 ? 200000 : 2000);

		faults += !is_all(blocks[which], sizes[which], (unsigned char)which);
		if (i % 3 == 0) {
			locked_heap_free(blocks[which]);
			blocks[which] = NULL;
			size = 0;
		} else {
			blocks[which] = locked_heap_realloc(blocks[which], size);
			memset(blocks[which], (int)which, size);
		}
		sizes[which] = size;
	}
	for (size_t i = 0; i < 64; i++)
		locked_heap_free(blocks[i]);
	return (void *)faults; // NOLINT(performance-no-int-to-ptr): a count
}

static void threads_use_it_at_the_same_time(void)
{
	unsigned seeds[THREADS] = {1, 2, 3, 4};
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, churn, &seeds[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *faults;

		CU_ASSERT_EQUAL(pthread_join(threads[i], &faults), 0);
		CU_ASSERT_PTR_NULL(faults);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"blocks_are_aligned_and_apart", blocks_are_aligned_and_apart},
		{"a_block_is_wiped_when_it_is_given_back", a_block_is_wiped_when_it_is_given_back},
		{"calloc_gives_zeroes_out_of_what_was_used",
		 calloc_gives_zeroes_out_of_what_was_used},
		{"realloc_keeps_what_fits_and_wipes_what_is_cut_off",
		 realloc_keeps_what_fits_and_wipes_what_is_cut_off},
		{"strdup_copies", strdup_copies},
		{"its_pages_are_locked_and_neither_dumped_nor_kept",
		 its_pages_are_locked_and_neither_dumped_nor_kept},
		{"one_empty_chunk_is_kept_and_holds_zeroes",
		 one_empty_chunk_is_kept_and_holds_zeroes},
		{"what_lies_in_pieces_is_one_block_when_it_is_empty",
		 what_lies_in_pieces_is_one_block_when_it_is_empty},
		{"threads_use_it_at_the_same_time", threads_use_it_at_the_same_time},
		CU_TEST_INFO_NULL,
	};

	return harness_run("locked_heap", tests);
}
