/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

#include "harness.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void check(const char *string, const char *expected)
{
	char buffer[128];

	CU_ASSERT_EQUAL(utf8_copy(buffer, sizeof(buffer), string), strlen(expected));
	CU_ASSERT_STRING_EQUAL(buffer, expected);
	CU_ASSERT_EQUAL(utf8_is_valid(string), strcmp(string, expected) == 0);
	CU_ASSERT_TRUE(utf8_is_valid(expected));
}

static void valid_text_is_copied(void)
{
	check("", "");
	check("plain \x01\n\x7f", "plain \x01\n\x7f");
	check("\xc2\x80 \xdf\xbf", "\xc2\x80 \xdf\xbf");
	check("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf",
	      "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf");
	check("\xf0\x90\x80\x80 \xf3\xbf\xbf\xbf \xf4\x8f\xbf\xbf",
	      "\xf0\x90\x80\x80 \xf3\xbf\xbf\xbf \xf4\x8f\xbf\xbf");
}

static void bytes_that_start_nothing_are_replaced(void)
{
	check("a\x80z", "a" BAD "z");
	check("\xbf", BAD);
	check("\xf5\xff\xfe", BAD BAD BAD);
}

static void overlong_forms_are_replaced(void)
{
	check("\xc0\xaf", BAD BAD);
	check("\xc1\xbf", BAD BAD);
	check("\xe0\x9f\xbf", BAD BAD BAD);
	check("\xf0\x8f\xbf\xbf", BAD BAD BAD BAD);
}

static void surrogates_and_what_is_above_unicode_are_replaced(void)
{
	check("\xed\xa0\x80", BAD BAD BAD);
	check("\xed\xbf\xbf", BAD BAD BAD);
	check("\xf4\x90\x80\x80", BAD BAD BAD BAD);
}

static void a_sequence_that_breaks_off_is_replaced(void)
{
	check("\xc3", BAD);
	check("\xc3(", BAD "(");
	check("\xe2\x82", BAD BAD);
	check("\xe2\x82(", BAD BAD "(");
	check("\xf0\x9f\x98", BAD BAD BAD);
	check("\xf0\x9f(", BAD BAD "(");
	check("\xe2(\xa1", BAD "(" BAD);
}

static void a_long_text_is_cut_between_characters(void)
{
	char buffer[8];

	CU_ASSERT_EQUAL(utf8_copy(buffer, 8, "abcde\xe2\x82\xac"), 5);
	CU_ASSERT_STRING_EQUAL(buffer, "abcde");
	CU_ASSERT_EQUAL(utf8_copy(buffer, 8, "abcd\xe2\x82\xac"), 7);
	CU_ASSERT_EQUAL(utf8_copy(buffer, 8, "abcdefgh"), 7);
	CU_ASSERT_EQUAL(utf8_copy(buffer, 3, "\xff"), 0);
	CU_ASSERT_EQUAL(utf8_copy(buffer, 1, "a"), 0);
	CU_ASSERT_EQUAL(buffer[0], '\0');
}

static void a_character_is_taken_apart(void)
{
	static const struct {
		const char *string;
		size_t length;
		uint32_t code;
	} table[] = {
		{"a", 1, 'a'},
		{"", 1, 0},
		{"\xc2\x80", 2, 0x80},
		{"\xc3\xa9x", 2, 0xe9},
		{"\xe2\x82\xac", 3, 0x20ac},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\x80", 0, 77},
		{"\xe2\x82", 0, 77},
		{"\xed\xa0\x80", 0, 77},
		{"\xf4\x90\x80\x80", 0, 77},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t code = 77;

		CU_ASSERT_EQUAL(utf8_decode(table[i].string, &code), table[i].length);
		CU_ASSERT_EQUAL(code, table[i].code);
	}
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(valid_text_is_copied),
		TEST(bytes_that_start_nothing_are_replaced),
		TEST(overlong_forms_are_replaced),
		TEST(surrogates_and_what_is_above_unicode_are_replaced),
		TEST(a_sequence_that_breaks_off_is_replaced),
		TEST(a_long_text_is_cut_between_characters),
		TEST(a_character_is_taken_apart),
		CU_TEST_INFO_NULL,
	};

	return harness_run("utf8", tests);
}
