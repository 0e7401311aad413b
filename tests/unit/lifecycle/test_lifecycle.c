/* SPDX-License-Identifier: MIT */
/* What is due when, and what each outcome of a fetch means. */
#include "fixture.h"
#include "harness.h"
#include "lifecycle/lifecycle.h"

/* The same token again, with a millisecond of life when the request was sent, a while ago. */
static enum lifecycle_verdict receive_dead(struct lifecycle *lc, uint64_t epoch, int64_t now_ms)
{
	struct lifecycle_fetched fetched = new_token(epoch, now_ms - 1, 1);

	fetched.is_same_token = true;
	return lifecycle_fetch_succeeded(lc, now_ms, &fetched, NO_JITTER).verdict;
}

static void the_first_fetch_is_due_at_once(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	CU_ASSERT_EQUAL(lc.generation, 0);
	assert_step(&lc, START, LIFECYCLE_FETCH, START);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), LIFECYCLE_NEVER_MS);
}

static void nothing_is_due_during_the_first_fetch(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	(void)start_fetch(&lc, START);
	CU_ASSERT_TRUE(lc.in_flight);
	assert_step(&lc, START + HOUR, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), LIFECYCLE_NEVER_MS);
}

static void a_token_is_published_and_refreshed_in_time(void)
{
	struct lifecycle lc;
	struct lifecycle_outcome outcome;

	lifecycle_init(&lc, &POLICY, START);
	outcome = fetch_new(&lc, START, HOUR);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_PUBLISH);
	CU_ASSERT_EQUAL(outcome.generation, FIRST_GENERATION);
	CU_ASSERT_EQUAL(outcome.expires_at_ms, START + HOUR);
	CU_ASSERT_TRUE(outcome.is_new_generation);
	CU_ASSERT_FALSE(outcome.revoke_replaced);
	CU_ASSERT_FALSE(outcome.is_rejected_token);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	assert_step(&lc, START, LIFECYCLE_WAIT, START + 45 * MINUTE);
	assert_step(&lc, START + 45 * MINUTE, LIFECYCLE_FETCH, START + 45 * MINUTE);
	CU_ASSERT_EQUAL(fetch_new(&lc, START + 45 * MINUTE, HOUR).generation, FIRST_GENERATION + 1);
}

static void a_lifetime_counts_from_before_the_request(void)
{
	struct lifecycle lc;
	struct lifecycle_fetched fetched;

	lifecycle_init(&lc, &POLICY, START);
	fetched = new_token(start_fetch(&lc, START), START, HOUR);
	CU_ASSERT_EQUAL(lifecycle_fetch_succeeded(&lc, START + 9 * SECOND, &fetched, NO_JITTER)
				.expires_at_ms,
			START + HOUR);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 45 * MINUTE);
}

static void a_lifetime_is_clamped(void)
{
	struct lifecycle lc = valid_for(INT64_MAX);

	CU_ASSERT_EQUAL(lc.expires_at_ms, START + LIFECYCLE_SPAN_MAX_MS);
	CU_ASSERT_EQUAL(fetch_new(&lc, lifecycle_next_attempt_ms(&lc), -5).expires_at_ms,
			lc.expires_at_ms);
	CU_ASSERT_EQUAL(lc.expires_at_ms, lc.last_request_ms + 1);
}

static void an_expired_token_is_withdrawn_on_time(void)
{
	struct lifecycle lc = valid_for(HOUR);

	fetch_fails(&lc, START + 45 * MINUTE, LIFECYCLE_PERMANENT);
	fetch_fails(&lc, START + 58 * MINUTE, LIFECYCLE_PERMANENT);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), START + HOUR);
	assert_step(&lc, START + HOUR - 1, LIFECYCLE_WAIT, START + HOUR);
	assert_step(&lc, START + HOUR, LIFECYCLE_EXPIRE, START + HOUR);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_EXPIRED);
	CU_ASSERT_EQUAL(lc.generation, FIRST_GENERATION);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), LIFECYCLE_NEVER_MS);
	assert_step(&lc, START + HOUR, LIFECYCLE_WAIT, START + 63 * MINUTE);
}

static void an_expired_token_is_withdrawn_in_mid_fetch_which_still_counts(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + HOUR - SECOND);
	struct lifecycle_fetched fetched = new_token(epoch, START + HOUR - SECOND, HOUR);

	assert_step(&lc, START + HOUR - SECOND, LIFECYCLE_WAIT, START + HOUR);
	assert_step(&lc, START + HOUR, LIFECYCLE_EXPIRE, START + HOUR);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	assert_step(&lc, START + HOUR, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
	CU_ASSERT_EQUAL(
		lifecycle_fetch_succeeded(&lc, START + HOUR + SECOND, &fetched, NO_JITTER).verdict,
		LIFECYCLE_PUBLISH);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
}

static void a_failure_keeps_a_good_token(void)
{
	struct lifecycle lc = valid_for(HOUR);

	fetch_fails(&lc, START + 45 * MINUTE, LIFECYCLE_TRANSIENT);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(lc.expires_at_ms, START + HOUR);
	CU_ASSERT_EQUAL(lc.failures, 1);
	CU_ASSERT_EQUAL(lc.failing_since_ms, START + 45 * MINUTE);
	assert_step(&lc, START + 45 * MINUTE, LIFECYCLE_WAIT, START + 45 * MINUTE + SECOND);
}

static void failures_are_counted_since_the_first_and_end_with_a_success(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	fetch_fails(&lc, START, LIFECYCLE_TRANSIENT);
	fetch_fails(&lc, START + SECOND, LIFECYCLE_PERMANENT);
	CU_ASSERT_EQUAL(lc.failures, 2);
	CU_ASSERT_EQUAL(lc.failing_since_ms, START);
	(void)fetch_new(&lc, START + 301 * SECOND, HOUR);
	CU_ASSERT_EQUAL(lc.failures, 0);
	fetch_fails(&lc, START + HOUR, LIFECYCLE_TRANSIENT);
	CU_ASSERT_EQUAL(lc.failing_since_ms, START + HOUR);
}

static void an_expiry_shortens_a_long_transient_pause(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;

	for (int i = 0; i < 11; i++) {
		fetch_fails(&lc, now_ms, LIFECYCLE_TRANSIENT);
		now_ms = lifecycle_next_attempt_ms(&lc);
	}
	/* 811 s of pauses lie behind, the eleventh would last until after the expiry */
	CU_ASSERT_EQUAL(now_ms, START + HOUR);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	assert_step(&lc, START + HOUR, LIFECYCLE_FETCH, START + HOUR);
	fetch_fails(&lc, START + HOUR, LIFECYCLE_TRANSIENT);
	assert_step(&lc, START + HOUR, LIFECYCLE_WAIT, START + HOUR + 30 * SECOND);
}

static void retry_after_is_a_lower_bound(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);

	report_failure(&lc, epoch, START + 46 * MINUTE, LIFECYCLE_TRANSIENT, 20 * MINUTE);
	assert_step(&lc, START + 46 * MINUTE, LIFECYCLE_WAIT, START + HOUR);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	assert_step(&lc, START + HOUR, LIFECYCLE_WAIT, START + 66 * MINUTE);
}

static void retry_after_is_clamped_to_an_hour(void)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	report_failure(&lc, start_fetch(&lc, START), START, LIFECYCLE_TRANSIENT, INT64_MAX);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + HOUR);
}

static void a_shorter_retry_after_does_not_undo_a_longer_one(void)
{
	struct lifecycle lc;
	uint64_t overtaken;

	lifecycle_init(&lc, &POLICY, START);
	overtaken = start_fetch(&lc, START);
	lifecycle_suspend(&lc);
	lifecycle_resume(&lc);
	report_failure(&lc, start_fetch(&lc, START + SECOND), START + SECOND, LIFECYCLE_TRANSIENT,
		       MINUTE);
	report_failure(&lc, overtaken, START + 2 * SECOND, LIFECYCLE_TRANSIENT, 10 * SECOND);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 61 * SECOND);
	CU_ASSERT_EQUAL(lc.failures, 1);
}

static void a_local_failure_is_no_request(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t retry_after_ms = -1;
	int64_t now_ms = START + 45 * MINUTE;

	fetch_fails(&lc, now_ms, LIFECYCLE_LOCAL);
	CU_ASSERT_EQUAL(lc.failures, 1);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + SECOND);
	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, now_ms, &retry_after_ms), LIFECYCLE_ACCEPTED);
	assert_step(&lc, now_ms, LIFECYCLE_FETCH, now_ms);
}

static void two_second_tokens_are_refreshed_every_second(void)
{
	struct lifecycle lc = valid_for(2 * SECOND);

	for (int64_t i = 1; i < 100; i++) {
		assert_step(&lc, START + i * SECOND - 1, LIFECYCLE_WAIT, START + i * SECOND);
		CU_ASSERT_TRUE(fetch_new(&lc, START + i * SECOND, 2 * SECOND).is_new_generation);
	}
}

static void one_second_tokens_do_not_spin(void)
{
	struct lifecycle lc = valid_for(SECOND);

	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + SECOND);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	(void)fetch_new(&lc, START + SECOND, SECOND);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 3 * SECOND);
	(void)fetch_new(&lc, START + 3 * SECOND, HOUR);
	(void)fetch_new(&lc, lifecycle_next_attempt_ms(&lc), SECOND);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), lc.last_request_ms + SECOND);
}

static void the_same_token_with_less_life_is_no_new_generation(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_outcome outcome = fetch_same(&lc, START + 45 * MINUTE, 14 * MINUTE);

	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_PUBLISH);
	CU_ASSERT_EQUAL(outcome.generation, FIRST_GENERATION);
	CU_ASSERT_FALSE(outcome.is_new_generation);
	CU_ASSERT_EQUAL(outcome.expires_at_ms, START + 59 * MINUTE);
	CU_ASSERT_EQUAL(lc.expires_at_ms, START + 59 * MINUTE);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc),
			START + 45 * MINUTE + 14 * MINUTE * 75 / 100);
}

static void the_same_token_living_longer_is_a_new_generation(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_FALSE(fetch_same(&lc, START + 45 * MINUTE, 15 * MINUTE + 1000).is_new_generation);
	CU_ASSERT_EQUAL(lc.expires_at_ms, START + HOUR + 1000);
	/* from where it began, not from the second that rounding has added */
	CU_ASSERT_TRUE(fetch_same(&lc, START + 50 * MINUTE, 10 * MINUTE + 1001).is_new_generation);
	CU_ASSERT_EQUAL(lc.generation, FIRST_GENERATION + 1);
}

static void the_same_token_regaining_life_is_a_new_generation(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_FALSE(fetch_same(&lc, START + 45 * MINUTE, 14 * MINUTE).is_new_generation);
	CU_ASSERT_TRUE(fetch_same(&lc, START + 50 * MINUTE, 10 * MINUTE).is_new_generation);
}

static void the_last_moments_of_the_same_token_are_watched(void)
{
	struct lifecycle lc = valid_for(10 * SECOND);

	(void)fetch_same(&lc, START + 5 * SECOND, 5 * SECOND);
	(void)fetch_same(&lc, START + 7500, 2500);
	(void)fetch_same(&lc, START + 8750, 1250);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 9750);
	(void)fetch_same(&lc, START + 9750, 250);
	assert_step(&lc, START + 9750, LIFECYCLE_WAIT, START + 10 * SECOND);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	assert_step(&lc, START + 10 * SECOND, LIFECYCLE_WAIT, START + 10750);
	CU_ASSERT_TRUE(fetch_new(&lc, START + 10750, HOUR).is_new_generation);
}

static void a_token_expired_on_arrival_is_a_failure_and_keeps_the_good_one(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_fetched fetched = new_token(epoch, START + 45 * MINUTE, SECOND);
	int64_t now_ms = START + 45 * MINUTE + SECOND;

	CU_ASSERT_EQUAL(lifecycle_fetch_succeeded(&lc, now_ms, &fetched, NO_JITTER).verdict,
			LIFECYCLE_EXPIRED_ON_ARRIVAL);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(lc.generation, FIRST_GENERATION);
	CU_ASSERT_EQUAL(lc.expires_at_ms, START + HOUR);
	CU_ASSERT_EQUAL(lc.failures, 1);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + SECOND);
}

/* expires_in is cut to whole seconds: the server's token outlives what it told by up to one. */
static void the_same_token_dead_at_its_end_is_asked_for_again_soon(void)
{
	struct lifecycle lc = valid_for(10 * SECOND);
	int64_t now_ms = START + 10 * SECOND;

	(void)fetch_same(&lc, START + 8500, 1500);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_EQUAL(receive_dead(&lc, start_fetch(&lc, now_ms), now_ms),
			LIFECYCLE_EXPIRED_ON_ARRIVAL);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + SECOND);
	now_ms += SECOND;
	(void)receive_dead(&lc, start_fetch(&lc, now_ms), now_ms);
	now_ms += SECOND; /* rounding is no excuse any more: the fourth setback */
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms);
	(void)receive_dead(&lc, start_fetch(&lc, now_ms), now_ms);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 8 * SECOND);
}

static void a_token_that_is_being_revoked_is_not_published_again(void)
{
	struct lifecycle lc;
	struct lifecycle_fetched fetched;

	lifecycle_init(&lc, &POLICY, START);
	fetched = new_token(start_fetch(&lc, START), START, HOUR);
	fetched.is_being_revoked = true;
	CU_ASSERT_EQUAL(lifecycle_fetch_succeeded(&lc, START, &fetched, NO_JITTER).verdict,
			LIFECYCLE_REVOKED_RETURNED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	CU_ASSERT_EQUAL(lc.failures, 1);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + SECOND);
}

static void a_clock_jump_fetches_at_the_next_turn(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_clock_jumped(&lc);
	assert_step(&lc, START + 500, LIFECYCLE_WAIT, START + SECOND);
	(void)fetch_new(&lc, START + SECOND, HOUR);
	assert_step(&lc, START + SECOND, LIFECYCLE_WAIT, START + SECOND + 45 * MINUTE);
}

static void a_clock_jump_in_mid_fetch_is_remembered(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_fetched fetched = new_token(epoch, START + 45 * MINUTE, HOUR);

	lifecycle_clock_jumped(&lc);
	(void)lifecycle_fetch_succeeded(&lc, START + 45 * MINUTE, &fetched, NO_JITTER);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 45 * MINUTE + SECOND);
}

static void a_restless_clock_fetches_once_per_retry_max(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_clock_jumped(&lc);
	(void)fetch_new(&lc, START + SECOND, HOUR);
	lifecycle_clock_jumped(&lc);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 301 * SECOND);
}

static void asking_changes_nothing(void)
{
	const struct lifecycle lc = valid_for(HOUR);

	for (int i = 0; i < 3; i++)
		assert_step(&lc, START + 2 * HOUR, LIFECYCLE_EXPIRE, START + 2 * HOUR);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_first_fetch_is_due_at_once", the_first_fetch_is_due_at_once},
		{"nothing_is_due_during_the_first_fetch", nothing_is_due_during_the_first_fetch},
		{"a_token_is_published_and_refreshed_in_time",
		 a_token_is_published_and_refreshed_in_time},
		{"a_lifetime_counts_from_before_the_request",
		 a_lifetime_counts_from_before_the_request},
		{"a_lifetime_is_clamped", a_lifetime_is_clamped},
		{"an_expired_token_is_withdrawn_on_time", an_expired_token_is_withdrawn_on_time},
		{"an_expired_token_is_withdrawn_in_mid_fetch_which_still_counts",
		 an_expired_token_is_withdrawn_in_mid_fetch_which_still_counts},
		{"a_failure_keeps_a_good_token", a_failure_keeps_a_good_token},
		{"failures_are_counted_since_the_first_and_end_with_a_success",
		 failures_are_counted_since_the_first_and_end_with_a_success},
		{"an_expiry_shortens_a_long_transient_pause",
		 an_expiry_shortens_a_long_transient_pause},
		{"retry_after_is_a_lower_bound", retry_after_is_a_lower_bound},
		{"retry_after_is_clamped_to_an_hour", retry_after_is_clamped_to_an_hour},
		{"a_shorter_retry_after_does_not_undo_a_longer_one",
		 a_shorter_retry_after_does_not_undo_a_longer_one},
		{"a_local_failure_is_no_request", a_local_failure_is_no_request},
		{"two_second_tokens_are_refreshed_every_second",
		 two_second_tokens_are_refreshed_every_second},
		{"one_second_tokens_do_not_spin", one_second_tokens_do_not_spin},
		{"the_same_token_with_less_life_is_no_new_generation",
		 the_same_token_with_less_life_is_no_new_generation},
		{"the_same_token_living_longer_is_a_new_generation",
		 the_same_token_living_longer_is_a_new_generation},
		{"the_same_token_regaining_life_is_a_new_generation",
		 the_same_token_regaining_life_is_a_new_generation},
		{"the_last_moments_of_the_same_token_are_watched",
		 the_last_moments_of_the_same_token_are_watched},
		{"a_token_expired_on_arrival_is_a_failure_and_keeps_the_good_one",
		 a_token_expired_on_arrival_is_a_failure_and_keeps_the_good_one},
		{"the_same_token_dead_at_its_end_is_asked_for_again_soon",
		 the_same_token_dead_at_its_end_is_asked_for_again_soon},
		{"a_token_that_is_being_revoked_is_not_published_again",
		 a_token_that_is_being_revoked_is_not_published_again},
		{"a_clock_jump_fetches_at_the_next_turn", a_clock_jump_fetches_at_the_next_turn},
		{"a_clock_jump_in_mid_fetch_is_remembered",
		 a_clock_jump_in_mid_fetch_is_remembered},
		{"a_restless_clock_fetches_once_per_retry_max",
		 a_restless_clock_fetches_once_per_retry_max},
		{"asking_changes_nothing", asking_changes_nothing},
		CU_TEST_INFO_NULL,
	};

	return harness_run("lifecycle", tests);
}
