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
 */
#include "clientlib/read.h"

#include <sched.h>
#include <string.h>

#define WORD_BYTES 8

/* A writer publishes at most once a millisecond and a try takes microseconds at most. Who is
 * overtaken this often is preempted again and again: yield once, in case that helps. */
#define TRIES_BEFORE_YIELD 64
#define TRIES              128

typedef const _Atomic uint64_t shared_word;

static inline shared_word *word_at(const unsigned char *base, size_t offset)
{
	return (shared_word *)(const void *)(base + offset);
}

static inline uint64_t load_word(const unsigned char *base, size_t offset)
{
	return atomic_load_explicit(word_at(base, offset), memory_order_relaxed);
}

static inline void copy_word(char *to, shared_word *from)
{
	uint64_t word = atomic_load_explicit(from, memory_order_relaxed);

	memcpy(to, &word, sizeof(word)); /* the caller's buffer need not be aligned */
}

/* Writes length bytes and a NUL, and not one more. Unrolled by hand: compilers leave loops over
 * atomic loads alone, and this makes the copy of a common token a third faster. */
static void copy_token(char *to, shared_word *from, size_t length)
{
	size_t left = length;

	for (; left >= 8 * WORD_BYTES; left -= 8 * WORD_BYTES, to += 8 * WORD_BYTES, from += 8) {
		copy_word(to + 0 * WORD_BYTES, from + 0);
		copy_word(to + 1 * WORD_BYTES, from + 1);
		copy_word(to + 2 * WORD_BYTES, from + 2);
		copy_word(to + 3 * WORD_BYTES, from + 3);
		copy_word(to + 4 * WORD_BYTES, from + 4);
		copy_word(to + 5 * WORD_BYTES, from + 5);
		copy_word(to + 6 * WORD_BYTES, from + 6);
		copy_word(to + 7 * WORD_BYTES, from + 7);
	}
	for (; left >= WORD_BYTES; left -= WORD_BYTES, to += WORD_BYTES, from++)
		copy_word(to, from);
	if (left > 0) {
		uint64_t word = atomic_load_explicit(from, memory_order_relaxed);

		memcpy(to, &word, left);
	}
	to[left] = '\0';
}

/* What one try sees of a slot, each word loaded once. */
struct slot_words {
	uint64_t seq;
	uint64_t generation;
	int64_t expires_boottime_ns;
	int64_t expires_realtime_ns;
	uint32_t length;
	uint32_t state;
};

static inline struct slot_words load_slot(const unsigned char *slot)
{
	uint64_t length_state = load_word(slot, TOKENBROKER_SLOT_LENGTH_STATE);

	return (struct slot_words){
		.seq = load_word(slot, TOKENBROKER_SLOT_SEQ),
		.generation = load_word(slot, TOKENBROKER_SLOT_GENERATION),
		.expires_boottime_ns = (int64_t)load_word(slot, TOKENBROKER_SLOT_EXPIRES_BOOTTIME),
		.expires_realtime_ns = (int64_t)load_word(slot, TOKENBROKER_SLOT_EXPIRES_REALTIME),
		.length = (uint32_t)length_state,
		.state = (uint32_t)(length_state >> 32),
	};
}

/* Could a writer have left this slot behind for the publish called count? */
static inline bool is_sound(const struct slot_words *words, uint64_t count,
			    const struct geometry *geometry)
{
	return words->seq == count && words->length <= geometry->token_capacity &&
	       words->state <= TOKENBROKER_SEGMENT_SUSPENDED &&
	       (words->state != TOKENBROKER_SEGMENT_VALID || words->length > 0);
}

/* The slot of a publish is left alone until head has moved on by N-1: then the next fill may have
 * begun. An unmoved head would be stricter than it must be, which a last try cannot afford. */
static inline bool is_still_whole(uint64_t count, uint64_t later_count,
				  const struct geometry *geometry)
{
	return later_count - count < geometry->slot_count - 1;
}

static struct reading reading_of(uint64_t head, const struct slot_words *words)
{
	bool is_valid = words->state == TOKENBROKER_SEGMENT_VALID;

	return (struct reading){
		.is_retired = (head & TOKENBROKER_SEGMENT_RETIRED) != 0,
		.state = (enum tokenbroker_segment_state)words->state,
		.length = is_valid ? words->length : 0,
		.generation = words->generation,
		.expires_boottime_ns = words->expires_boottime_ns,
		.expires_realtime_ns = words->expires_realtime_ns,
	};
}

/* Where the token goes, and how much of that any try has written. */
struct target {
	char *buffer;
	size_t size;
	size_t written;
};

static inline void copy_to(struct target *target, shared_word *from, size_t length)
{
	copy_token(target->buffer, from, length);
	if (target->written <= length)
		target->written = length + 1;
}

/* Leaves the copy that counts, if there is one, and nothing of the tries before it. */
static inline void wipe_rest(const struct target *target, size_t length)
{
	size_t kept = length > 0 && length < target->size ? length + 1 : 0;

	if (target->written > kept)
		explicit_bzero(target->buffer + kept, target->written - kept);
}

static enum read_outcome try_to_read(const struct segment *segment, bool is_last_try,
				     struct target *target, struct reading *ret)
{
	const struct geometry *geometry = &segment->geometry;
	uint64_t head = segment_head(segment);
	uint64_t count = head & TOKENBROKER_SEGMENT_COUNT;
	size_t slot_index = count & (geometry->slot_count - 1);
	const unsigned char *slot =
		segment->base + geometry->slot_offset + slot_index * geometry->slot_stride;
	struct slot_words words;
	uint64_t later_head;
	bool sound;

	if (count == 0) {
		*ret = (struct reading){.is_retired = head != 0};
		return READ_DONE;
	}

	words = load_slot(slot);
	sound = is_sound(&words, count, geometry);
	if (sound && words.state == TOKENBROKER_SEGMENT_VALID && words.length < target->size)
		copy_to(target, word_at(slot, geometry->token_offset), words.length);
	atomic_thread_fence(memory_order_acquire);
	later_head = load_word(segment->base, TOKENBROKER_SEGMENT_HEAD_OFFSET);

	if (later_head != head &&
	    !(is_last_try &&
	      is_still_whole(count, later_head & TOKENBROKER_SEGMENT_COUNT, geometry)))
		return READ_OVERTAKEN;
	if (!sound)
		return READ_CORRUPT;
	*ret = reading_of(head, &words);
	return READ_DONE;
}

/* Tells the processor that this is a loop of tries. */
static inline void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

enum read_outcome segment_read(const struct segment *segment, char *buffer, size_t size,
			       struct reading *ret)
{
	struct target target = {.buffer = buffer, .size = size};

	for (unsigned tries = 1; tries <= TRIES; tries++) {
		enum read_outcome outcome = try_to_read(segment, tries == TRIES, &target, ret);

		if (outcome != READ_OVERTAKEN) {
			wipe_rest(&target, outcome == READ_DONE ? ret->length : 0);
			return outcome;
		}
		if (tries == TRIES_BEFORE_YIELD)
			(void)sched_yield();
		else
			pause_briefly();
	}
	wipe_rest(&target, 0);
	return READ_OVERTAKEN;
}

uint64_t segment_head(const struct segment *segment)
{
	return atomic_load_explicit(word_at(segment->base, TOKENBROKER_SEGMENT_HEAD_OFFSET),
				    memory_order_acquire);
}

const _Atomic uint32_t *segment_wake(const struct segment *segment)
{
	return (const _Atomic uint32_t *)(const void *)(segment->base +
							TOKENBROKER_SEGMENT_WAKE_OFFSET);
}
