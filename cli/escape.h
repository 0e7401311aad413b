/* SPDX-License-Identifier: MIT */
/*
 * Makes text from outside safe to show on a terminal: control characters, characters that reorder
 * or hide others, and bytes that are not UTF-8 become \xNN, byte by byte. All else stays.
 */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include <stdio.h>

#include "base/text.h"

void escape_add(struct text *text, const char *string);
void escape_print(FILE *stream, const char *string);

#endif
