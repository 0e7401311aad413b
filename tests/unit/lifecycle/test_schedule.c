/* SPDX-License-Identifier: MIT */
#include "lifecycle/schedule.h"

#include "fixture.h"
#include "harness.h"
#include "lifecycle/backoff.h"

#define MOST_MS LIFECYCLE_SPAN_MAX_MS

/* The refresh point of a token adopted at START, counted from there. */
static int64_t refresh_after_ms(const struct lifecycle_policy *policy, int64_t lifetime_ms,
				uint32_t random)
{
	const struct schedule_token token = {.sent_at_ms = START, .lifetime_ms = lifetime_ms};
	struct schedule schedule;

	schedule_adopt(&schedule, &token, random);
	return schedule_due_ms(&schedule, policy, START + lifetime_ms) - START;
}

static struct schedule after_failures(unsigned count, enum lifecycle_failure kind, uint32_t random)
{
	struct schedule schedule;

	schedule_init(&schedule, START);
	while (count-- > 0)
		schedule_fetch_failed(&schedule, START, kind, random);
	return schedule;
}

static void a_policy_out_of_bounds_is_not_valid(void)
{
	const struct {
		struct lifecycle_policy policy;
		bool is_valid;
	} rows[] = {
		{{1, 0, 1, 1, 0, 1, false}, true},
		{{99, 50, MOST_MS, MOST_MS, MOST_MS, MOST_MS, true}, true},
		{{0, 0, 1, 1, 0, 1, false}, false},
		{{100, 0, 1, 1, 0, 1, false}, false},
		{{1, 51, 1, 1, 0, 1, false}, false},
		{{1, 0, 0, 1, 0, 1, false}, false},
		{{1, 0, 2, 1, 0, 1, false}, false},
		{{1, 0, 1, MOST_MS + 1, 0, 1, false}, false},
		{{1, 0, 1, 1, -1, 1, false}, false},
		{{1, 0, 1, 1, MOST_MS + 1, 1, false}, false},
		{{1, 0, 1, 1, 0, 0, false}, false},
		{{1, 0, 1, 1, 0, MOST_MS + 1, false}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(lifecycle_policy_is_valid(&rows[i].policy), rows[i].is_valid);
}

static void doubling_ends_at_the_limit(void)
{
	CU_ASSERT_EQUAL(backoff_doubled_ms(1000, 0, 300000), 1000);
	CU_ASSERT_EQUAL(backoff_doubled_ms(1000, 8, 300000), 256000);
	CU_ASSERT_EQUAL(backoff_doubled_ms(1000, 9, 300000), 300000);
	CU_ASSERT_EQUAL(backoff_doubled_ms(5000, 0, 3000), 3000);
}

static void doubling_never_overflows(void)
{
	for (unsigned doublings = 9; doublings < 200; doublings++)
		CU_ASSERT_EQUAL(backoff_doubled_ms(1000, doublings, 300000), 300000);
	CU_ASSERT_EQUAL(backoff_doubled_ms(1, UINT32_MAX, LIFECYCLE_SPAN_MAX_MS),
			LIFECYCLE_SPAN_MAX_MS);
	CU_ASSERT_EQUAL(backoff_doubled_ms(0, 62, 300000), 0);
}

static void a_fraction_is_exact_for_the_longest_span(void)
{
	CU_ASSERT_EQUAL(backoff_fraction_ms(LIFECYCLE_SPAN_MAX_MS, 0), 0);
	CU_ASSERT_EQUAL(backoff_fraction_ms(LIFECYCLE_SPAN_MAX_MS, UINT32_C(1) << 31),
			LIFECYCLE_SPAN_MAX_MS / 2);
	/* (2^32 - 1) / 2^32 of it: 73.47 ms short, rounded down */
	CU_ASSERT_EQUAL(backoff_fraction_ms(LIFECYCLE_SPAN_MAX_MS, UINT32_MAX),
			LIFECYCLE_SPAN_MAX_MS - 74);
}

static void a_pause_is_jittered_by_up_to_a_quarter(void)
{
	CU_ASSERT_EQUAL(backoff_transient_ms(&POLICY, POLICY.retry_max_ms, 4, NO_JITTER), 8000);
	CU_ASSERT_EQUAL(backoff_transient_ms(&POLICY, POLICY.retry_max_ms, 4, MOST_JITTER), 9999);
	CU_ASSERT_EQUAL(backoff_permanent_ms(&POLICY, NO_JITTER), 300000);
	CU_ASSERT_EQUAL(backoff_permanent_ms(&POLICY, MOST_JITTER), 374999);
}

static void a_pause_is_never_below_retry_min(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.retry_min_ms = 60 * SECOND; /* above the 30 s without a token */
	CU_ASSERT_EQUAL(backoff_transient_ms(&policy, 30 * SECOND, 1, MOST_JITTER), 60 * SECOND);
}

static void retry_after_is_clamped(void)
{
	CU_ASSERT_EQUAL(backoff_retry_after_ms(-1), 0);
	CU_ASSERT_EQUAL(backoff_retry_after_ms(5000), 5000);
	CU_ASSERT_EQUAL(backoff_retry_after_ms(INT64_MAX), HOUR);
}

static void the_first_fetch_is_due_at_once(void)
{
	struct schedule schedule = after_failures(0, LIFECYCLE_TRANSIENT, NO_JITTER);

	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, LIFECYCLE_LONG_AGO_MS), START);
}

static void a_refresh_is_due_at_its_percentage(void)
{
	CU_ASSERT_EQUAL(refresh_after_ms(&POLICY, HOUR, NO_JITTER), 45 * MINUTE);
}

static void a_refresh_is_jittered_to_both_sides(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.refresh_jitter_percent = 5;
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, HOUR, NO_JITTER), HOUR * 70 / 100);
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, HOUR, UINT32_C(1) << 31), HOUR * 75 / 100);
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, HOUR, MOST_JITTER), HOUR * 80 / 100 - 1);
}

static void a_jitter_wider_than_the_percentage_does_not_refresh_at_once(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.refresh_percent = 10;
	policy.refresh_jitter_percent = 50;
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, HOUR, NO_JITTER), HOUR / 100);
}

static void a_refresh_leaves_a_minute(void)
{
	CU_ASSERT_EQUAL(refresh_after_ms(&POLICY, 200 * SECOND, NO_JITTER), 140 * SECOND);
	CU_ASSERT_EQUAL(refresh_after_ms(&POLICY, 120 * SECOND, NO_JITTER), 60 * SECOND);
}

static void a_brief_life_is_refreshed_by_its_half(void)
{
	struct lifecycle_policy policy = POLICY;

	CU_ASSERT_EQUAL(refresh_after_ms(&POLICY, 119 * SECOND, NO_JITTER), 59500);
	CU_ASSERT_EQUAL(refresh_after_ms(&POLICY, 2 * SECOND, NO_JITTER), 1 * SECOND);
	policy.refresh_percent = 20;
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, 100 * SECOND, NO_JITTER), 20 * SECOND);
}

static void the_longest_life_does_not_overflow(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.refresh_percent = 99;
	policy.refresh_jitter_percent = 50;
	CU_ASSERT_EQUAL(refresh_after_ms(&policy, LIFECYCLE_SPAN_MAX_MS, MOST_JITTER),
			LIFECYCLE_SPAN_MAX_MS - MINUTE);
}

static void transient_failures_double_up_to_retry_max_under_a_usable_token(void)
{
	static const int64_t PAUSES_S[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};

	for (unsigned i = 0; i < sizeof(PAUSES_S) / sizeof(*PAUSES_S); i++) {
		struct schedule schedule = after_failures(i + 1, LIFECYCLE_TRANSIENT, NO_JITTER);

		CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + DAY),
				START + PAUSES_S[i] * SECOND);
	}
}

static void without_a_token_they_double_up_to_30_seconds(void)
{
	static const int64_t PAUSES_S[] = {1, 2, 4, 8, 16, 30, 30};

	for (unsigned i = 0; i < sizeof(PAUSES_S) / sizeof(*PAUSES_S); i++) {
		struct schedule schedule = after_failures(i + 1, LIFECYCLE_LOCAL, NO_JITTER);

		CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, LIFECYCLE_LONG_AGO_MS),
				START + PAUSES_S[i] * SECOND);
	}
}

static void retry_max_holds_below_30_seconds(void)
{
	struct schedule schedule = after_failures(10, LIFECYCLE_TRANSIENT, NO_JITTER);
	struct lifecycle_policy policy = POLICY;

	policy.retry_max_ms = 20 * SECOND;
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &policy, LIFECYCLE_LONG_AGO_MS),
			START + 20 * SECOND);
}

static void an_expiry_ends_a_long_transient_pause(void)
{
	struct schedule schedule = after_failures(10, LIFECYCLE_TRANSIENT, NO_JITTER);

	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + 100 * SECOND),
			START + 100 * SECOND);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + 10 * SECOND),
			START + 30 * SECOND);
}

static void an_expiry_does_not_move_a_permanent_failure(void)
{
	struct schedule schedule = after_failures(1, LIFECYCLE_PERMANENT, NO_JITTER);

	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + SECOND), START + 300 * SECOND);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, LIFECYCLE_LONG_AGO_MS),
			START + 300 * SECOND);
}

static void tokens_too_brief_to_keep_up_with_back_off(void)
{
	const struct schedule_token brief = {.sent_at_ms = START, .lifetime_ms = 1999};
	const struct schedule_token enough = {.sent_at_ms = START, .lifetime_ms = 2000};
	struct schedule schedule;

	schedule_init(&schedule, START);
	for (int64_t pause_s = 1; pause_s < 300; pause_s *= 2) {
		schedule_fetch_succeeded(&schedule, &POLICY, START, &brief, NO_JITTER);
		CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + 1999),
				START + pause_s * SECOND);
	}
	schedule_fetch_succeeded(&schedule, &POLICY, START, &brief, NO_JITTER);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, LIFECYCLE_LONG_AGO_MS),
			START + 300 * SECOND);
	schedule_fetch_succeeded(&schedule, &POLICY, START, &enough, NO_JITTER);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + 2000), START + SECOND);
	schedule_fetch_failed(&schedule, START, LIFECYCLE_TRANSIENT, NO_JITTER);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + HOUR), START + SECOND);
}

static void failures_and_brief_tokens_in_turn_count_together(void)
{
	const struct schedule_token brief = {.sent_at_ms = START, .lifetime_ms = SECOND};
	struct schedule schedule = after_failures(3, LIFECYCLE_TRANSIENT, NO_JITTER);

	schedule_fetch_succeeded(&schedule, &POLICY, START, &brief, NO_JITTER);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + SECOND), START + 8 * SECOND);
}

static void the_end_of_the_same_token_is_not_slept_through(void)
{
	const struct schedule_token last = {
		.sent_at_ms = START,
		.lifetime_ms = 1500,
		.is_known = true,
	};
	struct schedule schedule = after_failures(5, LIFECYCLE_TRANSIENT, NO_JITTER);

	schedule_fetch_succeeded(&schedule, &POLICY, START, &last, NO_JITTER);
	CU_ASSERT_EQUAL(schedule_due_ms(&schedule, &POLICY, START + 1500), START + 1500);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_policy_out_of_bounds_is_not_valid", a_policy_out_of_bounds_is_not_valid},
		{"doubling_ends_at_the_limit", doubling_ends_at_the_limit},
		{"doubling_never_overflows", doubling_never_overflows},
		{"a_fraction_is_exact_for_the_longest_span",
		 a_fraction_is_exact_for_the_longest_span},
		{"a_pause_is_jittered_by_up_to_a_quarter", a_pause_is_jittered_by_up_to_a_quarter},
		{"a_pause_is_never_below_retry_min", a_pause_is_never_below_retry_min},
		{"retry_after_is_clamped", retry_after_is_clamped},
		{"the_first_fetch_is_due_at_once", the_first_fetch_is_due_at_once},
		{"a_refresh_is_due_at_its_percentage", a_refresh_is_due_at_its_percentage},
		{"a_refresh_is_jittered_to_both_sides", a_refresh_is_jittered_to_both_sides},
		{"a_jitter_wider_than_the_percentage_does_not_refresh_at_once",
		 a_jitter_wider_than_the_percentage_does_not_refresh_at_once},
		{"a_refresh_leaves_a_minute", a_refresh_leaves_a_minute},
		{"a_brief_life_is_refreshed_by_its_half", a_brief_life_is_refreshed_by_its_half},
		{"the_longest_life_does_not_overflow", the_longest_life_does_not_overflow},
		{"transient_failures_double_up_to_retry_max_under_a_usable_token",
		 transient_failures_double_up_to_retry_max_under_a_usable_token},
		{"without_a_token_they_double_up_to_30_seconds",
		 without_a_token_they_double_up_to_30_seconds},
		{"retry_max_holds_below_30_seconds", retry_max_holds_below_30_seconds},
		{"an_expiry_ends_a_long_transient_pause", an_expiry_ends_a_long_transient_pause},
		{"an_expiry_does_not_move_a_permanent_failure",
		 an_expiry_does_not_move_a_permanent_failure},
		{"tokens_too_brief_to_keep_up_with_back_off",
		 tokens_too_brief_to_keep_up_with_back_off},
		{"failures_and_brief_tokens_in_turn_count_together",
		 failures_and_brief_tokens_in_turn_count_together},
		{"the_end_of_the_same_token_is_not_slept_through",
		 the_end_of_the_same_token_is_not_slept_through},
		CU_TEST_INFO_NULL,
	};

	return harness_run("schedule", tests);
}
