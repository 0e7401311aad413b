/* SPDX-License-Identifier: MIT */
/* What rejections by readers lead to. */
#include "fixture.h"
#include "harness.h"
#include "lifecycle/lifecycle.h"

/* Rejects the current generation; whether that asks for a fetch. */
static bool reject_current(struct lifecycle *lc, int64_t now_ms)
{
	bool leads_to_fetch = false;

	CU_ASSERT_EQUAL(lifecycle_reject(lc, now_ms, lc->generation, &leads_to_fetch),
			LIFECYCLE_ACCEPTED);
	return leads_to_fetch;
}

static void reject_acts_on_the_current_generation_only(void)
{
	struct lifecycle lc = valid_for(HOUR);
	bool leads_to_fetch = true;

	CU_ASSERT_EQUAL(lifecycle_reject(&lc, START + MINUTE, lc.generation - 1, &leads_to_fetch),
			LIFECYCLE_STALE);
	CU_ASSERT_EQUAL(lifecycle_reject(&lc, START + MINUTE, lc.generation + 1, &leads_to_fetch),
			LIFECYCLE_INVALID);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 45 * MINUTE);
}

static void a_rejection_fetches_at_once_and_keeps_the_token(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_TRUE(reject_current(&lc, START + MINUTE));
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	assert_step(&lc, START + MINUTE, LIFECYCLE_FETCH, START + MINUTE);
	CU_ASSERT_FALSE(fetch_new(&lc, START + MINUTE, HOUR).revoke_replaced);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 46 * MINUTE);
}

static void a_thousand_rejections_make_one_fetch(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch;

	CU_ASSERT_TRUE(reject_current(&lc, START + MINUTE));
	for (int i = 0; i < 500; i++)
		CU_ASSERT_FALSE(reject_current(&lc, START + MINUTE));
	epoch = start_fetch(&lc, START + MINUTE);
	for (int i = 0; i < 500; i++)
		CU_ASSERT_FALSE(reject_current(&lc, START + MINUTE + 1));
	(void)receive(&lc, epoch, START + MINUTE + 2, false);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + MINUTE + 2 + 45 * MINUTE);
}

static void a_rejection_inside_the_interval_is_remembered(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t first_ms = START + MINUTE;
	int64_t second_ms = first_ms + 10 * SECOND;

	(void)reject_current(&lc, first_ms);
	(void)fetch_new(&lc, first_ms, HOUR);
	(void)fetch_new(&lc, first_ms + 2 * SECOND, HOUR); /* not a rejection's: no doubling */
	CU_ASSERT_TRUE(reject_current(&lc, first_ms + 3 * SECOND));
	assert_step(&lc, first_ms + 3 * SECOND, LIFECYCLE_WAIT, second_ms);
	assert_step(&lc, second_ms, LIFECYCLE_FETCH, second_ms);
}

static void rejected_successors_double_the_interval_up_to_retry_max(void)
{
	static const int64_t INTERVALS_S[] = {20, 40, 80, 160, 300, 300};
	struct lifecycle lc = valid_for(HOUR);
	int64_t fetched_ms = START + MINUTE;

	(void)reject_current(&lc, fetched_ms);
	for (size_t i = 0; i < sizeof(INTERVALS_S) / sizeof(*INTERVALS_S); i++) {
		(void)fetch_new(&lc, fetched_ms, DAY);
		CU_ASSERT_TRUE(reject_current(&lc, fetched_ms + SECOND));
		CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc),
				fetched_ms + INTERVALS_S[i] * SECOND);
		fetched_ms = lifecycle_next_attempt_ms(&lc);
	}
}

static void an_interval_above_retry_max_is_not_shortened(void)
{
	struct lifecycle lc = valid_for(DAY);
	struct lifecycle_policy policy = POLICY;

	policy.reject_interval_ms = 10 * MINUTE;
	lifecycle_set_policy(&lc, &policy);
	(void)reject_current(&lc, START + MINUTE);
	(void)fetch_new(&lc, START + MINUTE, DAY);
	(void)reject_current(&lc, START + 2 * MINUTE);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 11 * MINUTE);
}

static void five_quiet_minutes_reset_the_interval(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + MINUTE;

	(void)reject_current(&lc, now_ms);
	(void)fetch_new(&lc, now_ms, DAY);
	(void)reject_current(&lc, now_ms + REJECTION_QUIET_MS - 1);
	CU_ASSERT_EQUAL(lc.rejection.doublings, 1);
	now_ms += REJECTION_QUIET_MS;
	(void)fetch_new(&lc, now_ms, DAY);
	CU_ASSERT_TRUE(reject_current(&lc, now_ms + REJECTION_QUIET_MS));
	CU_ASSERT_EQUAL(lc.rejection.doublings, 0);
	assert_step(&lc, now_ms + REJECTION_QUIET_MS, LIFECYCLE_FETCH, now_ms + REJECTION_QUIET_MS);
}

static void a_rejection_in_mid_fetch_is_fetched_afterwards(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;
	uint64_t epoch = start_fetch(&lc, now_ms);
	struct lifecycle_outcome outcome;

	CU_ASSERT_TRUE(reject_current(&lc, now_ms + 100));
	outcome = receive(&lc, epoch, now_ms + 200, false);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_PUBLISH);
	assert_step(&lc, now_ms + 200, LIFECYCLE_WAIT, now_ms + SECOND);
	CU_ASSERT_FALSE(reject_current(&lc, now_ms + 300)); /* the new one, too: the same fetch */
	/* the fetch may bring that one again, which readers have refused */
	CU_ASSERT_TRUE(fetch_same(&lc, now_ms + SECOND, HOUR - SECOND).is_rejected_token);
}

static void only_the_rejected_token_is_called_so(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;
	uint64_t epoch = start_fetch(&lc, now_ms);

	(void)reject_current(&lc, now_ms);
	(void)receive(&lc, epoch, now_ms, false);
	/* nobody has refused the second generation */
	CU_ASSERT_FALSE(fetch_same(&lc, now_ms + SECOND, HOUR - SECOND).is_rejected_token);
}

static void a_newer_generation_rejected_in_mid_fetch_is_not_covered(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;
	uint64_t epoch = start_fetch(&lc, now_ms);

	(void)reject_current(&lc, now_ms);
	(void)receive(&lc, epoch, now_ms, false);
	epoch = start_fetch(&lc, now_ms + SECOND); /* for the first generation */
	CU_ASSERT_TRUE(reject_current(&lc, now_ms + SECOND));
	(void)receive(&lc, epoch, now_ms + SECOND, false);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 11 * SECOND);
}

static void the_same_token_is_kept_and_named_when_it_was_rejected(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_outcome outcome;

	(void)reject_current(&lc, START + MINUTE);
	outcome = fetch_same(&lc, START + MINUTE, 59 * MINUTE);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_PUBLISH);
	CU_ASSERT_FALSE(outcome.is_new_generation);
	CU_ASSERT_TRUE(outcome.is_rejected_token);
	CU_ASSERT_TRUE(reject_current(&lc, START + MINUTE + SECOND));
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + MINUTE + 20 * SECOND);
}

static void the_backoff_repeats_a_failed_rejection_fetch(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + MINUTE;

	(void)reject_current(&lc, now_ms);
	fetch_fails(&lc, now_ms, LIFECYCLE_PERMANENT);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_FALSE(reject_current(&lc, now_ms + MINUTE));
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 5 * MINUTE);
	CU_ASSERT_TRUE(fetch_same(&lc, now_ms + 5 * MINUTE, 50 * MINUTE).is_rejected_token);
}

static void a_rejection_adds_one_request_to_a_backoff(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;

	fetch_fails(&lc, now_ms, LIFECYCLE_PERMANENT);
	CU_ASSERT_TRUE(reject_current(&lc, now_ms + MINUTE));
	assert_step(&lc, now_ms + MINUTE, LIFECYCLE_FETCH, now_ms + MINUTE);
	fetch_fails(&lc, now_ms + MINUTE, LIFECYCLE_PERMANENT);
	CU_ASSERT_FALSE(reject_current(&lc, now_ms + 2 * MINUTE));
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 6 * MINUTE);
}

static void a_rejection_waits_for_a_retry_after(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;

	report_failure(&lc, start_fetch(&lc, now_ms), now_ms, LIFECYCLE_TRANSIENT, MINUTE);
	CU_ASSERT_TRUE(reject_current(&lc, now_ms + SECOND));
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + MINUTE);
}

static void a_rejection_without_a_token_adds_nothing(void)
{
	struct lifecycle lc = valid_for(HOUR);

	fetch_fails(&lc, START + HOUR - SECOND, LIFECYCLE_PERMANENT);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_FALSE(reject_current(&lc, START + HOUR));
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + HOUR - SECOND + 5 * MINUTE);
}

static void a_withdrawal_answers_the_rejection_with_the_fetch_after_it(void)
{
	struct lifecycle lc = valid_for(HOUR);

	(void)start_fetch(&lc, START + SECOND);
	(void)reject_current(&lc, START + SECOND);
	lifecycle_suspend(&lc);
	assert_step(&lc, START + MINUTE, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
	lifecycle_resume(&lc);
	CU_ASSERT_TRUE(fetch_same(&lc, START + MINUTE, HOUR).is_rejected_token);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 46 * MINUTE);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"reject_acts_on_the_current_generation_only",
		 reject_acts_on_the_current_generation_only},
		{"a_rejection_fetches_at_once_and_keeps_the_token",
		 a_rejection_fetches_at_once_and_keeps_the_token},
		{"a_thousand_rejections_make_one_fetch", a_thousand_rejections_make_one_fetch},
		{"a_rejection_inside_the_interval_is_remembered",
		 a_rejection_inside_the_interval_is_remembered},
		{"rejected_successors_double_the_interval_up_to_retry_max",
		 rejected_successors_double_the_interval_up_to_retry_max},
		{"an_interval_above_retry_max_is_not_shortened",
		 an_interval_above_retry_max_is_not_shortened},
		{"five_quiet_minutes_reset_the_interval", five_quiet_minutes_reset_the_interval},
		{"a_rejection_in_mid_fetch_is_fetched_afterwards",
		 a_rejection_in_mid_fetch_is_fetched_afterwards},
		{"only_the_rejected_token_is_called_so", only_the_rejected_token_is_called_so},
		{"a_newer_generation_rejected_in_mid_fetch_is_not_covered",
		 a_newer_generation_rejected_in_mid_fetch_is_not_covered},
		{"the_same_token_is_kept_and_named_when_it_was_rejected",
		 the_same_token_is_kept_and_named_when_it_was_rejected},
		{"the_backoff_repeats_a_failed_rejection_fetch",
		 the_backoff_repeats_a_failed_rejection_fetch},
		{"a_rejection_adds_one_request_to_a_backoff",
		 a_rejection_adds_one_request_to_a_backoff},
		{"a_rejection_waits_for_a_retry_after", a_rejection_waits_for_a_retry_after},
		{"a_rejection_without_a_token_adds_nothing",
		 a_rejection_without_a_token_adds_nothing},
		{"a_withdrawal_answers_the_rejection_with_the_fetch_after_it",
		 a_withdrawal_answers_the_rejection_with_the_fetch_after_it},
		CU_TEST_INFO_NULL,
	};

	return harness_run("rejection", tests);
}
