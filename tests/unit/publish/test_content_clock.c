/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "harness.h"
#include "publish/content_clock.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

#define BOOTTIME (INT64_C(1000000) * NS_PER_S)
#define REALTIME (INT64_C(1800000000) * NS_PER_S)
#define HOUR_NS  (3600 * NS_PER_S)

/* Came at this moment, for an hour. */
static const struct publication_content token = {
	.state = TOKENBROKER_SEGMENT_VALID,
	.generation = 1,
	.expires_boottime_ns = BOOTTIME + HOUR_NS,
	.expires_realtime_ns = REALTIME + HOUR_NS,
	.issued_realtime_ns = REALTIME,
};

static enum content_clock after(int64_t boottime_ns, int64_t realtime_ns)
{
	return content_clock(&token, BOOTTIME + boottime_ns, REALTIME + realtime_ns);
}

static void time_that_passes_is_no_step(void)
{
	CU_ASSERT_EQUAL(after(0, 0), CONTENT_CLOCK_SAME);
	CU_ASSERT_EQUAL(after(HOUR_NS / 2, HOUR_NS / 2), CONTENT_CLOCK_SAME);
	CU_ASSERT_EQUAL(after(2 * HOUR_NS, 2 * HOUR_NS), CONTENT_CLOCK_SAME);
}

static void drift_and_rounding_are_no_step(void)
{
	CU_ASSERT_EQUAL(after(HOUR_NS / 2, HOUR_NS / 2 + CLOCK_JUMP_NS), CONTENT_CLOCK_SAME);
	CU_ASSERT_EQUAL(after(HOUR_NS / 2, HOUR_NS / 2 - CLOCK_JUMP_NS), CONTENT_CLOCK_SAME);
	CU_ASSERT_EQUAL(after(-NS_PER_MS, 0), CONTENT_CLOCK_SAME);
}

static void a_wall_clock_that_was_set_is_seen_either_way(void)
{
	CU_ASSERT_EQUAL(after(60 * NS_PER_S, 60 * NS_PER_S + CLOCK_JUMP_NS + 1), CONTENT_CLOCK_SET);
	CU_ASSERT_EQUAL(after(60 * NS_PER_S, 60 * NS_PER_S - CLOCK_JUMP_NS - 1), CONTENT_CLOCK_SET);
	CU_ASSERT_EQUAL(after(0, -100 * HOUR_NS), CONTENT_CLOCK_SET);
}

static void a_boot_clock_that_is_ahead_is_seen(void)
{
	CU_ASSERT_EQUAL(after(HOUR_NS / 2, 60 * NS_PER_S), CONTENT_CLOCK_SET);
}

static void a_token_from_the_future_is_of_another_clock(void)
{
	CU_ASSERT_EQUAL(after(-NS_PER_MS - 1, 0), CONTENT_CLOCK_ANOTHER);
	CU_ASSERT_EQUAL(after(-HOUR_NS, 60 * NS_PER_S), CONTENT_CLOCK_ANOTHER);
}

/* Shared memory may hold anything, even under a right sum. */
static void times_may_be_any(void)
{
	static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
	enum { ODD = sizeof(odd) / sizeof(odd[0]) };

	for (int i = 0; i < ODD * ODD * ODD; i++) {
		const struct publication_content content = {
			.state = TOKENBROKER_SEGMENT_VALID,
			.expires_boottime_ns = odd[i % ODD],
			.expires_realtime_ns = odd[i / ODD % ODD],
			.issued_realtime_ns = odd[i / ODD / ODD],
		};

		CU_ASSERT_NOT_EQUAL(content_clock(&content, BOOTTIME, REALTIME),
				    CONTENT_CLOCK_SAME);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(time_that_passes_is_no_step),
		TEST(drift_and_rounding_are_no_step),
		TEST(a_wall_clock_that_was_set_is_seen_either_way),
		TEST(a_boot_clock_that_is_ahead_is_seen),
		TEST(a_token_from_the_future_is_of_another_clock),
		TEST(times_may_be_any),
		CU_TEST_INFO_NULL,
	};

	return harness_run("content_clock", tests);
}
