/* SPDX-License-Identifier: MIT */
/* What is read of a segment in which the writer publishes meanwhile. */
#include "harness.h"
#include "read_fixture.h"

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

int main(void)
{
	CU_TestInfo tests[] = {
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
		CU_TEST_INFO_NULL,
	};

	return harness_run("overtaken", tests);
}
