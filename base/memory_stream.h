/* SPDX-License-Identifier: MIT */
/*
 * A text of unknown length, written with stdio into memory that grows. Whether it all went well is
 * asked once, at the end.
 */
#ifndef BASE_MEMORY_STREAM_H
#define BASE_MEMORY_STREAM_H

#include <stddef.h>
#include <stdio.h>

struct memory_stream {
	FILE *file;
	char *text; /* these two: open_memstream(3) keeps their addresses */
	size_t length;
};

/* *stream must stay where it is. -ENOMEM. */
int memory_stream_open(struct memory_stream *stream);
/*
 * Closes it in any case. The caller frees *ret_text, whose NUL is not counted. -ENOMEM if a byte
 * is missing.
 */
int memory_stream_take(struct memory_stream *stream, char **ret_text, size_t *ret_length);

#endif
