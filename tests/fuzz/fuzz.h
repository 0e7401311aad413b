/* SPDX-License-Identifier: MIT */
/*
 * What all fuzz targets share. Each is one file with one LLVMFuzzerTestOneInput() over a pure
 * function or a parser; replay.c runs the seeds through it with any compiler, libFuzzer looks for
 * more (make fuzz).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Never rejects an input: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the function under test, whatever it was given. */
#define FUZZ_MUST(condition)                                                                       \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What is left of an input. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* The next byte, 0 at the end. */
static inline unsigned fuzz_byte(struct fuzz_input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* A copy of what comes before the next newline, or of the rest, as a string; NUL bytes end it. */
static inline char *fuzz_line(struct fuzz_input *input)
{
	const uint8_t *end = input->size == 0 ? NULL : memchr(input->data, '\n', input->size);
	size_t length = end == NULL ? input->size : (size_t)(end - input->data);
	size_t taken = end == NULL ? length : length + 1;
	char *line = malloc(length + 1);

	FUZZ_MUST(line != NULL);
	if (length > 0)
		memcpy(line, input->data, length);
	line[length] = '\0';
	if (taken > 0)
		input->data += taken;
	input->size -= taken;
	return line;
}

#endif
