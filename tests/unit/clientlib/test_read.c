/* SPDX-License-Identifier: MIT */
/* What is read of a segment that holds still. */
#include "harness.h"
#include "read_fixture.h"

static void an_empty_segment_reads_as_nothing_yet(void)
{
	struct reading reading = {.generation = 5};
	char buffer[16];

	set_up();
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_EQUAL(reading.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(reading.generation, 0);
	CU_ASSERT_FALSE(reading.is_retired);
}

static void a_token_comes_with_what_was_published_about_it(void)
{
	struct reading reading;
	char buffer[16];
	int64_t now_ns = stage_now_ns();

	set_up();
	publish(7);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "token-7");
	CU_ASSERT_EQUAL(reading.state, TOKENBROKER_SEGMENT_VALID);
	CU_ASSERT_EQUAL(reading.length, 7);
	CU_ASSERT_EQUAL(reading.generation, 7);
	CU_ASSERT(reading.expires_boottime_ns >= now_ns + 60 * STAGE_S);
	CU_ASSERT(reading.expires_boottime_ns < now_ns + 70 * STAGE_S);
	CU_ASSERT(reading.expires_realtime_ns > 1700000000 * STAGE_S);
}

/* At every alignment of the buffer, and with a canary behind it. */
static unsigned wrong_copies_of_length(size_t length)
{
	unsigned wrong = 0;

	publish_length(length);
	for (size_t shift = 0; shift < 8; shift++) {
		char area[CAPACITY + 32];
		char *buffer = area + shift;
		struct reading reading;

		memset(area, 0x55, sizeof(area));
		wrong += segment_read(&on.segment, buffer, length + 1, &reading) != READ_DONE;
		wrong += reading.length != length || strlen(buffer) != length;
		for (size_t i = 0; i < length; i++)
			wrong += buffer[i] != (char)('a' + i % 23);
		wrong += buffer[length + 1] != 0x55 || (shift > 0 && buffer[-1] != 0x55);
	}
	return wrong;
}

static void every_length_is_copied_whole_and_nothing_is_written_behind_it(void)
{
	unsigned wrong = 0;

	set_up();
	for (size_t length = 1; length <= 200; length++)
		wrong += wrong_copies_of_length(length);
	for (size_t length = CAPACITY - 20; length <= CAPACITY; length++)
		wrong += wrong_copies_of_length(length);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void a_buffer_that_is_too_small_is_left_alone(void)
{
	char buffer[] = "untouched";
	struct reading reading = {0};

	set_up();
	publish(7);
	CU_ASSERT_EQUAL(segment_read(&on.segment, buffer, 7, &reading), READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "untouched");
	CU_ASSERT_EQUAL(reading.length, 7);
	CU_ASSERT_EQUAL(segment_read(&on.segment, NULL, 0, &reading), READ_DONE);
}

static void a_withdrawn_token_is_not_copied_even_if_the_slot_has_bytes(void)
{
	const struct stage_content content = {TOKENBROKER_SEGMENT_SUSPENDED, 7, 60000, "leak"};
	char buffer[] = "untouched";
	struct reading reading = {0};

	set_up();
	stage_publish_quietly(&on.writer, &content);
	CU_ASSERT_EQUAL(segment_read(&on.segment, buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "untouched");
	CU_ASSERT_EQUAL(reading.state, TOKENBROKER_SEGMENT_SUSPENDED);
	CU_ASSERT_EQUAL(reading.length, 0);
	CU_ASSERT_EQUAL(reading.generation, 7);
}

static void a_retired_segment_can_still_be_read(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(7);
	stage_retire(&on.writer);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_TRUE(reading.is_retired);
	CU_ASSERT_STRING_EQUAL(buffer, "token-7");
}

static void an_empty_segment_can_be_retired(void)
{
	struct reading reading = {0};

	set_up();
	stage_retire(&on.writer);
	CU_ASSERT_EQUAL(segment_read(&on.segment, NULL, 0, &reading), READ_DONE);
	CU_ASSERT_TRUE(reading.is_retired);
}

static void the_slots_are_used_in_turn(void)
{
	unsigned wrong = 0;

	set_up();
	for (uint64_t generation = 1; generation <= 9; generation++) {
		struct reading reading;
		char buffer[16];

		publish(generation);
		wrong += read_into(buffer, sizeof(buffer), &reading) != READ_DONE ||
			 reading.generation != generation || buffer[6] != (char)('0' + generation);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void a_half_filled_next_slot_disturbs_nobody(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(7);
	memset(on.writer.base + stage_slot(&on.writer, on.writer.count + 1), 0xff, STRIDE);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "token-7");
}

/* Publishes a good token, then puts value over a word of its slot. */
static enum read_outcome outcome_with_word(size_t offset, uint64_t value)
{
	publish(7);
	stage_store(&on.writer, stage_slot(&on.writer, on.writer.count) + offset, value);
	return outcome_of_reading();
}

static void a_slot_of_another_publish_is_corrupt(void)
{
	set_up();
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_SEQ, 0), READ_CORRUPT);
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_SEQ, on.writer.count + 2), READ_CORRUPT);
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_SEQ, UINT64_MAX), READ_CORRUPT);
}

static void a_length_beyond_the_capacity_is_corrupt(void)
{
	const uint64_t valid = (uint64_t)TOKENBROKER_SEGMENT_VALID << 32;
	const uint64_t none = (uint64_t)TOKENBROKER_SEGMENT_NONE << 32;

	set_up();
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, valid | CAPACITY),
			READ_DONE);
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, valid | (CAPACITY + 1)),
			READ_CORRUPT);
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, valid | UINT32_MAX),
			READ_CORRUPT);
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, none | UINT32_MAX),
			READ_CORRUPT);
}

static void an_empty_token_that_is_called_valid_is_corrupt(void)
{
	const uint64_t valid = (uint64_t)TOKENBROKER_SEGMENT_VALID << 32;

	set_up();
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, valid), READ_CORRUPT);
}

static void an_unknown_state_is_corrupt(void)
{
	set_up();
	CU_ASSERT_EQUAL(outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, UINT64_C(4) << 32 | 7),
			READ_CORRUPT);
	CU_ASSERT_EQUAL(
		outcome_with_word(TOKENBROKER_SLOT_LENGTH_STATE, (uint64_t)UINT32_MAX << 32 | 7),
		READ_CORRUPT);
}

static void a_head_that_was_invented_is_corrupt(void)
{
	set_up();
	publish(7);
	stage_store(&on.writer, TOKENBROKER_SEGMENT_HEAD_OFFSET, TOKENBROKER_SEGMENT_COUNT);
	CU_ASSERT_EQUAL(outcome_of_reading(), READ_CORRUPT);
}

static void nothing_is_returned_with_a_corrupt_slot(void)
{
	struct reading reading = {.generation = 99};

	set_up();
	publish(7);
	stage_store(&on.writer, stage_slot(&on.writer, 1), 0);
	CU_ASSERT_EQUAL(segment_read(&on.segment, NULL, 0, &reading), READ_CORRUPT);
	CU_ASSERT_EQUAL(reading.generation, 99);
}

static void zeroes_in_place_of_the_segment_read_as_nothing_yet(void)
{
	struct reading reading = {0};

	set_up();
	publish(1);
	STAGE_MUST(mmap(on.writer.base, on.writer.header.segment_bytes, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == on.writer.base);
	CU_ASSERT_EQUAL(segment_read(&on.segment, NULL, 0, &reading), READ_DONE);
	CU_ASSERT_EQUAL(reading.generation, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an_empty_segment_reads_as_nothing_yet", an_empty_segment_reads_as_nothing_yet},
		{"a_token_comes_with_what_was_published_about_it",
		 a_token_comes_with_what_was_published_about_it},
		{"every_length_is_copied_whole_and_nothing_is_written_behind_it",
		 every_length_is_copied_whole_and_nothing_is_written_behind_it},
		{"a_buffer_that_is_too_small_is_left_alone",
		 a_buffer_that_is_too_small_is_left_alone},
		{"a_withdrawn_token_is_not_copied_even_if_the_slot_has_bytes",
		 a_withdrawn_token_is_not_copied_even_if_the_slot_has_bytes},
		{"a_retired_segment_can_still_be_read", a_retired_segment_can_still_be_read},
		{"an_empty_segment_can_be_retired", an_empty_segment_can_be_retired},
		{"the_slots_are_used_in_turn", the_slots_are_used_in_turn},
		{"a_half_filled_next_slot_disturbs_nobody",
		 a_half_filled_next_slot_disturbs_nobody},
		{"a_slot_of_another_publish_is_corrupt", a_slot_of_another_publish_is_corrupt},
		{"a_length_beyond_the_capacity_is_corrupt",
		 a_length_beyond_the_capacity_is_corrupt},
		{"an_empty_token_that_is_called_valid_is_corrupt",
		 an_empty_token_that_is_called_valid_is_corrupt},
		{"an_unknown_state_is_corrupt", an_unknown_state_is_corrupt},
		{"a_head_that_was_invented_is_corrupt", a_head_that_was_invented_is_corrupt},
		{"nothing_is_returned_with_a_corrupt_slot",
		 nothing_is_returned_with_a_corrupt_slot},
		{"zeroes_in_place_of_the_segment_read_as_nothing_yet",
		 zeroes_in_place_of_the_segment_read_as_nothing_yet},
		CU_TEST_INFO_NULL,
	};

	return harness_run("read", tests);
}
