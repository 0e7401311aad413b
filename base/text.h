/* SPDX-License-Identifier: MIT */
/*
 * A string that is built piece by piece in memory of the caller. It never grows: what does not fit
 * is left out and is_cut says so. Always NUL-terminated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* borrowed */
	size_t size;
	size_t length; /* without the NUL */
	bool is_cut;
};

/* size is at least 1. */
void text_init(struct text *text, char *data, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
