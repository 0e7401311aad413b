/* SPDX-License-Identifier: MIT */
/* What the files of this folder know of a publisher and the broker does not. */
#ifndef BROKER_PUBLISH_PUBLISHER_PRIVATE_H
#define BROKER_PUBLISH_PUBLISHER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "publish/publication.h"
#include "publish/publisher.h"
#include "publish/segment.h"

struct publisher {
	const struct runtime_dir *dir; /* borrowed */
	struct segment_identity identity;
	struct publication *publications;
	struct segment *retiring;
};

/* Takes the segment over: nothing leads to it any more. last: what it held, for the generation that
 * a withdrawn publish keeps. */
void publisher_retire(struct publisher *publisher, struct segment *segment,
		      const struct publication_content *last);

/* The list of publications. */
struct publication *publication_after(const struct publication *publication);
const char *publication_name(const struct publication *publication);
/* What readers find, or NULL. */
const struct segment *publication_segment(const struct publication *publication);

int64_t publication_next_ns(const struct publication *publication);
void publication_run(struct publication *publication, int64_t now_ns);
/* No more tries of what failed. */
void publication_give_up(struct publication *publication);
/* Leaves segment and link in place. */
void publication_free(struct publication *publication);

#endif
