/* SPDX-License-Identifier: MIT */
/*
 * All publications of one runtime directory, and the work on shared memory that is due by time:
 * deferred publishes, scrubs, retirements, wake-ups, retries. It owns its publications and no
 * clock: now_ns is CLOCK_BOOTTIME in nanoseconds everywhere in this folder. It never logs.
 */
#ifndef BROKER_PUBLISH_PUBLISHER_H
#define BROKER_PUBLISH_PUBLISHER_H

#include <stdint.h>

#include "publish/runtime_dir.h"

struct publisher;

/* dir is borrowed and must outlive the publisher. */
int publisher_new(struct publisher **ret, const struct runtime_dir *dir);
/*
 * Finishes what would leave an old secret behind: deferred publishes, scrubs, retirements (a few
 * milliseconds, blocking). Frees all publications and leaves their segments in place for readers
 * and for the next broker. NULL is fine.
 */
void publisher_free(struct publisher *publisher);
static inline void cleanup_publisher_free(struct publisher **publisher)
{
	publisher_free(*publisher);
}

/*
 * Call once at start, when all publications of the configuration exist: links in tokens/ that
 * belong to no publication are removed, and segments of this runtime directory to which no link
 * leads are withdrawn, retired and unlinked. Nothing of another runtime directory or user is
 * touched. Goes on after an error and returns the first one.
 */
int publisher_sweep(struct publisher *publisher);

/* When publisher_run() has to be called next; INT64_MAX: nothing is due. May lie in the past: at
 * once, but in another turn of the loop. Ask again after every call of this folder. */
int64_t publisher_next_ns(const struct publisher *publisher);
/* Does what is due at now_ns: at most one publish and 64 wake-ups for each segment. Its failures
 * are in publication_error(). */
void publisher_run(struct publisher *publisher, int64_t now_ns);

#endif
