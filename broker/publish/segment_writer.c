/* SPDX-License-Identifier: MIT */
/*
 * A ring of full copies and one head that moves once per publish. The writer touches only the slot
 * after the current one, so a writer that dies anywhere leaves nothing to repair: before the store
 * of head readers see the old content, after it the new.
 *
 * Two orders carry this, and no test on x86 notices when one is missing (they were model-checked):
 * the release fence before a slot is touched keeps its new words from being seen by a reader that
 * does not yet see the head that made the slot free; the release store of head keeps head from
 * being seen before the words. Everything else is relaxed, in whole words, because readers load the
 * same words at the same time.
 */
#include "publish/segment_writer.h"

#include <assert.h>
#include <string.h>

#include "publish/segment_memory.h"

static _Atomic uint64_t *slot_word(const struct segment_writer *writer, uint64_t seq, size_t offset)
{
	return segment_memory_slot_word(writer->base, &writer->geometry, seq, offset);
}

static void store_head(struct segment_writer *writer)
{
	uint64_t flag = writer->is_retired ? TOKENBROKER_SEGMENT_RETIRED : 0;

	atomic_store_explicit(&segment_memory_lines(writer->base)->head, writer->count | flag,
			      memory_order_release);
}

void segment_writer_init(struct segment_writer *writer, void *base,
			 const struct segment_geometry *geometry, uint64_t head)
{
	assert((uintptr_t)base % sizeof(uint64_t) == 0);
	*writer = (struct segment_writer){
		.base = base,
		.geometry = *geometry,
		.count = head & TOKENBROKER_SEGMENT_COUNT,
		.is_retired = (head & TOKENBROKER_SEGMENT_RETIRED) != 0,
	};
}

uint64_t segment_writer_begin(struct segment_writer *writer)
{
	uint64_t seq = writer->count + 1;

	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(slot_word(writer, seq, TOKENBROKER_SLOT_SEQ), 0,
			      memory_order_relaxed);
	return seq;
}

/* The whole slot up to its capacity: zeroes end the token and cover what an older one left. */
static void fill_token(struct segment_writer *writer, uint64_t seq,
		       const struct publication_content *content)
{
	size_t room = writer->geometry.slot_stride - writer->geometry.token_offset;

	for (size_t at = 0; at < room; at += sizeof(uint64_t)) {
		size_t left = at < content->length ? content->length - at : 0;
		uint64_t word = 0;

		if (left > 0)
			memcpy(&word, content->token + at,
			       left < sizeof(word) ? left : sizeof(word));
		atomic_store_explicit(slot_word(writer, seq, writer->geometry.token_offset + at),
				      word, memory_order_relaxed);
	}
}

void segment_writer_fill(struct segment_writer *writer, uint64_t seq,
			 const struct publication_content *content)
{
	uint64_t words[SEGMENT_MEMORY_META_WORDS];

	assert(content->length <= writer->geometry.token_capacity);
	segment_memory_pack(words, content);
	for (size_t i = 0; i < SEGMENT_MEMORY_META_WORDS; i++)
		atomic_store_explicit(
			slot_word(writer, seq, TOKENBROKER_SLOT_GENERATION + i * sizeof(uint64_t)),
			words[i], memory_order_relaxed);
	fill_token(writer, seq, content);
}

void segment_writer_seal(struct segment_writer *writer, uint64_t seq,
			 const struct publication_content *content)
{
	uint64_t words[SEGMENT_MEMORY_META_WORDS];
	uint64_t sum;

	segment_memory_pack(words, content);
	sum = tokenbroker_segment_slot_sum(seq, words, content->token, content->length);
	atomic_store_explicit(slot_word(writer, seq, TOKENBROKER_SLOT_SUM), sum,
			      memory_order_relaxed);
	atomic_store_explicit(slot_word(writer, seq, TOKENBROKER_SLOT_SEQ), seq,
			      memory_order_relaxed);
}

void segment_writer_commit(struct segment_writer *writer, uint64_t seq)
{
	writer->count = seq;
	store_head(writer);
}

void segment_writer_move_wake(struct segment_writer *writer)
{
	atomic_fetch_add_explicit(&segment_memory_lines(writer->base)->wake, 1,
				  memory_order_release);
}

void segment_writer_publish(struct segment_writer *writer,
			    const struct publication_content *content, bool moves_wake)
{
	uint64_t seq = segment_writer_begin(writer);

	segment_writer_fill(writer, seq, content);
	segment_writer_seal(writer, seq, content);
	segment_writer_commit(writer, seq);
	if (moves_wake)
		segment_writer_move_wake(writer);
}

void segment_writer_retire(struct segment_writer *writer)
{
	writer->is_retired = true;
	store_head(writer);
	segment_writer_move_wake(writer);
}

void segment_writer_adopted(struct segment_writer *writer)
{
	atomic_fetch_add_explicit(&segment_memory_lines(writer->base)->broker_epoch, 1,
				  memory_order_relaxed);
	segment_writer_move_wake(writer);
}

_Atomic uint32_t *segment_writer_wake_word(const struct segment_writer *writer)
{
	return &segment_memory_lines(writer->base)->wake;
}
