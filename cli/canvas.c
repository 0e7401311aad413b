/* SPDX-License-Identifier: MIT */
#include "cli/canvas.h"

#include <string.h>

#include "cli/escape.h"

/* ECMA-48 8.3.117 SGR. */
static const char *const styles[] = {
	[CANVAS_PLAIN] = "",        [CANVAS_STRONG] = "\033[1m",   [CANVAS_FAINT] = "\033[2m",
	[CANVAS_GOOD] = "\033[32m", [CANVAS_WARNING] = "\033[33m", [CANVAS_BAD] = "\033[31m",
};

static const struct {
	const char *utf8;
	const char *ascii;
} glyphs[] = {
	[CANVAS_BAR_FULL] = {"\xe2\x96\x88", "#"},       /* U+2588 full block */
	[CANVAS_BAR_EMPTY] = {"\xe2\x96\x91", "-"},      /* U+2591 light shade */
	[CANVAS_OUTCOME_OK] = {"\xe2\x96\xaa", "."},     /* U+25AA small square */
	[CANVAS_OUTCOME_FAILED] = {"\xe2\x9c\x97", "x"}, /* U+2717 ballot x */
};

/* They stand on one line each: a line is complete by itself wherever it is cut off. */
static void begin_style(const struct canvas *canvas, enum canvas_style style)
{
	if (canvas->has_colours)
		(void)fputs(styles[style], canvas->stream);
}

static void end_style(const struct canvas *canvas, enum canvas_style style)
{
	if (canvas->has_colours && style != CANVAS_PLAIN)
		(void)fputs("\033[0m", canvas->stream);
}

/* false: it does not fit. */
static bool put_piece(struct canvas *canvas, const char *piece, size_t cells)
{
	if (canvas->column + cells > canvas->width)
		return false;
	(void)fputs(piece, canvas->stream);
	canvas->column += cells;
	return true;
}

void canvas_put(struct canvas *canvas, enum canvas_style style, const char *text)
{
	char piece[ESCAPE_PIECE_BYTES];

	begin_style(canvas, style);
	while (*text != '\0') {
		size_t cells = escape_next(&text, canvas->has_utf8, piece);

		if (!put_piece(canvas, piece, cells))
			break;
	}
	end_style(canvas, style);
}

void canvas_repeat(struct canvas *canvas, enum canvas_style style, enum canvas_glyph glyph,
		   size_t count)
{
	const char *sign = canvas->has_utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;

	begin_style(canvas, style);
	while (count > 0 && put_piece(canvas, sign, 1))
		count--;
	end_style(canvas, style);
}

void canvas_pad(struct canvas *canvas, size_t column)
{
	if (canvas->column > 0 && column <= canvas->column)
		column = canvas->column + 1;
	while (canvas->column < column && put_piece(canvas, " ", 1))
		;
}

void canvas_end_line(struct canvas *canvas)
{
	(void)fputc('\n', canvas->stream);
	canvas->column = 0;
	canvas->lines++;
}

size_t canvas_measure(const struct canvas *canvas, const char *text)
{
	char piece[ESCAPE_PIECE_BYTES];
	size_t cells = 0;

	while (*text != '\0')
		cells += escape_next(&text, canvas->has_utf8, piece);
	return cells;
}

/* The cells of the word at text, up to a blank or the end. */
static size_t measure_word(const struct canvas *canvas, const char *text)
{
	char piece[ESCAPE_PIECE_BYTES];
	size_t cells = 0;

	while (*text != '\0' && *text != ' ' && cells <= canvas->width)
		cells += escape_next(&text, canvas->has_utf8, piece);
	return cells;
}

static void start_next_line(struct canvas *canvas, enum canvas_style style, size_t indent)
{
	end_style(canvas, style);
	canvas_end_line(canvas);
	canvas_pad(canvas, indent);
	begin_style(canvas, style);
}

/* A word longer than a line is broken where the line ends. Returns what follows it. */
static const char *put_word(struct canvas *canvas, enum canvas_style style, size_t indent,
			    const char *text)
{
	char piece[ESCAPE_PIECE_BYTES];

	while (*text != '\0' && *text != ' ') {
		size_t cells = escape_next(&text, canvas->has_utf8, piece);

		if (put_piece(canvas, piece, cells))
			continue;
		start_next_line(canvas, style, indent);
		(void)put_piece(canvas, piece, cells);
	}
	return text;
}

void canvas_wrap(struct canvas *canvas, enum canvas_style style, size_t indent, const char *text)
{
	bool has_blank = false;

	/* A screen too narrow for the indent has room for none. */
	if (indent + ESCAPE_PIECE_BYTES > canvas->width)
		indent = 0;
	begin_style(canvas, style);
	while (*text != '\0') {
		if (*text == ' ') {
			has_blank = true;
			text++;
			continue;
		}
		if (canvas->column + has_blank + measure_word(canvas, text) > canvas->width &&
		    canvas->column > indent)
			start_next_line(canvas, style, indent);
		else if (has_blank)
			(void)put_piece(canvas, " ", 1);
		has_blank = false;
		text = put_word(canvas, style, indent, text);
	}
	end_style(canvas, style);
}
