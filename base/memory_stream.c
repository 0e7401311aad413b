/* SPDX-License-Identifier: MIT */
#include "base/memory_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int memory_stream_open(struct memory_stream *stream)
{
	*stream = (struct memory_stream){.file = NULL};
	stream->file = open_memstream(&stream->text, &stream->length);
	return stream->file == NULL ? -ENOMEM : 0;
}

int memory_stream_take(struct memory_stream *stream, char **ret_text, size_t *ret_length)
{
	bool has_failed = ferror(stream->file) != 0;

	if (fclose(stream->file) != 0 || has_failed) {
		free(stream->text);
		return -ENOMEM;
	}
	*ret_text = stream->text;
	*ret_length = stream->length;
	return 0;
}
