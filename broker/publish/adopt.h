/* SPDX-License-Identifier: MIT */
/*
 * What to make of a segment that an earlier broker has left. Everything in it is input: checked on
 * copies, bounded, and never a reason to fail.
 */
#ifndef BROKER_PUBLISH_ADOPT_H
#define BROKER_PUBLISH_ADOPT_H

#include "base/principals.h"
#include "publish/publication_found.h"
#include "publish/segment.h"

enum adopt_verdict {
	ADOPT_NOTHING,  /* not there, or not ours: left alone */
	ADOPT_DISCARD,  /* a file of ours that is damaged, or that others could write to: unlink it
			 */
	ADOPT_REPLACE,  /* ours, but not as this broker would write it: withdraw and retire it */
	ADOPT_CONTINUE, /* go on with it */
};

struct adopt_result {
	enum adopt_verdict verdict;
	struct segment *segment; /* NULL for NOTHING; not mapped for DISCARD */
	/* Its content, with CONTINUE and REPLACE, where it is whole and of this boot. */
	struct publication_found found;
};

void adopt_result_fini(struct adopt_result *result);
static inline void cleanup_adopt_result(struct adopt_result *result)
{
	adopt_result_fini(result);
}

/* Changes nothing in the segment. The lock of the runtime directory is held. readers: whom this
 * broker would let read. -ENOMEM and the like: nothing can be said now. */
int adopt_segment(struct adopt_result *ret, const struct runtime_dir *dir,
		  const struct segment_identity *identity, const struct segment_name *name,
		  const struct principals *readers);

#endif
