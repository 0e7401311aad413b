/* SPDX-License-Identifier: MIT */
/*
 * A reader and a writer are interleaved on purpose, not by chance: the token of each slot has a
 * page of its own that nobody may read. The fault that a reader takes there, between the metadata
 * and the token, is where the writer publishes. Who reads no token faults in the metadata.
 */
#include "clientlib/handle.h"
#include "clientlib/read.h"

#include <signal.h>
#include <string.h>

#include "harness.h"
#include "stage.h"

#define PAGE     4096
#define STRIDE   (2 * PAGE) /* metadata, token */
#define SLOTS    4
#define CAPACITY 1015
#define TRIES    128 /* 64 before and 64 after a yield, segment.md section 4 */

/* At file scope, for a fault handler takes no argument. */
static struct {
	struct stage_segment writer;
	struct segment segment;
	struct mapping *mapping; /* close before the segment, as mapping_open() has it */
	unsigned faults;
	unsigned faults_with_publishes; /* the first so many */
	unsigned publishes_per_fault;
	bool retires_in_fault;
	size_t guarded; /* the page of each slot */
} on;

static void publish(uint64_t generation)
{
	static const char token_of[][8] = {"token-0", "token-1", "token-2", "token-3", "token-4",
					   "token-5", "token-6", "token-7", "token-8", "token-9"};
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, generation, 60000,
					      token_of[generation % 10]};

	stage_publish_quietly(&on.writer, &content);
}

static void publish_length(size_t length)
{
	char token[CAPACITY + 1] = "";
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, 1, 60000, token};

	for (size_t i = 0; i < length; i++)
		token[i] = (char)('a' + i % 23);
	stage_publish_quietly(&on.writer, &content);
}

static void protect_slots(int protection)
{
	for (size_t slot = 0; slot < SLOTS; slot++)
		STAGE_MUST(mprotect(on.writer.base + PAGE + slot * STRIDE + on.guarded, PAGE,
				    protection) == 0);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr / PAGE * PAGE;

	(void)number;
	(void)context;
	on.faults++;
	protect_slots(PROT_READ | PROT_WRITE);
	if (on.faults <= on.faults_with_publishes)
		for (unsigned i = 0; i < on.publishes_per_fault; i++)
			publish(on.writer.count + 1);
	if (on.retires_in_fault)
		stage_retire(&on.writer);
	protect_slots(PROT_NONE);
	STAGE_MUST(mprotect((void *)page, PAGE, PROT_READ) == 0);
}

/* From now on the reader faults in each token, and the writer publishes in the first faults. */
static void interleave(unsigned faults, unsigned publishes_per_fault)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	on.faults = 0;
	on.faults_with_publishes = faults;
	on.publishes_per_fault = publishes_per_fault;
	STAGE_MUST(sigaction(SIGSEGV, &action, NULL) == 0);
	protect_slots(PROT_NONE);
}

/* A fresh segment; each test begins with it. */
static void set_up(void)
{
	const struct geometry geometry = {.slot_offset = PAGE,
					  .slot_stride = STRIDE,
					  .slot_count = SLOTS,
					  .token_offset = PAGE,
					  .token_capacity = CAPACITY};
	struct tokenbroker_segment_header header = stage_header("default", CAPACITY);
	unsigned char *region;

	if (on.writer.base != NULL) {
		signal(SIGSEGV, SIG_DFL);
		STAGE_MUST(munmap(on.writer.base - PAGE, PAGE + on.writer.header.segment_bytes) ==
			   0);
	}
	header.slot_offset = PAGE;
	header.slot_stride = STRIDE;
	header.token_offset = PAGE;
	header.segment_bytes = PAGE + SLOTS * STRIDE;
	on.retires_in_fault = false;
	on.guarded = PAGE;
	on.writer = (struct stage_segment){.header = header};
	region = mmap(NULL, PAGE + header.segment_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	STAGE_MUST(region != MAP_FAILED);
	on.writer.base = region + PAGE;
	segment_init(&on.segment, on.writer.base, &geometry);
	on.mapping = (struct mapping *)(void *)on.writer.base - 1;
	on.mapping->segment = on.segment;
}

/* Who reads through a handle finds this segment. */
static void open_handle(struct tokenbroker *ret)
{
	*ret = (struct tokenbroker){.name_check_ns = INT64_MAX};
	atomic_init(&ret->current, on.mapping);
}

static enum read_outcome read_into(char *buffer, size_t size, struct reading *ret)
{
	memset(buffer, 0xaa, size);
	return segment_read(&on.segment, buffer, size, ret);
}

static enum read_outcome outcome_of_reading(void)
{
	char buffer[CAPACITY + 1];
	struct reading reading;

	return read_into(buffer, sizeof(buffer), &reading);
}

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

static void a_reader_that_is_overtaken_reads_the_newer_token(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(1);
	interleave(2, 1);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_EQUAL(on.faults, 3);
	CU_ASSERT_EQUAL(reading.generation, 3);
	CU_ASSERT_STRING_EQUAL(buffer, "token-3");
}

/* How many of the bytes are this one. */
static size_t count_of(const char *bytes, size_t count, char byte)
{
	size_t same = 0;

	for (size_t i = 0; i < count; i++)
		same += bytes[i] == byte;
	return same;
}

static void nothing_of_an_overtaken_token_stays_behind_a_shorter_one(void)
{
	char buffer[CAPACITY + 1];
	struct reading reading;

	set_up();
	publish_length(900);
	interleave(1, 1);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "token-2");
	CU_ASSERT_EQUAL(count_of(buffer + 7, 901 - 7, 0), 901 - 7);
	CU_ASSERT_EQUAL(count_of(buffer + 901, CAPACITY - 900, (char)0xaa), CAPACITY - 900);
	/* Nor of any, when none can be had. */
	interleave(TRIES, SLOTS - 1);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_OVERTAKEN);
	CU_ASSERT_EQUAL(count_of(buffer, 8, 0), 8);
}

/* tokenbroker_get() has a first try of its own before those of segment_read(). */
static void nothing_of_the_overtaken_first_try_of_a_get_stays_behind(void)
{
	struct tokenbroker tb;
	struct tokenbroker_info info;
	char buffer[CAPACITY + 1];

	set_up();
	open_handle(&tb);
	publish_length(900);
	interleave(1, 1);
	memset(buffer, 0xaa, sizeof(buffer));
	CU_ASSERT_EQUAL(tokenbroker_get(&tb, 0, buffer, sizeof(buffer), &info), 0);
	CU_ASSERT_EQUAL(on.faults, 2);
	CU_ASSERT_EQUAL(info.generation, 2);
	CU_ASSERT_STRING_EQUAL(buffer, "token-2");
	CU_ASSERT_EQUAL(count_of(buffer + 7, 901 - 7, 0), 901 - 7);
	CU_ASSERT_EQUAL(count_of(buffer + 901, CAPACITY - 900, (char)0xaa), CAPACITY - 900);
}

static void a_generation_that_is_overtaken_is_the_newer_one(void)
{
	struct tokenbroker tb;

	set_up();
	open_handle(&tb);
	publish(1);
	on.guarded = 0;
	interleave(1, 1);
	CU_ASSERT_EQUAL(tokenbroker_generation(&tb), 2);
	CU_ASSERT_EQUAL(on.faults, 2);
}

static void a_retirement_during_the_copy_is_seen(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(1);
	on.retires_in_fault = true;
	interleave(0, 0);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_EQUAL(on.faults, 1);
	CU_ASSERT_TRUE(reading.is_retired);
	CU_ASSERT_STRING_EQUAL(buffer, "token-1");
}

/* The length is of one token then, and the bytes are of another. */
static void a_slot_that_is_rewritten_between_length_and_token_is_read_again(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(1);
	interleave(1, SLOTS);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_EQUAL(reading.generation, 1 + SLOTS);
	CU_ASSERT_STRING_EQUAL(buffer, "token-5");
}

static void the_last_try_takes_a_slot_that_cannot_have_been_touched(void)
{
	struct reading reading = {0};
	char buffer[16];

	set_up();
	publish(1);
	interleave(TRIES, SLOTS - 2);
	CU_ASSERT_EQUAL(read_into(buffer, sizeof(buffer), &reading), READ_DONE);
	CU_ASSERT_EQUAL(on.faults, TRIES);
	CU_ASSERT_EQUAL(reading.generation, 1 + (TRIES - 1) * (SLOTS - 2));
	CU_ASSERT_EQUAL(buffer[6], (char)('0' + reading.generation % 10));
}

static void the_last_try_refuses_a_slot_that_may_be_being_filled(void)
{
	set_up();
	publish(1);
	interleave(TRIES, SLOTS - 1);
	CU_ASSERT_EQUAL(outcome_of_reading(), READ_OVERTAKEN);
	CU_ASSERT_EQUAL(on.faults, TRIES);
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
		{"a_reader_that_is_overtaken_reads_the_newer_token",
		 a_reader_that_is_overtaken_reads_the_newer_token},
		{"nothing_of_an_overtaken_token_stays_behind_a_shorter_one",
		 nothing_of_an_overtaken_token_stays_behind_a_shorter_one},
		{"nothing_of_the_overtaken_first_try_of_a_get_stays_behind",
		 nothing_of_the_overtaken_first_try_of_a_get_stays_behind},
		{"a_generation_that_is_overtaken_is_the_newer_one",
		 a_generation_that_is_overtaken_is_the_newer_one},
		{"a_retirement_during_the_copy_is_seen", a_retirement_during_the_copy_is_seen},
		{"a_slot_that_is_rewritten_between_length_and_token_is_read_again",
		 a_slot_that_is_rewritten_between_length_and_token_is_read_again},
		{"the_last_try_takes_a_slot_that_cannot_have_been_touched",
		 the_last_try_takes_a_slot_that_cannot_have_been_touched},
		{"the_last_try_refuses_a_slot_that_may_be_being_filled",
		 the_last_try_refuses_a_slot_that_may_be_being_filled},
		{"zeroes_in_place_of_the_segment_read_as_nothing_yet",
		 zeroes_in_place_of_the_segment_read_as_nothing_yet},
		CU_TEST_INFO_NULL,
	};

	return harness_run("read", tests);
}
