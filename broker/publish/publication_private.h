/* SPDX-License-Identifier: MIT */
/*
 * The inside of a publication. Two contents are kept: `current`, which the segment holds and a
 * scrub repeats, and `pending`, which was put and could not be published yet (too soon after the
 * last one, or no memory for the segment it needs).
 */
#ifndef BROKER_PUBLISH_PUBLICATION_PRIVATE_H
#define BROKER_PUBLISH_PUBLICATION_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/principals.h"
#include "base/token_name.h"
#include "publish/kept_content.h"
#include "publish/publisher_private.h"
#include "publish/segment.h"
#include "publish/segment_name.h"

struct publication {
	struct publisher *publisher;
	struct publication *after; /* in the publisher's list */
	char name[TOKEN_NAME_MAX + 1];
	struct principals readers;
	struct segment *segment; /* to which the link leads, or led; NULL: none */
	char segment_name[SEGMENT_NAME_BYTES];
	struct kept_content current;
	struct kept_content pending;
	bool pending_scrub;    /* of all that were put since the last publish */
	bool must_replace;     /* the segment, with whatever is published next */
	unsigned scrubs_left;  /* publishes until no slot holds what was there before */
	int64_t publish_at_ns; /* no publish before */
	int error;             /* of replacing the segment; 0: none */
	int64_t retry_at_ns;
	int64_t retry_pause_ns;
	uint64_t publishes;
};

/* Adopted, or just made; NULL: none. */
void publication_use_segment(struct publication *publication, struct segment *segment);
/* There is a segment that can be published into. */
bool publication_is_in_reach(const struct publication *publication);
/* What was put last, if anything. */
const struct kept_content *publication_newest(const struct publication *publication);
/* The newest content is not out, or not where it belongs. */
bool publication_wants_publish(const struct publication *publication);
/* Publishes the newest content, unless the last publish was less than a millisecond ago: then
 * publication_run() will. */
int publication_publish_if_allowed(struct publication *publication, int64_t now_ns);

#endif
