/* SPDX-License-Identifier: MIT */
/*
 * The end of a segment that nothing leads to any more: withdrawn, scrubbed slot by slot, retired,
 * its sleepers woken, unlinked. Takes a few milliseconds, a step at a time.
 */
#ifndef BROKER_PUBLISH_RETIREMENT_H
#define BROKER_PUBLISH_RETIREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "publish/segment.h"

/* Publishes are at least this far apart, so that a reader in the middle of a copy is not overtaken
 * by the whole ring. */
#define RETIREMENT_STEP_NS INT64_C(1000000)

/* generation, source_id: of what the segment held last. Due at once. */
void retirement_begin(struct segment *segment, uint64_t generation, uint64_t source_id);

/* When retirement_run() is due. */
int64_t retirement_next_ns(const struct segment *segment);

/* Does what is due. True: done, the name is gone; the caller frees the segment. */
bool retirement_run(struct segment *segment, const struct runtime_dir *dir, int64_t now_ns);

#endif
