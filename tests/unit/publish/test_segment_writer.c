/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "publish/segment_memory.h"
#include "publish/segment_writer.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

#define PAGE 4096

struct memory {
	alignas(128) unsigned char bytes[PAGE];
	struct segment_writer writer;
};

static void begin(struct memory *memory, uint64_t head)
{
	struct segment_geometry geometry = segment_layout_geometry(22);

	memset(memory->bytes, 0, sizeof(memory->bytes));
	segment_memory_lines(memory->bytes)->head = head;
	segment_writer_init(&memory->writer, memory->bytes, &geometry, head);
}

static uint64_t head_of(struct memory *memory)
{
	return segment_memory_lines(memory->bytes)->head;
}

static uint64_t word(struct memory *memory, uint64_t seq, size_t offset)
{
	return *segment_memory_slot_word(memory->bytes, &memory->writer.geometry, seq, offset);
}

static const char *token(struct memory *memory, uint64_t seq)
{
	return (const char *)(const void *)segment_memory_slot_word(
		memory->bytes, &memory->writer.geometry, seq, TOKENBROKER_SEGMENT_TOKEN_OFFSET);
}

static struct publication_content content_of(const char *text)
{
	return (struct publication_content){
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = 7,
		.expires_boottime_ns = INT64_MAX,
		.expires_realtime_ns = -1,
		.issued_realtime_ns = 5,
		.source_id = 9,
		.token = text,
		.length = strlen(text),
	};
}

static void contents_survive_packing(void)
{
	struct publication_content content = content_of("abc");
	struct publication_content unpacked;
	uint64_t words[SEGMENT_MEMORY_META_WORDS];

	segment_memory_pack(words, &content);
	segment_memory_unpack(&unpacked, words);
	CU_ASSERT_EQUAL(unpacked.state, TOKENBROKER_SEGMENT_VALID);
	CU_ASSERT_EQUAL(unpacked.generation, 7);
	CU_ASSERT_EQUAL(unpacked.expires_boottime_ns, INT64_MAX);
	CU_ASSERT_EQUAL(unpacked.expires_realtime_ns, -1);
	CU_ASSERT_EQUAL(unpacked.issued_realtime_ns, 5);
	CU_ASSERT_EQUAL(unpacked.source_id, 9);
	CU_ASSERT_EQUAL(unpacked.length, 3);
	CU_ASSERT_PTR_NULL(unpacked.token);
}

static void each_publish_goes_to_the_slot_after_the_current_one(void)
{
	struct memory memory;
	struct publication_content content = content_of("a-token");

	begin(&memory, 0);
	for (uint64_t n = 1; n <= 9; n++) {
		content.generation = n;
		segment_writer_publish(&memory.writer, &content, true);
		CU_ASSERT_EQUAL(head_of(&memory), n);
		CU_ASSERT_EQUAL(word(&memory, n % 4, TOKENBROKER_SLOT_SEQ), n);
		CU_ASSERT_EQUAL(word(&memory, n % 4, TOKENBROKER_SLOT_GENERATION), n);
		CU_ASSERT_STRING_EQUAL(token(&memory, n % 4), "a-token");
	}
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 9);
}

/* The state of the memory after each step, which is what a SIGKILL there would leave. */
static void only_the_commit_changes_what_readers_find(void)
{
	struct memory memory;
	struct publication_content old = content_of("old");
	struct publication_content new = content_of("new");
	uint64_t seq;

	begin(&memory, 0);
	segment_writer_publish(&memory.writer, &old, true);
	memset((void *)(uintptr_t)token(&memory, 2), 'x', 100);

	seq = segment_writer_begin(&memory.writer);
	CU_ASSERT_EQUAL(seq, 2);
	CU_ASSERT_EQUAL(head_of(&memory), 1);
	CU_ASSERT_EQUAL(word(&memory, 2, TOKENBROKER_SLOT_SEQ), 0);
	segment_writer_fill(&memory.writer, seq, &new);
	CU_ASSERT_EQUAL(head_of(&memory), 1);
	CU_ASSERT_EQUAL(word(&memory, 2, TOKENBROKER_SLOT_SEQ), 0);
	CU_ASSERT_STRING_EQUAL(token(&memory, 2), "new");
	segment_writer_seal(&memory.writer, seq, &new);
	CU_ASSERT_EQUAL(head_of(&memory), 1);
	CU_ASSERT_EQUAL(word(&memory, 2, TOKENBROKER_SLOT_SEQ), 2);
	segment_writer_commit(&memory.writer, seq);
	CU_ASSERT_EQUAL(head_of(&memory), 2);
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 1);
	segment_writer_move_wake(&memory.writer);
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 2);
	CU_ASSERT_STRING_EQUAL(token(&memory, 1), "old");
}

static void a_filled_slot_holds_nothing_of_a_longer_token(void)
{
	struct memory memory;
	struct publication_content content = content_of("s");
	const char *slot;

	begin(&memory, 0);
	slot = token(&memory, 1);
	memset((void *)(uintptr_t)slot, 'x', 768);
	segment_writer_publish(&memory.writer, &content, true);
	CU_ASSERT_STRING_EQUAL(slot, "s");
	CU_ASSERT_PTR_NULL(memchr(slot, 'x', 768));
}

static void the_longest_token_fits_and_nothing_beside_it_changes(void)
{
	struct memory memory;
	struct publication_content content = content_of("");
	char longest[767];

	memset(longest, 'L', sizeof(longest));
	content.token = longest;
	content.length = sizeof(longest);
	begin(&memory, 2);
	segment_writer_publish(&memory.writer, &content, true); /* the last slot of the memory */
	CU_ASSERT_EQUAL(memcmp(token(&memory, 3), longest, sizeof(longest)), 0);
	CU_ASSERT_EQUAL(memory.bytes[PAGE - 1], 0);
	CU_ASSERT_EQUAL(word(&memory, 0, TOKENBROKER_SLOT_SEQ), 0);
	CU_ASSERT_PTR_NULL(
		memchr(memory.bytes, 'L', TOKENBROKER_SEGMENT_SLOT_OFFSET + 3 * 896 + 128));
}

static void a_repeat_moves_head_but_not_wake(void)
{
	struct memory memory;
	struct publication_content content = content_of("t");

	begin(&memory, 0);
	segment_writer_publish(&memory.writer, &content, false);
	CU_ASSERT_EQUAL(head_of(&memory), 1);
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 0);
}

static void head_and_geometry_are_never_read_back(void)
{
	struct memory memory;
	struct publication_content content = content_of("t");

	begin(&memory, 0);
	segment_writer_publish(&memory.writer, &content, true);
	memset(memory.bytes, 0xff, TOKENBROKER_SEGMENT_SLOT_OFFSET);
	segment_writer_publish(&memory.writer, &content, true);
	CU_ASSERT_EQUAL(head_of(&memory), 2);
	CU_ASSERT_EQUAL(word(&memory, 2, TOKENBROKER_SLOT_SEQ), 2);
}

static void a_retired_segment_stays_retired(void)
{
	struct memory memory;
	struct publication_content content = content_of("t");

	begin(&memory, 0);
	segment_writer_publish(&memory.writer, &content, true);
	segment_writer_retire(&memory.writer);
	CU_ASSERT_EQUAL(head_of(&memory), TOKENBROKER_SEGMENT_RETIRED | 1);
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 2);
	segment_writer_publish(&memory.writer, &content, true);
	CU_ASSERT_EQUAL(head_of(&memory), TOKENBROKER_SEGMENT_RETIRED | 2);

	begin(&memory, TOKENBROKER_SEGMENT_RETIRED | 41);
	segment_writer_publish(&memory.writer, &content, true);
	CU_ASSERT_EQUAL(head_of(&memory), TOKENBROKER_SEGMENT_RETIRED | 42);
}

static void adoption_moves_epoch_and_wake(void)
{
	struct memory memory;

	begin(&memory, 3);
	segment_writer_adopted(&memory.writer);
	CU_ASSERT_EQUAL(segment_memory_lines(memory.bytes)->broker_epoch, 1);
	CU_ASSERT_EQUAL(*segment_writer_wake_word(&memory.writer), 1);
	CU_ASSERT_EQUAL(head_of(&memory), 3);
}

/*
 * No run on x86 or an emulator shows a missing fence (segment-format.md): so the operations are
 * compared, in the order of the source, with those that were model-checked.
 */
static void the_atomic_operations_are_those_that_were_proved(void)
{
	static const char *const proved[] = {
		"store release", /* head, in commit and retire */
		"fence release", /* before the slot is touched */
		"store relaxed", /* slot_seq = 0 */
		"store relaxed", /* token words */
		"store relaxed", /* metadata */
		"store relaxed", /* slot_sum */
		"store relaxed", /* slot_seq = n */
		"fetch release", /* wake */
		"fetch relaxed", /* broker_epoch */
	};
	static char source[32768];
	FILE *file = fopen("broker/publish/segment_writer.c", "re");
	const char *at = source;
	size_t count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	source[fread(source, 1, sizeof(source) - 1, file)] = '\0';
	(void)fclose(file);
	while ((at = strstr(at, "atomic_")) != NULL) {
		const char *order = strstr(at, "memory_order_");
		char operation[32];

		CU_ASSERT_PTR_NOT_NULL_FATAL(order);
		at += strlen(strncmp(at, "atomic_thread_", 14) == 0 ? "atomic_thread_" : "atomic_");
		(void)snprintf(operation, sizeof(operation), "%.5s %.7s", at,
			       order + strlen("memory_order_"));
		CU_ASSERT_TRUE_FATAL(count < sizeof(proved) / sizeof(proved[0]));
		CU_ASSERT_STRING_EQUAL(operation, proved[count]);
		count++;
	}
	CU_ASSERT_EQUAL(count, sizeof(proved) / sizeof(proved[0]));
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(contents_survive_packing),
		TEST(each_publish_goes_to_the_slot_after_the_current_one),
		TEST(only_the_commit_changes_what_readers_find),
		TEST(a_filled_slot_holds_nothing_of_a_longer_token),
		TEST(the_longest_token_fits_and_nothing_beside_it_changes),
		TEST(a_repeat_moves_head_but_not_wake),
		TEST(head_and_geometry_are_never_read_back),
		TEST(a_retired_segment_stays_retired),
		TEST(adoption_moves_epoch_and_wake),
		TEST(the_atomic_operations_are_those_that_were_proved),
		CU_TEST_INFO_NULL,
	};

	return harness_run("segment_writer", tests);
}
