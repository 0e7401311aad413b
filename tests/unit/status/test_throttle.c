/* SPDX-License-Identifier: MIT */
#include "status/throttle.h"

#include "base/clock.h"
#include "harness.h"

static void the_first_write_is_due_at_once(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 1000);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 1000), STATUS_DUE_WRITE);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 1000);
}

static void changes_are_gathered_for_a_tenth_of_a_second(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_written(&throttle, 0, NS_PER_MS);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 99 * NS_PER_MS), STATUS_DUE_NOTHING);
	status_throttle_mark_changed(&throttle);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 99 * NS_PER_MS), STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 100 * NS_PER_MS);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 100 * NS_PER_MS), STATUS_DUE_WRITE);
}

/* Changes without end: how many writes fit into an hour, and what part of it they take. */
static void check_load(int64_t duration_ns, int64_t most_writes)
{
	const int64_t hour_ns = 3600 * NS_PER_S;
	struct status_throttle throttle;
	int64_t now_ns = 0, writes = 0;

	status_throttle_init(&throttle, now_ns);
	while (now_ns < hour_ns) {
		status_throttle_mark_changed(&throttle);
		if (status_throttle_due(&throttle, now_ns) == STATUS_DUE_TOUCH)
			status_throttle_touched(&throttle, now_ns);
		if (status_throttle_due(&throttle, now_ns) == STATUS_DUE_WRITE) {
			now_ns += duration_ns;
			writes++;
			status_throttle_written(&throttle, now_ns, duration_ns);
		} else {
			now_ns = status_throttle_next_ns(&throttle);
		}
	}
	CU_ASSERT_TRUE(writes <= most_writes);
	CU_ASSERT_TRUE(writes > most_writes * 9 / 10);
	CU_ASSERT_TRUE(writes * duration_ns <= hour_ns / 20 + duration_ns);
}

static void no_more_than_ten_writes_a_second_and_a_twentieth_of_the_time(void)
{
	check_load(NS_PER_MS, 36001);
	check_load(5 * NS_PER_MS, 36001);
	check_load(50 * NS_PER_MS, 3601);
	check_load(2 * NS_PER_S, 91);
}

static void without_changes_the_file_is_touched_every_fifteen_seconds(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_written(&throttle, NS_PER_S, NS_PER_MS);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 16 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 16 * NS_PER_S - 1), STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 16 * NS_PER_S), STATUS_DUE_TOUCH);
	status_throttle_touched(&throttle, 17 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 17 * NS_PER_S), STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 32 * NS_PER_S);
}

static void the_heart_beats_while_a_slow_write_is_paid_off(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_written(&throttle, 0, 2 * NS_PER_S); /* the next one in 38 s */
	status_throttle_mark_changed(&throttle);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 15 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 15 * NS_PER_S), STATUS_DUE_TOUCH);
	status_throttle_touched(&throttle, 15 * NS_PER_S);
	status_throttle_touched(&throttle, 30 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), 38 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 38 * NS_PER_S), STATUS_DUE_WRITE);
}

static void a_failed_write_is_tried_again_after_a_second(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_write_failed(&throttle, 0, NS_PER_MS);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, NS_PER_S - 1), STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, NS_PER_S), STATUS_DUE_WRITE);
	status_throttle_write_failed(&throttle, NS_PER_S, NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 20 * NS_PER_S), STATUS_DUE_WRITE);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 20 * NS_PER_S - 1), STATUS_DUE_TOUCH);
}

static void a_failed_touch_is_tried_again_after_a_second(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_written(&throttle, 0, 0);
	status_throttle_touch_failed(&throttle, 15 * NS_PER_S);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 16 * NS_PER_S - 1), STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_throttle_due(&throttle, 16 * NS_PER_S), STATUS_DUE_TOUCH);
}

static void a_duration_that_runs_backwards_counts_as_none(void)
{
	struct status_throttle throttle;

	status_throttle_init(&throttle, 0);
	status_throttle_written(&throttle, NS_PER_S, -NS_PER_S);
	status_throttle_mark_changed(&throttle);
	CU_ASSERT_EQUAL(status_throttle_next_ns(&throttle), NS_PER_S + 100 * NS_PER_MS);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(the_first_write_is_due_at_once),
		TEST(changes_are_gathered_for_a_tenth_of_a_second),
		TEST(no_more_than_ten_writes_a_second_and_a_twentieth_of_the_time),
		TEST(without_changes_the_file_is_touched_every_fifteen_seconds),
		TEST(the_heart_beats_while_a_slow_write_is_paid_off),
		TEST(a_failed_write_is_tried_again_after_a_second),
		TEST(a_failed_touch_is_tried_again_after_a_second),
		TEST(a_duration_that_runs_backwards_counts_as_none),
		CU_TEST_INFO_NULL,
	};

	return harness_run("throttle", tests);
}
