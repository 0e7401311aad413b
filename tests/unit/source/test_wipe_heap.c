/* SPDX-License-Identifier: MIT */
#include "source/wipe_heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "sanitizer.h"

/* glibc keeps its own pointers at the start of a free block; any byte may stand in them. */
enum { LINK_BYTES = 4 * sizeof(void *) };

/* The compiler knows what malloc and friends do; through these it cannot see. */
static void *(*volatile allocate)(size_t) = malloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void *(*volatile resize_array)(void *, size_t, size_t) = reallocarray;
static void (*volatile release)(void *) = free;

static void the_heap_is_wiped_except_under_a_sanitizer(void)
{
	CU_ASSERT_EQUAL(wipe_heap_is_active(), !HAS_SANITIZER);
	CU_ASSERT_EQUAL(wipe_heap_is_active(), !HAS_SANITIZER);
}

static void a_freed_block_comes_back_clean(void)
{
	static const size_t sizes[] = {40, 200, 1000, 5000, 60000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !HAS_SANITIZER; i++) {
		char *block = allocate(sizes[i]);
		uintptr_t address = (uintptr_t)block;
		char *again;
		size_t marks = 0;

		memset(block, 0x5a, sizes[i]);
		release(block);
		again = allocate(sizes[i]);
		for (size_t at = LINK_BYTES; at < sizes[i]; at++)
			marks += again[at] == 0x5a;
		CU_ASSERT_EQUAL((uintptr_t)again, address);
		CU_ASSERT_EQUAL(marks, 0);
		release(again);
	}
}

static void a_moved_block_keeps_its_content(void)
{
	char *block = resize(NULL, 10);

	memcpy(block, "0123456789", 10);
	for (size_t size = 10; size < 3000000; size *= 3) {
		block = resize(block, size);
		CU_ASSERT_EQUAL(memcmp(block, "0123456789", 10), 0);
	}
	block = resize_array(block, 5, 1);
	CU_ASSERT_EQUAL(memcmp(block, "01234", 5), 0);
	release(block);
}

static void a_shrunk_block_keeps_nothing_behind_its_end(void)
{
	char *block = allocate(1000);

	memset(block, 0x5a, 1000);
	block = resize(block, 600);
	for (size_t i = 600; i < malloc_usable_size(block); i++)
		CU_ASSERT_NOT_EQUAL(block[i], 0x5a);
	CU_ASSERT_EQUAL(block[599], 0x5a);
	release(block);
}

static void resizing_to_nothing_frees(void)
{
	CU_ASSERT_PTR_NULL(resize(allocate(10), 0));
}

static void impossible_sizes_fail_and_keep_the_block(void)
{
	char *block = allocate(10);
	volatile size_t half = SIZE_MAX / 2;

	if (HAS_SANITIZER) { /* which ends the program on such a size */
		release(block);
		return;
	}
	memcpy(block, "0123456789", 10);
	errno = 0;
	CU_ASSERT_PTR_NULL(resize_array(block, half, 3));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_PTR_NULL(resize(block, half + 1));
	CU_ASSERT_EQUAL(memcmp(block, "0123456789", 10), 0);
	release(block);
}

static void freeing_keeps_errno(void)
{
	void *block = allocate(10);

	errno = ENOTTY;
	release(block);
	release(NULL);
	CU_ASSERT_EQUAL(errno, ENOTTY);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_heap_is_wiped_except_under_a_sanitizer",
		 the_heap_is_wiped_except_under_a_sanitizer},
		{"a_freed_block_comes_back_clean", a_freed_block_comes_back_clean},
		{"a_moved_block_keeps_its_content", a_moved_block_keeps_its_content},
		{"a_shrunk_block_keeps_nothing_behind_its_end",
		 a_shrunk_block_keeps_nothing_behind_its_end},
		{"resizing_to_nothing_frees", resizing_to_nothing_frees},
		{"impossible_sizes_fail_and_keep_the_block",
		 impossible_sizes_fail_and_keep_the_block},
		{"freeing_keeps_errno", freeing_keeps_errno},
		CU_TEST_INFO_NULL,
	};

	return harness_run("wipe_heap", tests);
}
