/* SPDX-License-Identifier: MIT */
/*
 * The reader's side of the sequence lock. Pure apart from the shared words: no clock, no lock, no
 * system call (but one sched_yield(2) when a writer keeps overtaking it), no write to the segment.
 */
#ifndef CLIENTLIB_READ_H
#define CLIENTLIB_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clientlib/copy_token.h"
#include "clientlib/geometry.h"

/* A mapped segment, with what a read computes with. */
struct segment {
	const unsigned char *base;
	const unsigned char *slots;
	uint64_t slot_mask; /* count & slot_mask: which of them */
	struct geometry geometry;
};

static inline void segment_init(struct segment *segment, const unsigned char *base,
				const struct geometry *geometry)
{
	*segment = (struct segment){
		.base = base,
		.slots = base + geometry->slot_offset,
		.slot_mask = geometry->slot_count - 1,
		.geometry = *geometry,
	};
}

/* What one publish said. All zero is "nothing published yet". */
struct reading {
	bool is_retired; /* the broker has left this segment for good */
	enum tokenbroker_segment_state state;
	size_t length; /* of the token; 0 unless state is VALID */
	uint64_t generation;
	int64_t expires_boottime_ns;
	int64_t expires_realtime_ns;
};

enum read_outcome {
	READ_DONE,
	READ_CORRUPT,   /* a slot that no writer leaves behind */
	READ_OVERTAKEN, /* every try: no writer publishes that fast */
};

/*
 * Takes a consistent copy of the current slot. With READ_DONE, a VALID state and size above
 * ret->length, buffer begins with the token and a NUL. Whatever else was written to it on the way,
 * which may be more of an older token, is zero. buffer may be NULL with size 0. ret is untouched
 * unless READ_DONE.
 */
enum read_outcome segment_read(const struct segment *segment, char *buffer, size_t size,
			       struct reading *ret);

/* Changes whenever something was published; RETIRED is in it. Acquire. */
static inline uint64_t segment_head(const struct segment *segment)
{
	return atomic_load_explicit(word_at(segment->base, TOKENBROKER_SEGMENT_HEAD_OFFSET),
				    memory_order_acquire);
}

/* The futex word. */
static inline const _Atomic uint32_t *segment_wake(const struct segment *segment)
{
	return (const _Atomic uint32_t *)(const void *)(segment->base +
							TOKENBROKER_SEGMENT_WAKE_OFFSET);
}

#endif
