/* SPDX-License-Identifier: MIT */
#include "base/memory_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

static void what_was_written_is_there(void)
{
	CLEANUP(free_memory) char *text = NULL;
	struct memory_stream stream;
	size_t length = 0;

	CU_ASSERT_EQUAL_FATAL(memory_stream_open(&stream), 0);
	for (unsigned i = 0; i < 10000; i++)
		(void)fprintf(stream.file, "%04u\n", i);
	CU_ASSERT_EQUAL_FATAL(memory_stream_take(&stream, &text, &length), 0);
	CU_ASSERT_EQUAL(length, 50000);
	CU_ASSERT_EQUAL(strlen(text), length);
	CU_ASSERT_STRING_EQUAL(text + length - 5, "9999\n");
}

static void nothing_written_is_an_empty_text(void)
{
	CLEANUP(free_memory) char *text = NULL;
	struct memory_stream stream;
	size_t length = 1;

	CU_ASSERT_EQUAL_FATAL(memory_stream_open(&stream), 0);
	CU_ASSERT_EQUAL_FATAL(memory_stream_take(&stream, &text, &length), 0);
	CU_ASSERT_EQUAL(length, 0);
	CU_ASSERT_STRING_EQUAL(text, "");
}

/* A full device stands in for memory that has run out: the error may come with a write, or be found
 * at the end only. */
static void a_byte_that_is_missing_is_an_error(void)
{
	static const int modes[] = {_IONBF, _IOFBF};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct memory_stream stream = {.file = fopen("/dev/full", "we")};
		char *text = NULL;
		size_t length = 7;

		CU_ASSERT_PTR_NOT_NULL_FATAL(stream.file);
		CU_ASSERT_EQUAL(setvbuf(stream.file, NULL, modes[i], 64), 0);
		(void)fputs("lost", stream.file);
		CU_ASSERT_EQUAL(memory_stream_take(&stream, &text, &length), -ENOMEM);
		CU_ASSERT_PTR_NULL(text);
		CU_ASSERT_EQUAL(length, 7);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_was_written_is_there", what_was_written_is_there},
		{"nothing_written_is_an_empty_text", nothing_written_is_an_empty_text},
		{"a_byte_that_is_missing_is_an_error", a_byte_that_is_missing_is_an_error},
		CU_TEST_INFO_NULL,
	};

	return harness_run("memory_stream", tests);
}
