/* SPDX-License-Identifier: MIT */
/* What the lifecycle keeps over a restart of the broker and a reload of its configuration. */
#include "fixture.h"
#include "harness.h"
#include "lifecycle/lifecycle.h"

static void a_policy_is_checked_at_each_bound(void)
{
	static const struct {
		size_t offset;
		int64_t least, most;
	} SPANS[] = {
		{offsetof(struct lifecycle_policy, retry_min_ms), 1, 300 * SECOND},
		{offsetof(struct lifecycle_policy, retry_max_ms), SECOND, LIFECYCLE_SPAN_MAX_MS},
		{offsetof(struct lifecycle_policy, reject_interval_ms), 0, LIFECYCLE_SPAN_MAX_MS},
		{offsetof(struct lifecycle_policy, request_timeout_ms), 1, LIFECYCLE_SPAN_MAX_MS},
	};

	for (size_t i = 0; i < sizeof(SPANS) / sizeof(*SPANS); i++) {
		struct lifecycle_policy policy = POLICY;
		int64_t *span_ms = (int64_t *)((char *)&policy + SPANS[i].offset);

		*span_ms = SPANS[i].least;
		CU_ASSERT_TRUE(lifecycle_policy_is_valid(&policy));
		*span_ms = SPANS[i].least - 1;
		CU_ASSERT_FALSE(lifecycle_policy_is_valid(&policy));
		*span_ms = SPANS[i].most;
		CU_ASSERT_TRUE(lifecycle_policy_is_valid(&policy));
		*span_ms = SPANS[i].most + 1;
		CU_ASSERT_FALSE(lifecycle_policy_is_valid(&policy));
	}
}

static void a_policy_has_sane_percentages(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.refresh_percent = 0;
	CU_ASSERT_FALSE(lifecycle_policy_is_valid(&policy));
	policy.refresh_percent = 100;
	CU_ASSERT_FALSE(lifecycle_policy_is_valid(&policy));
	policy.refresh_percent = 99;
	policy.refresh_jitter_percent = 50;
	CU_ASSERT_TRUE(lifecycle_policy_is_valid(&policy));
	policy.refresh_jitter_percent = 51;
	CU_ASSERT_FALSE(lifecycle_policy_is_valid(&policy));
}

static void an_adopted_token_keeps_its_generation_and_refresh_point(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt(&lc, START - 40 * MINUTE, START + 20 * MINUTE, 7, NO_JITTER);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	assert_step(&lc, START, LIFECYCLE_WAIT, START + 5 * MINUTE);
	CU_ASSERT_EQUAL(fetch_new(&lc, START + 5 * MINUTE, HOUR).generation, 8);
}

static void an_adopted_token_past_its_refresh_point_is_refreshed_at_once(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt(&lc, START - 50 * MINUTE, START + 10 * MINUTE, 7, NO_JITTER);
	assert_step(&lc, START, LIFECYCLE_FETCH, START);
	CU_ASSERT_FALSE(fetch_same(&lc, START, 10 * MINUTE).is_new_generation);
}

static void adopted_times_may_be_any(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt(&lc, LIFECYCLE_LONG_AGO_MS, START + HOUR, 7, NO_JITTER);
	assert_step(&lc, START, LIFECYCLE_FETCH, START);
	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt(&lc, START + DAY, START + HOUR, 7, NO_JITTER);
	assert_step(&lc, START, LIFECYCLE_WAIT, START + HOUR - 1);
}

static void generations_go_on_where_no_token_was_left(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt_withdrawn(&lc, LIFECYCLE_EXPIRED, 7);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_EXPIRED);
	assert_step(&lc, START, LIFECYCLE_FETCH, START);
	CU_ASSERT_EQUAL(fetch_same(&lc, START, HOUR).generation, 8);
}

static void an_adopted_suspension_fetches_nothing(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	lifecycle_adopt_withdrawn(&lc, LIFECYCLE_SUSPENDED, 7);
	assert_step(&lc, START + DAY, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
}

static void a_reload_of_timings_moves_the_refresh_point(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_policy policy = POLICY;

	policy.refresh_percent = 50;
	lifecycle_set_policy(&lc, &policy);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	assert_step(&lc, START, LIFECYCLE_WAIT, START + 30 * MINUTE);
}

static void a_reload_of_timings_shortens_a_backoff(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_policy policy = POLICY;

	fetch_fails(&lc, START + 45 * MINUTE, LIFECYCLE_PERMANENT);
	policy.retry_max_ms = MINUTE;
	lifecycle_set_policy(&lc, &policy);
	CU_ASSERT_EQUAL(lc.failures, 1);
	assert_step(&lc, START + 45 * MINUTE, LIFECYCLE_WAIT, START + 46 * MINUTE);
}

static void another_source_is_asked_at_once(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_outcome outcome;

	report_failure(&lc, epoch, START + 45 * MINUTE, LIFECYCLE_TRANSIENT, HOUR);
	lifecycle_change_source(&lc, &POLICY, START + 46 * MINUTE);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	CU_ASSERT_EQUAL(lc.failures, 0);
	assert_step(&lc, START + 46 * MINUTE, LIFECYCLE_FETCH, START + 46 * MINUTE);
	/* whatever bytes it answers with, it is another token */
	outcome = fetch_same(&lc, START + 46 * MINUTE, 10 * MINUTE);
	CU_ASSERT_TRUE(outcome.is_new_generation);
	CU_ASSERT_EQUAL(outcome.generation, FIRST_GENERATION + 1);
}

static void the_old_source_has_no_say_any_more(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t overtaken = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_fetched fetched = new_token(overtaken, START + 45 * MINUTE, HOUR);
	int64_t now_ms = START + 45 * MINUTE + 500;

	lifecycle_change_source(&lc, &POLICY, now_ms);
	assert_step(&lc, now_ms, LIFECYCLE_WAIT, now_ms + 500); /* the rate bound is for both */
	report_failure(&lc, overtaken, now_ms, LIFECYCLE_TRANSIENT, HOUR);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 500);
	CU_ASSERT_EQUAL(lifecycle_fetch_succeeded(&lc, now_ms, &fetched, NO_JITTER).verdict,
			LIFECYCLE_DISCARD);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
}

static void another_source_does_not_end_a_suspension(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_suspend(&lc);
	lifecycle_change_source(&lc, &POLICY, START + MINUTE);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_SUSPENDED);
	assert_step(&lc, START + DAY, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_policy_is_checked_at_each_bound", a_policy_is_checked_at_each_bound},
		{"a_policy_has_sane_percentages", a_policy_has_sane_percentages},
		{"an_adopted_token_keeps_its_generation_and_refresh_point",
		 an_adopted_token_keeps_its_generation_and_refresh_point},
		{"an_adopted_token_past_its_refresh_point_is_refreshed_at_once",
		 an_adopted_token_past_its_refresh_point_is_refreshed_at_once},
		{"adopted_times_may_be_any", adopted_times_may_be_any},
		{"generations_go_on_where_no_token_was_left",
		 generations_go_on_where_no_token_was_left},
		{"an_adopted_suspension_fetches_nothing", an_adopted_suspension_fetches_nothing},
		{"a_reload_of_timings_moves_the_refresh_point",
		 a_reload_of_timings_moves_the_refresh_point},
		{"a_reload_of_timings_shortens_a_backoff", a_reload_of_timings_shortens_a_backoff},
		{"another_source_is_asked_at_once", another_source_is_asked_at_once},
		{"the_old_source_has_no_say_any_more", the_old_source_has_no_say_any_more},
		{"another_source_does_not_end_a_suspension",
		 another_source_does_not_end_a_suspension},
		CU_TEST_INFO_NULL,
	};

	return harness_run("restart", tests);
}
