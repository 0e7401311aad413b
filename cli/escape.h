/* SPDX-License-Identifier: MIT */
/*
 * Makes text from outside safe to show on a terminal: control characters, characters that reorder
 * or hide others, and bytes that are not UTF-8 become \xNN, byte by byte. All else stays.
 */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

/* Four bytes of a character, each as \xNN, and a NUL. */
#define ESCAPE_PIECE_BYTES 17

/*
 * Moves *string, which is not at its end, past one character or one bad byte, and puts what to show
 * of it into piece. Returns how many cells of a terminal that takes: 0 for a combining mark, 2 for
 * a wide character. Without has_utf8 all that is not ASCII is escaped, too.
 */
size_t escape_next(const char **string, bool has_utf8, char piece[static ESCAPE_PIECE_BYTES]);

void escape_add(struct text *text, const char *string);
void escape_print(FILE *stream, const char *string);

#endif
