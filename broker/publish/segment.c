/* SPDX-License-Identifier: MIT */
#include "publish/segment.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

int segment_new(struct segment **ret, const struct runtime_dir *dir,
		const struct segment_identity *identity, const char *token,
		const struct principals *readers, const struct publication_content *content)
{
	CLEANUP(segment_free) struct segment *segment = calloc(1, sizeof(*segment));
	struct segment_geometry geometry =
		segment_layout_geometry(segment_layout_capacity(content->length));
	int r;

	if (segment == NULL)
		return -ENOMEM;
	r = segment_file_create(&segment->file, dir, identity, token, &geometry, readers,
				clock_realtime_ns());
	if (r < 0)
		return r;
	segment_writer_init(&segment->writer, segment->file.base, &geometry, 0);
	segment_writer_publish(&segment->writer, content, true);

	*ret = segment;
	segment = NULL;
	return 0;
}

void segment_free(struct segment *segment)
{
	if (segment == NULL)
		return;
	segment_file_fini(&segment->file);
	free(segment);
}

void segment_publish(struct segment *segment, const struct publication_content *content,
		     bool is_repeat)
{
	segment_writer_publish(&segment->writer, content, !is_repeat);
	if (!is_repeat)
		segment_wake_start(&segment->wake);
}

void segment_retire(struct segment *segment)
{
	segment_writer_retire(&segment->writer);
	segment_wake_start(&segment->wake);
}

void segment_adopted(struct segment *segment)
{
	segment_writer_adopted(&segment->writer);
	segment_wake_start(&segment->wake);
}

void segment_run_wake(struct segment *segment)
{
	if (segment->wake.is_due)
		segment_wake_run(&segment->wake, segment_writer_wake_word(&segment->writer));
}
