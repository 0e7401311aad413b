/* SPDX-License-Identifier: MIT */
/*
 * The one writer of a segment: the publish steps on mapped memory, in the order that readers rely
 * on. Pure memory operations. Geometry and count are kept here; nothing is read back from the
 * segment.
 */
#ifndef BROKER_PUBLISH_SEGMENT_WRITER_H
#define BROKER_PUBLISH_SEGMENT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "tokenbroker_segment.h"
#include "publish/publication_content.h"
#include "publish/segment_layout.h"

struct segment_writer {
	unsigned char *base; /* mapped for writing, borrowed, 8-byte aligned */
	struct segment_geometry geometry;
	uint64_t count; /* publishes so far, the value of head without its flag */
	bool is_retired;
};

/* head: 0 for a new segment, what it holds for one that is adopted. */
void segment_writer_init(struct segment_writer *writer, void *base,
			 const struct segment_geometry *geometry, uint64_t head);

/*
 * One publish. content fits into the geometry. moves_wake: false for the repeats of a scrub, which
 * tell sleepers nothing new. Waking the sleepers (FUTEX_WAKE on segment_writer_wake_word()) is left
 * to the caller.
 */
void segment_writer_publish(struct segment_writer *writer,
			    const struct publication_content *content, bool moves_wake);

/* Tells readers to look for another segment, for good. Moves wake, too. */
void segment_writer_retire(struct segment_writer *writer);

/* A new broker goes on with this segment. */
void segment_writer_adopted(struct segment_writer *writer);

_Atomic uint32_t *segment_writer_wake_word(const struct segment_writer *writer);

/*
 * The steps of segment_writer_publish(), apart so that tests can stop between any two of them as a
 * SIGKILL would. seq is what _begin() returned.
 */
uint64_t segment_writer_begin(struct segment_writer *writer);
void segment_writer_fill(struct segment_writer *writer, uint64_t seq,
			 const struct publication_content *content);
void segment_writer_seal(struct segment_writer *writer, uint64_t seq,
			 const struct publication_content *content);
void segment_writer_commit(struct segment_writer *writer, uint64_t seq);
void segment_writer_move_wake(struct segment_writer *writer);

#endif
