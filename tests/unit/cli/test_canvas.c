/* SPDX-License-Identifier: MIT */
#include "cli/canvas.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* A canvas and what was drawn on it. */
struct easel {
	struct canvas canvas;
	char text[4096];
};

static void set_up(struct easel *easel, size_t width, bool has_utf8)
{
	memset(easel, 0, sizeof(*easel));
	easel->canvas = (struct canvas){
		.stream = fmemopen(easel->text, sizeof(easel->text), "w"),
		.width = width,
		.has_utf8 = has_utf8,
	};
	if (easel->canvas.stream == NULL)
		abort();
}

static const char *finish(struct easel *easel)
{
	(void)fclose(easel->canvas.stream);
	return easel->text;
}

static void what_is_put_is_cut_at_the_edge(void)
{
	struct easel easel;

	set_up(&easel, 5, true);
	canvas_put(&easel.canvas, CANVAS_PLAIN, "abc");
	canvas_put(&easel.canvas, CANVAS_PLAIN, "defg");
	canvas_put(&easel.canvas, CANVAS_PLAIN, "h");
	CU_ASSERT_STRING_EQUAL(finish(&easel), "abcde");
}

static void text_is_wrapped_between_words(void)
{
	struct easel easel;

	set_up(&easel, 20, true);
	canvas_wrap(&easel.canvas, CANVAS_PLAIN, 2, "one two three four five");
	canvas_wrap(&easel.canvas, CANVAS_PLAIN, 2, " six seven eight");
	canvas_end_line(&easel.canvas);
	CU_ASSERT_EQUAL(easel.canvas.lines, 3);
	CU_ASSERT_STRING_EQUAL(finish(&easel), "one two three four\n  five six seven\n  eight\n");
}

static void a_word_longer_than_a_line_is_broken(void)
{
	struct easel easel;

	set_up(&easel, 20, true);
	canvas_wrap(&easel.canvas, CANVAS_PLAIN, 2, "x aaaaaaaaaabbbbbbbbbbccccccccccdd y");
	CU_ASSERT_STRING_EQUAL(finish(&easel), "x aaaaaaaaaabbbbbbbb\n  bbccccccccccdd y");
}

static void a_screen_too_narrow_for_an_indent_has_none(void)
{
	struct easel easel;

	set_up(&easel, 3, true);
	canvas_wrap(&easel.canvas, CANVAS_PLAIN, 2, "ab cdef g");
	CU_ASSERT_STRING_EQUAL(finish(&easel), "ab\ncde\nf g");
}

static void cells_are_counted_and_not_bytes(void)
{
	struct easel easel;

	set_up(&easel, 5, true);
	CU_ASSERT_EQUAL(canvas_measure(&easel.canvas, "\xc3\xa9\xc3\xa9"), 2);
	CU_ASSERT_EQUAL(canvas_measure(&easel.canvas, "e\xcc\x81"), 1);     /* combining */
	CU_ASSERT_EQUAL(canvas_measure(&easel.canvas, "\xe6\xbc\xa2x"), 3); /* wide */
	canvas_put(&easel.canvas, CANVAS_PLAIN, "\xc3\xa9\xe6\xbc\xa2\xe6\xbc\xa2!");
	CU_ASSERT_STRING_EQUAL(finish(&easel), "\xc3\xa9\xe6\xbc\xa2\xe6\xbc\xa2");
}

static void what_could_steer_a_terminal_is_escaped(void)
{
	struct easel easel;

	set_up(&easel, 40, true);
	canvas_wrap(&easel.canvas, CANVAS_PLAIN, 0, "a\033[2Jb\nc\xff");
	CU_ASSERT_EQUAL(easel.canvas.lines, 0);
	CU_ASSERT_STRING_EQUAL(finish(&easel), "a\\x1b[2Jb\\x0ac\\xff");
}

static void without_utf8_everything_is_ascii(void)
{
	struct easel easel;

	set_up(&easel, 40, false);
	canvas_put(&easel.canvas, CANVAS_PLAIN, "\xc3\xa9");
	CU_ASSERT_EQUAL(easel.canvas.column, 8);
	canvas_repeat(&easel.canvas, CANVAS_PLAIN, CANVAS_BAR_FULL, 2);
	canvas_repeat(&easel.canvas, CANVAS_PLAIN, CANVAS_BAR_EMPTY, 1);
	canvas_repeat(&easel.canvas, CANVAS_PLAIN, CANVAS_OUTCOME_OK, 1);
	canvas_repeat(&easel.canvas, CANVAS_PLAIN, CANVAS_OUTCOME_FAILED, 1);
	CU_ASSERT_STRING_EQUAL(finish(&easel), "\\xc3\\xa9##-.x");
}

static void each_line_ends_its_colours(void)
{
	struct easel easel;

	set_up(&easel, 8, true);
	easel.canvas.has_colours = true;
	canvas_wrap(&easel.canvas, CANVAS_BAD, 0, "one two three");
	canvas_put(&easel.canvas, CANVAS_PLAIN, "!");
	CU_ASSERT_STRING_EQUAL(finish(&easel), "\033[31mone two\033[0m\n\033[31mthree\033[0m!");
}

static void padding_keeps_columns_apart(void)
{
	struct easel easel;

	set_up(&easel, 8, true);
	canvas_pad(&easel.canvas, 2);
	canvas_put(&easel.canvas, CANVAS_PLAIN, "abc");
	canvas_pad(&easel.canvas, 4);
	canvas_put(&easel.canvas, CANVAS_PLAIN, "d");
	canvas_pad(&easel.canvas, 99);
	CU_ASSERT_STRING_EQUAL(finish(&easel), "  abc d ");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_is_put_is_cut_at_the_edge", what_is_put_is_cut_at_the_edge},
		{"text_is_wrapped_between_words", text_is_wrapped_between_words},
		{"a_word_longer_than_a_line_is_broken", a_word_longer_than_a_line_is_broken},
		{"a_screen_too_narrow_for_an_indent_has_none",
		 a_screen_too_narrow_for_an_indent_has_none},
		{"cells_are_counted_and_not_bytes", cells_are_counted_and_not_bytes},
		{"what_could_steer_a_terminal_is_escaped", what_could_steer_a_terminal_is_escaped},
		{"without_utf8_everything_is_ascii", without_utf8_everything_is_ascii},
		{"each_line_ends_its_colours", each_line_ends_its_colours},
		{"padding_keeps_columns_apart", padding_keeps_columns_apart},
		CU_TEST_INFO_NULL,
	};

	return harness_run("canvas", tests);
}
