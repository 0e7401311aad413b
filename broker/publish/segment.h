/* SPDX-License-Identifier: MIT */
/*
 * One segment in this broker's hands: the file, who writes it, whom to wake. On the heap, so that
 * it can pass from its publication to the list of those that retire without an allocation that
 * fails.
 */
#ifndef BROKER_PUBLISH_SEGMENT_H
#define BROKER_PUBLISH_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "publish/segment_file.h"
#include "publish/segment_wake.h"
#include "publish/segment_writer.h"

struct segment {
	struct segment_file file; /* base NULL: damaged, all we may do is unlink it */
	struct segment_writer writer;
	struct segment_wake wake;
	/* Of a retiring one, see retirement.h. */
	struct publication_content withdrawn;
	unsigned publishes_left;
	int64_t due_ns;
	struct segment *next;
};

/* A new segment that holds content and to which nothing leads yet. Errors of segment_file_create().
 */
int segment_new(struct segment **ret, const struct runtime_dir *dir,
		const struct segment_identity *identity, const char *token,
		const struct principals *readers, const struct publication_content *content);
/* Unmaps; the file stays. NULL is fine. */
void segment_free(struct segment *segment);
static inline void cleanup_segment_free(struct segment **segment)
{
	segment_free(*segment);
}

static inline bool segment_is_mapped(const struct segment *segment)
{
	return segment->file.base != NULL;
}

/* Publishes in place; content fits. is_repeat: the same content again, for a scrub: wakes nobody.
 */
void segment_publish(struct segment *segment, const struct publication_content *content,
		     bool is_repeat);
void segment_retire(struct segment *segment);
void segment_adopted(struct segment *segment);

/* One batch of wake-ups if one is due. */
void segment_run_wake(struct segment *segment);

#endif
