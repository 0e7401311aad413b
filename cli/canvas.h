/* SPDX-License-Identifier: MIT */
/*
 * Lines of text that fit a terminal: what would go beyond the right edge is wrapped or cut, counted
 * in cells and not in bytes. Text from outside is escaped here. Writes into a stream of the
 * caller's, nothing else.
 */
#ifndef CLI_CANVAS_H
#define CLI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum canvas_style {
	CANVAS_PLAIN,
	CANVAS_STRONG,
	CANVAS_FAINT,
	CANVAS_GOOD,
	CANVAS_WARNING,
	CANVAS_BAD,
};

/* Signs that have an ASCII twin. */
enum canvas_glyph {
	CANVAS_BAR_FULL,
	CANVAS_BAR_EMPTY,
	CANVAS_OUTCOME_OK,
	CANVAS_OUTCOME_FAILED,
};

struct canvas {
	FILE *stream; /* borrowed; who made it sees its errors */
	size_t width; /* in cells, at least 1 */
	bool has_utf8;
	bool has_colours;
	size_t column; /* where the next character goes */
	size_t lines;  /* that have been ended */
};

/* Cut at the edge. */
void canvas_put(struct canvas *canvas, enum canvas_style style, const char *text);
/* Glyphs side by side, cut at the edge. */
void canvas_repeat(struct canvas *canvas, enum canvas_style style, enum canvas_glyph glyph,
		   size_t count);
/* Goes on after the edge in a new line, indented by indent cells; between words where there are
 * any. */
void canvas_wrap(struct canvas *canvas, enum canvas_style style, size_t indent, const char *text);
/* Blanks up to a column; at least one if something stands before it. */
void canvas_pad(struct canvas *canvas, size_t column);
void canvas_end_line(struct canvas *canvas);

/* How many cells text takes. */
size_t canvas_measure(const struct canvas *canvas, const char *text);

#endif
