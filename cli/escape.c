/* SPDX-License-Identifier: MIT */
#include "cli/escape.h"

#include <stdint.h>

#include "base/utf8.h"

static bool is_harmless(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return false;
	/* Unicode's invisible and direction-changing characters: text could pose as another. */
	return !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2060 && code <= 0x206f) && code != 0xfeff;
}

/* Unicode's East Asian Width (UAX 11: W and F, rounded to blocks) and combining marks. A font may
 * see it otherwise: then a line is a cell too long or too short. */
static size_t cells_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		size_t cells;
	} ranges[] = {
		{0x0300, 0x036f, 0},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},
		{0x20d0, 0x20ff, 0},   {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},
		{0x1100, 0x115f, 2},   {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2},
		{0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].cells;
	return 1;
}

size_t escape_next(const char **string, bool has_utf8, char piece[static ESCAPE_PIECE_BYTES])
{
	uint32_t code = 0;
	size_t length = utf8_decode(*string, &code);
	bool is_clean = length > 0 && is_harmless(code) && (has_utf8 || length == 1);
	struct text text;

	if (length == 0)
		length = 1;
	text_init(&text, piece, ESCAPE_PIECE_BYTES);
	if (is_clean)
		text_add_bytes(&text, *string, length);
	for (size_t i = 0; i < length && !is_clean; i++)
		text_addf(&text, "\\x%02x", (unsigned char)(*string)[i]);
	*string += length;
	return is_clean ? cells_of(code) : text.length;
}

void escape_add(struct text *text, const char *string)
{
	char piece[ESCAPE_PIECE_BYTES];

	while (*string != '\0') {
		(void)escape_next(&string, true, piece);
		text_add(text, piece);
	}
}

void escape_print(FILE *stream, const char *string)
{
	char piece[ESCAPE_PIECE_BYTES];

	while (*string != '\0') {
		(void)escape_next(&string, true, piece);
		(void)fputs(piece, stream); /* output_finish() sees a failure */
	}
}
