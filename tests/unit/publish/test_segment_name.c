/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "harness.h"
#include "publish/segment_name.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

static const struct segment_name in_shm = {
	.backing = RUNTIME_DIR_BACKING_SHM,
	.token = "default",
	.unique = 0x0123456789abcdef,
};
static const struct segment_name in_directory = {
	.backing = RUNTIME_DIR_BACKING_DIRECTORY,
	.token = "a-b_c",
	.unique = 0x1f,
};

static void each_form_is_spelled_as_documented(void)
{
	char buffer[SEGMENT_NAME_BYTES];

	CU_ASSERT_STRING_EQUAL(segment_name_file(&in_shm, buffer),
			       "tokenbroker.default.0123456789abcdef");
	CU_ASSERT_STRING_EQUAL(segment_name_link(&in_shm, buffer),
			       "/dev/shm/tokenbroker.default.0123456789abcdef");
	CU_ASSERT_STRING_EQUAL(segment_name_display(&in_shm, buffer),
			       "/tokenbroker.default.0123456789abcdef");
	CU_ASSERT_STRING_EQUAL(segment_name_file(&in_directory, buffer), "a-b_c.000000000000001f");
	CU_ASSERT_STRING_EQUAL(segment_name_link(&in_directory, buffer),
			       "../segments/a-b_c.000000000000001f");
	CU_ASSERT_STRING_EQUAL(segment_name_display(&in_directory, buffer),
			       "segments/a-b_c.000000000000001f");
}

static void the_longest_name_fits(void)
{
	struct segment_name name = in_shm;
	struct segment_name parsed;
	char buffer[SEGMENT_NAME_BYTES];

	memset(name.token, 'x', TOKEN_NAME_MAX);
	name.token[TOKEN_NAME_MAX] = '\0';
	CU_ASSERT_TRUE(segment_name_parse_link(&parsed, segment_name_link(&name, buffer)));
	CU_ASSERT_TRUE(segment_name_equals(&parsed, &name));
}

static void what_is_spelled_is_parsed(void)
{
	struct segment_name parsed;
	char buffer[SEGMENT_NAME_BYTES];

	CU_ASSERT_TRUE(segment_name_parse_link(&parsed, segment_name_link(&in_shm, buffer)));
	CU_ASSERT_TRUE(segment_name_equals(&parsed, &in_shm));
	CU_ASSERT_TRUE(segment_name_parse_link(&parsed, segment_name_link(&in_directory, buffer)));
	CU_ASSERT_TRUE(segment_name_equals(&parsed, &in_directory));
	CU_ASSERT_TRUE(segment_name_parse_file(&parsed, RUNTIME_DIR_BACKING_SHM,
					       segment_name_file(&in_shm, buffer)));
	CU_ASSERT_TRUE(segment_name_equals(&parsed, &in_shm));
	CU_ASSERT_FALSE(segment_name_equals(&in_shm, &in_directory));
}

static void names_that_differ_in_one_part_are_not_equal(void)
{
	struct segment_name other = in_shm;

	other.unique++;
	CU_ASSERT_FALSE(segment_name_equals(&in_shm, &other));
	other = in_shm;
	other.token[0] = 'e';
	CU_ASSERT_FALSE(segment_name_equals(&in_shm, &other));
	other = in_shm;
	other.backing = RUNTIME_DIR_BACKING_DIRECTORY;
	CU_ASSERT_FALSE(segment_name_equals(&in_shm, &other));
}

static bool is_link(const char *target)
{
	struct segment_name name;

	return segment_name_parse_link(&name, target);
}

static void nothing_else_is_parsed(void)
{
	CU_ASSERT_TRUE(is_link("/dev/shm/tokenbroker.x.0123456789abcdef"));
	CU_ASSERT_FALSE(is_link(""));
	CU_ASSERT_FALSE(is_link("/dev/shm/"));
	CU_ASSERT_FALSE(is_link("/etc/passwd"));
	CU_ASSERT_FALSE(is_link("/dev/shm/other.x.0123456789abcdef"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x.0123456789abcde"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x.0123456789abcdef0"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x.0123456789ABCDEF"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x.0123456789abcdeg"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker..0123456789abcdef"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.X.0123456789abcdef"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker.x/../y.0123456789abcdef"));
	CU_ASSERT_FALSE(is_link("../segments/../x.0123456789abcdef"));
	CU_ASSERT_FALSE(is_link("../segments/"));
	CU_ASSERT_FALSE(is_link("/dev/shm/tokenbroker."
				"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				".0123456789abcdef"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(each_form_is_spelled_as_documented),
		TEST(the_longest_name_fits),
		TEST(what_is_spelled_is_parsed),
		TEST(names_that_differ_in_one_part_are_not_equal),
		TEST(nothing_else_is_parsed),
		CU_TEST_INFO_NULL,
	};

	return harness_run("segment_name", tests);
}
