/* SPDX-License-Identifier: MIT */
/*
 * The writer fills the slot after the current one and then moves head: a release store, the commit.
 * Before it touches a slot again it has moved head N-1 times since that slot was left. So a reader
 * that finds head unmoved after its copy has copied what one publish wrote. Four steps, in this
 * order:
 *
 *   head, acquire             pairs with the commit: the slot that it names is complete
 *   the slot's words, relaxed
 *   acquire fence             pairs with the writer's release fence before it touches the slot: if
 *   head again, relaxed       any word above was newer than the slot, this head is, too
 *
 * Each of the two orders was found necessary by model checking; no test on x86 shows it.
 *
 * In a header, so that the common read is one piece of code: a call between its steps costs as much
 * as the steps.
 */
#ifndef CLIENTLIB_TRY_READ_H
#define CLIENTLIB_TRY_READ_H

#include <stdatomic.h>
#include <string.h>

#include "clientlib/copy_token.h"
#include "clientlib/read.h"

#define IS_RARE(condition) __builtin_expect((condition), 0)

/* The slot that head named, and what has to be so still after it was read. */
struct slot {
	const unsigned char *segment;
	const unsigned char *base;
	uint64_t head;
};

/* base: segment->base, where it need not be loaded. */
ALWAYS_INLINE struct slot find_slot(const struct segment *segment, const unsigned char *base)
{
	uint64_t head = atomic_load_explicit(word_at(base, TOKENBROKER_SEGMENT_HEAD_OFFSET),
					     memory_order_acquire);

	return (struct slot){
		.segment = base,
		.base = segment->slots +
			(head & segment->slot_mask) * segment->geometry.slot_stride,
		.head = head,
	};
}

/* The last step: head again, after everything that was loaded from the slot. */
ALWAYS_INLINE uint64_t head_afterwards(const struct slot *slot)
{
	uint64_t later_head;

	atomic_thread_fence(memory_order_acquire);
	later_head = atomic_load_explicit(word_at(slot->segment, TOKENBROKER_SEGMENT_HEAD_OFFSET),
					  memory_order_relaxed);
	return later_head;
}

/* The words of a slot that every reader needs, each loaded once. */
struct slot_words {
	uint64_t seq;
	uint64_t generation;
	uint64_t length_state; /* the length in its lower half */
};

ALWAYS_INLINE struct slot_words load_slot(const struct slot *slot)
{
	return (struct slot_words){
		.seq = load_word(slot->base, TOKENBROKER_SLOT_SEQ),
		.generation = load_word(slot->base, TOKENBROKER_SLOT_GENERATION),
		.length_state = load_word(slot->base, TOKENBROKER_SLOT_LENGTH_STATE),
	};
}

/* A valid token of 1 to token_capacity bytes? State and length in one comparison. */
ALWAYS_INLINE bool has_token(uint64_t length_state, const struct geometry *geometry)
{
	const uint64_t shortest = (uint64_t)TOKENBROKER_SEGMENT_VALID << 32 | 1;

	return length_state - shortest < geometry->token_capacity;
}

/* Any other state that a writer publishes? */
ALWAYS_INLINE bool has_no_token(uint64_t length_state, const struct geometry *geometry)
{
	uint64_t state = length_state >> 32;

	return state != TOKENBROKER_SEGMENT_VALID && state <= TOKENBROKER_SEGMENT_SUSPENDED &&
	       (uint32_t)length_state <= geometry->token_capacity;
}

/* The slot of a publish is left alone until head has moved on by N-1: then the next fill may have
 * begun. An unmoved head would be stricter than it must be, which a last try cannot afford. */
ALWAYS_INLINE bool is_still_whole(uint64_t count, uint64_t later_count,
				  const struct segment *segment)
{
	return later_count - count < segment->slot_mask;
}

/*
 * One try of segment_read(); base as find_slot(). *ret_copied: how many bytes of the buffer it has
 * written, whatever the outcome.
 */
ALWAYS_INLINE enum read_outcome try_to_read(const struct segment *segment,
					    const unsigned char *base, bool is_last_try,
					    char *buffer, size_t size, size_t *ret_copied,
					    struct reading *ret)
{
	const struct geometry *geometry = &segment->geometry;
	struct slot slot = find_slot(segment, base);
	uint64_t count = slot.head & TOKENBROKER_SEGMENT_COUNT;
	struct slot_words words;
	int64_t expires_boottime_ns;
	int64_t expires_realtime_ns;
	uint64_t later_head;
	uint32_t length;
	bool is_current;
	bool is_valid;

	*ret_copied = 0;
	if (IS_RARE(count == 0)) {
		*ret = (struct reading){.is_retired = slot.head != 0};
		return READ_DONE;
	}

	words = load_slot(&slot);
	expires_boottime_ns = (int64_t)load_word(slot.base, TOKENBROKER_SLOT_EXPIRES_BOOTTIME);
	expires_realtime_ns = (int64_t)load_word(slot.base, TOKENBROKER_SLOT_EXPIRES_REALTIME);
	length = (uint32_t)words.length_state;
	is_current = words.seq == count;
	is_valid = has_token(words.length_state, geometry);
	if (is_current && is_valid && length < size) {
		copy_token(buffer, word_at(slot.base, geometry->token_offset), length);
		*ret_copied = length + 1;
	}
	later_head = head_afterwards(&slot);

	if (IS_RARE(later_head != slot.head) &&
	    !(is_last_try &&
	      is_still_whole(count, later_head & TOKENBROKER_SEGMENT_COUNT, segment)))
		return READ_OVERTAKEN;
	if (!is_current || !(is_valid || has_no_token(words.length_state, geometry)))
		return READ_CORRUPT;
	*ret = (struct reading){
		.is_retired = (slot.head & TOKENBROKER_SEGMENT_RETIRED) != 0,
		.state = (enum tokenbroker_segment_state)(words.length_state >> 32),
		.length = is_valid ? length : 0,
		.generation = words.generation,
		.expires_boottime_ns = expires_boottime_ns,
		.expires_realtime_ns = expires_realtime_ns,
	};
	return READ_DONE;
}

/* The same for a reader that wants to know the generation alone. false: anything but a valid token
 * in a segment that lives, or another try is needed. */
ALWAYS_INLINE bool try_to_read_generation(const struct segment *segment, const unsigned char *base,
					  uint64_t *ret)
{
	struct slot slot = find_slot(segment, base);
	struct slot_words words = load_slot(&slot);

	if (IS_RARE(head_afterwards(&slot) != slot.head))
		return false;
	if (IS_RARE(words.seq != slot.head)) /* which no slot has for a head with RETIRED */
		return false;
	if (IS_RARE(slot.head == 0) || IS_RARE(!has_token(words.length_state, &segment->geometry)))
		return false;
	*ret = words.generation;
	return true;
}

#endif
