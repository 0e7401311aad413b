/* SPDX-License-Identifier: MIT */
#include "httpd/shared_text.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void it_is_a_copy_that_ends_with_a_nul(void)
{
	char data[] = "abc\0def";
	struct shared_text *text = shared_text_new(data, sizeof(data) - 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(data, 'x', sizeof(data));
	CU_ASSERT_EQUAL(text->length, 7);
	CU_ASSERT_EQUAL(memcmp(text->data, "abc\0def", 8), 0);
	shared_text_release(text);
}

static void it_lives_as_long_as_its_last_holder(void)
{
	struct shared_text *text = shared_text_new("abc", 3);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_EQUAL(shared_text_hold(text), text);
	CU_ASSERT_EQUAL(text->holders, 2);
	shared_text_release(text);
	CU_ASSERT_EQUAL(text->holders, 1);
	CU_ASSERT_STRING_EQUAL(text->data, "abc");
	shared_text_release(text);
}

static void an_empty_text_is_one_and_none_is_released_in_peace(void)
{
	struct shared_text *text = shared_text_new("", 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(text->length, 0);
	CU_ASSERT_STRING_EQUAL(text->data, "");
	shared_text_release(text);
	shared_text_release(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"it_is_a_copy_that_ends_with_a_nul", it_is_a_copy_that_ends_with_a_nul},
		{"it_lives_as_long_as_its_last_holder", it_lives_as_long_as_its_last_holder},
		{"an_empty_text_is_one_and_none_is_released_in_peace",
		 an_empty_text_is_one_and_none_is_released_in_peace},
		CU_TEST_INFO_NULL,
	};

	return harness_run("shared_text", tests);
}
