/* SPDX-License-Identifier: MIT */
#include "cli/escape.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const char *escaped(const char *string)
{
	static char buffer[256];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	escape_add(&text, string);
	return buffer;
}

static void plain_text_stays(void)
{
	CU_ASSERT_STRING_EQUAL(escaped(""), "");
	CU_ASSERT_STRING_EQUAL(escaped("a b~!\"\\"), "a b~!\"\\");
	CU_ASSERT_STRING_EQUAL(escaped("Grüße, 東京, 𝄞"), "Grüße, 東京, 𝄞");
	CU_ASSERT_STRING_EQUAL(escaped("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");
}

static void control_characters_are_shown(void)
{
	CU_ASSERT_STRING_EQUAL(escaped("a\033[2Jb"), "a\\x1b[2Jb");
	CU_ASSERT_STRING_EQUAL(escaped("\n\r\t\x7f"), "\\x0a\\x0d\\x09\\x7f");
	/* C1, in UTF-8: U+009B is another way to say ESC [ */
	CU_ASSERT_STRING_EQUAL(escaped("\xc2\x9b"
				       "1m"),
			       "\\xc2\\x9b1m");
}

static void characters_that_hide_or_turn_text_are_shown(void)
{
	CU_ASSERT_STRING_EQUAL(escaped("\xe2\x80\xae"), "\\xe2\\x80\\xae"); /* U+202E */
	CU_ASSERT_STRING_EQUAL(escaped("\xe2\x80\x8b"), "\\xe2\\x80\\x8b"); /* U+200B */
	CU_ASSERT_STRING_EQUAL(escaped("\xe2\x81\xa6"), "\\xe2\\x81\\xa6"); /* U+2066 */
	CU_ASSERT_STRING_EQUAL(escaped("\xef\xbb\xbf"), "\\xef\\xbb\\xbf"); /* U+FEFF */
}

static void what_is_not_utf8_is_shown_byte_by_byte(void)
{
	CU_ASSERT_STRING_EQUAL(escaped("\xff"
				       "a"),
			       "\\xffa");
	CU_ASSERT_STRING_EQUAL(escaped("\x80"), "\\x80");
	CU_ASSERT_STRING_EQUAL(escaped("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
	CU_ASSERT_STRING_EQUAL(escaped("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"); /* overlong */
	CU_ASSERT_STRING_EQUAL(escaped("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf");
	CU_ASSERT_STRING_EQUAL(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
	CU_ASSERT_STRING_EQUAL(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
	CU_ASSERT_STRING_EQUAL(escaped("\xf5"), "\\xf5");
}

static void a_character_cut_by_the_end_is_not_read_past_it(void)
{
	CU_ASSERT_STRING_EQUAL(escaped("\xe2\x82"), "\\xe2\\x82");
	CU_ASSERT_STRING_EQUAL(escaped("\xf0\x9d\x84"), "\\xf0\\x9d\\x84");
	CU_ASSERT_STRING_EQUAL(escaped("\xe2"
				       "a"),
			       "\\xe2"
			       "a");
}

static void a_stream_gets_the_same(void)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	escape_print(stream, "ü\x01\xff!");
	(void)fclose(stream);
	CU_ASSERT_STRING_EQUAL(text, "ü\\x01\\xff!");
	free(text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"plain_text_stays", plain_text_stays},
		{"control_characters_are_shown", control_characters_are_shown},
		{"characters_that_hide_or_turn_text_are_shown",
		 characters_that_hide_or_turn_text_are_shown},
		{"what_is_not_utf8_is_shown_byte_by_byte", what_is_not_utf8_is_shown_byte_by_byte},
		{"a_character_cut_by_the_end_is_not_read_past_it",
		 a_character_cut_by_the_end_is_not_read_past_it},
		{"a_stream_gets_the_same", a_stream_gets_the_same},
		CU_TEST_INFO_NULL,
	};

	return harness_run("escape", tests);
}
