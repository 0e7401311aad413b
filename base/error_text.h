/* SPDX-License-Identifier: MIT */
/*
 * The sentence that goes with an error code to a person. The caller owns it; a function that fails
 * fills it, a function that succeeds leaves it alone. Never holds a secret or a token.
 */
#ifndef BASE_ERROR_TEXT_H
#define BASE_ERROR_TEXT_H

struct error_text {
	char text[512];
};

/* Fills error, which may be NULL; a longer text is cut. */
void error_text_set(struct error_text *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
