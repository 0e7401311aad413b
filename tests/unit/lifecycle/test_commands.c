/* SPDX-License-Identifier: MIT */
/* What administrators may ask for: refresh, revoke, suspend, resume. */
#include "fixture.h"
#include "harness.h"
#include "lifecycle/lifecycle.h"

static void refresh_fetches_at_once_and_keeps_the_token(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t retry_after_ms = -1;

	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + MINUTE, &retry_after_ms),
			LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(retry_after_ms, -1);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	assert_step(&lc, START + MINUTE, LIFECYCLE_FETCH, START + MINUTE);
	CU_ASSERT_FALSE(fetch_new(&lc, START + MINUTE, HOUR).revoke_replaced);
}

static void refresh_within_retry_min_is_too_soon(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t retry_after_ms = -1;

	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + 300, &retry_after_ms), LIFECYCLE_TOO_SOON);
	CU_ASSERT_EQUAL(retry_after_ms, 700);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 45 * MINUTE);
	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + SECOND, &retry_after_ms),
			LIFECYCLE_ACCEPTED);
}

static void refresh_before_a_retry_after_is_too_soon(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	int64_t retry_after_ms = -1;

	report_failure(&lc, epoch, START + 45 * MINUTE, LIFECYCLE_TRANSIENT, 5 * MINUTE);
	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + 48 * MINUTE, &retry_after_ms),
			LIFECYCLE_TOO_SOON);
	CU_ASSERT_EQUAL(retry_after_ms, 2 * MINUTE);
}

static void refresh_is_not_held_up_by_the_backoff(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t retry_after_ms = -1;

	fetch_fails(&lc, START + 45 * MINUTE, LIFECYCLE_PERMANENT);
	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + 46 * MINUTE, &retry_after_ms),
			LIFECYCLE_ACCEPTED);
	assert_step(&lc, START + 46 * MINUTE, LIFECYCLE_FETCH, START + 46 * MINUTE);
	/* one request, then the backoff again */
	fetch_fails(&lc, START + 46 * MINUTE, LIFECYCLE_PERMANENT);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 51 * MINUTE);
}

static void refresh_counts_the_fetch_in_flight(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	int64_t now_ms = START + 45 * MINUTE + 2 * SECOND;
	int64_t retry_after_ms = -1;

	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, now_ms, &retry_after_ms), LIFECYCLE_ACCEPTED);
	(void)receive(&lc, epoch, now_ms, false);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 45 * MINUTE);
}

static void revoke_publishes_a_successor_first(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_outcome outcome;

	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + MINUTE), LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), START + MINUTE + 15 * SECOND);
	assert_step(&lc, START + MINUTE, LIFECYCLE_FETCH, START + MINUTE);
	outcome = fetch_new(&lc, START + MINUTE, HOUR);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_PUBLISH);
	CU_ASSERT_TRUE(outcome.revoke_replaced);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), lc.expires_at_ms);
	CU_ASSERT_FALSE(fetch_new(&lc, START + 2 * MINUTE, HOUR).revoke_replaced);
}

static void revoke_waits_for_its_turn(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + 300), LIFECYCLE_ACCEPTED);
	assert_step(&lc, START + 300, LIFECYCLE_WAIT, START + SECOND);
}

static void revoke_may_be_served_by_the_fetch_in_flight(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	int64_t now_ms = START + 45 * MINUTE + SECOND;

	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, now_ms), LIFECYCLE_ACCEPTED);
	assert_step(&lc, now_ms, LIFECYCLE_WAIT, now_ms + 15 * SECOND);
	CU_ASSERT_TRUE(receive(&lc, epoch, now_ms, false).revoke_replaced);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), now_ms + 45 * MINUTE);
}

static void revoke_again_does_not_move_its_deadline(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_revoke(&lc, START + MINUTE);
	(void)start_fetch(&lc, START + MINUTE);
	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + MINUTE + 10 * SECOND), LIFECYCLE_ACCEPTED);
	assert_step(&lc, START + MINUTE + 10 * SECOND, LIFECYCLE_WAIT,
		    START + MINUTE + 15 * SECOND);
}

static void revoke_withdraws_when_the_same_token_comes_back(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + MINUTE;

	lifecycle_revoke(&lc, now_ms);
	CU_ASSERT_EQUAL(fetch_same(&lc, now_ms, HOUR).verdict, LIFECYCLE_WITHDRAW_REVOKED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	CU_ASSERT_EQUAL(lc.failures, 0);
	assert_step(&lc, now_ms, LIFECYCLE_WAIT, now_ms + SECOND);
	CU_ASSERT_FALSE(fetch_new(&lc, now_ms + SECOND, HOUR).revoke_replaced);
}

static void revoke_gives_up_at_its_deadline_even_in_mid_fetch(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t deadline_ms = START + MINUTE + 15 * SECOND;
	struct lifecycle_outcome outcome;
	uint64_t epoch;

	lifecycle_revoke(&lc, START + MINUTE);
	epoch = start_fetch(&lc, START + MINUTE);
	assert_step(&lc, deadline_ms - 1, LIFECYCLE_WAIT, deadline_ms);
	assert_step(&lc, deadline_ms, LIFECYCLE_GIVE_UP_REVOKED, deadline_ms);
	lifecycle_withdrawn(&lc, LIFECYCLE_GIVE_UP_REVOKED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	assert_step(&lc, deadline_ms, LIFECYCLE_FETCH, deadline_ms);
	/* what was asked for before could be the dying token */
	outcome = receive(&lc, epoch, deadline_ms, false);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_DISCARD);
	CU_ASSERT_TRUE(outcome.revoke_received);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
}

static void revoke_tries_again_while_there_is_time(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_revoke(&lc, START + MINUTE);
	fetch_fails(&lc, START + MINUTE, LIFECYCLE_TRANSIENT);
	assert_step(&lc, START + MINUTE, LIFECYCLE_WAIT, START + MINUTE + SECOND);
	CU_ASSERT_TRUE(fetch_new(&lc, START + MINUTE + SECOND, HOUR).revoke_replaced);
}

static void revoke_gives_up_when_the_next_try_comes_too_late(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_revoke(&lc, START + MINUTE);
	fetch_fails(&lc, START + MINUTE, LIFECYCLE_PERMANENT);
	assert_step(&lc, START + MINUTE, LIFECYCLE_GIVE_UP_REVOKED, START + MINUTE);
	lifecycle_withdrawn(&lc, LIFECYCLE_GIVE_UP_REVOKED);
	assert_step(&lc, START + MINUTE, LIFECYCLE_WAIT, START + MINUTE + SECOND);
}

static void revoke_gives_up_at_once_when_its_turn_comes_too_late(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);

	report_failure(&lc, epoch, START + 45 * MINUTE, LIFECYCLE_TRANSIENT, MINUTE);
	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + 45 * MINUTE), LIFECYCLE_ACCEPTED);
	assert_step(&lc, START + 45 * MINUTE, LIFECYCLE_GIVE_UP_REVOKED, START + 45 * MINUTE);
	lifecycle_withdrawn(&lc, LIFECYCLE_GIVE_UP_REVOKED);
	assert_step(&lc, START + 45 * MINUTE, LIFECYCLE_WAIT, START + 46 * MINUTE);
}

static void revoke_gives_up_when_its_turn_is_the_deadline(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + 45 * MINUTE;

	report_failure(&lc, start_fetch(&lc, now_ms), now_ms, LIFECYCLE_TRANSIENT,
		       POLICY.request_timeout_ms);
	lifecycle_revoke(&lc, now_ms);
	assert_step(&lc, now_ms, LIFECYCLE_GIVE_UP_REVOKED, now_ms);
}

static void revoke_ends_when_the_token_expires_first(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t now_ms = START + HOUR - SECOND;

	lifecycle_revoke(&lc, now_ms);
	(void)start_fetch(&lc, now_ms);
	assert_step(&lc, START + HOUR, LIFECYCLE_EXPIRE, START + HOUR);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_EQUAL(lifecycle_next_withdrawal_ms(&lc), LIFECYCLE_NEVER_MS);
}

static void revoke_needs_a_token_and_an_address(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_policy policy = POLICY;

	policy.has_revocation = false;
	lifecycle_set_policy(&lc, &policy);
	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + MINUTE), LIFECYCLE_CONFLICT);
	lifecycle_set_policy(&lc, &POLICY);
	lifecycle_withdrawn(&lc, LIFECYCLE_EXPIRE);
	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + MINUTE), LIFECYCLE_CONFLICT);
}

static void suspend_withdraws_and_fetches_nothing(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_EQUAL(lifecycle_suspend(&lc), LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_SUSPENDED);
	assert_step(&lc, START + DAY, LIFECYCLE_WAIT, LIFECYCLE_NEVER_MS);
	CU_ASSERT_EQUAL(lifecycle_suspend(&lc), LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_SUSPENDED);
}

static void a_suspended_token_refuses_other_commands(void)
{
	struct lifecycle lc = valid_for(HOUR);
	int64_t retry_after_ms = -1;
	bool leads_to_fetch = true;

	lifecycle_suspend(&lc);
	CU_ASSERT_EQUAL(lifecycle_refresh(&lc, START + MINUTE, &retry_after_ms),
			LIFECYCLE_CONFLICT);
	CU_ASSERT_EQUAL(lifecycle_revoke(&lc, START + MINUTE), LIFECYCLE_CONFLICT);
	CU_ASSERT_EQUAL(lifecycle_reject(&lc, START + MINUTE, lc.generation + 1, &leads_to_fetch),
			LIFECYCLE_CONFLICT);
	CU_ASSERT_EQUAL(lifecycle_reject(&lc, START + MINUTE, 0, &leads_to_fetch),
			LIFECYCLE_INVALID);
	CU_ASSERT_TRUE(leads_to_fetch); /* untouched */
}

static void a_fetch_started_before_a_suspend_does_not_win_over_it(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_outcome outcome;

	lifecycle_suspend(&lc);
	outcome = receive(&lc, epoch, START + 45 * MINUTE, false);
	CU_ASSERT_EQUAL(outcome.verdict, LIFECYCLE_DISCARD);
	CU_ASSERT_TRUE(outcome.revoke_received);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_SUSPENDED);
	report_failure(&lc, epoch, START + 45 * MINUTE, LIFECYCLE_TRANSIENT, 0);
	CU_ASSERT_EQUAL(lc.failures, 0);
}

static void a_discarded_token_is_revoked_only_where_that_is_right(void)
{
	struct lifecycle lc = valid_for(HOUR);
	struct lifecycle_policy policy = POLICY;
	uint64_t epoch = start_fetch(&lc, START + 45 * MINUTE);
	struct lifecycle_fetched fetched = new_token(epoch, START + 45 * MINUTE, HOUR);
	int64_t now_ms = START + 46 * MINUTE;

	lifecycle_suspend(&lc);
	fetched.is_being_revoked = true;
	CU_ASSERT_FALSE(
		lifecycle_fetch_succeeded(&lc, now_ms, &fetched, NO_JITTER).revoke_received);
	CU_ASSERT_TRUE(receive(&lc, epoch, now_ms, true).revoke_received); /* it lives still */
	lifecycle_resume(&lc);
	(void)fetch_new(&lc, now_ms, HOUR);
	CU_ASSERT_FALSE(receive(&lc, epoch, now_ms, true).revoke_received); /* readers have it */
	CU_ASSERT_TRUE(receive(&lc, epoch, now_ms, false).revoke_received);
	policy.has_revocation = false;
	lifecycle_set_policy(&lc, &policy);
	CU_ASSERT_FALSE(receive(&lc, epoch, now_ms, false).revoke_received);
}

static void an_overtaken_fetch_does_not_pass_for_the_next_one(void)
{
	struct lifecycle lc = valid_for(HOUR);
	uint64_t overtaken = start_fetch(&lc, START + 45 * MINUTE);
	uint64_t current;
	int64_t now_ms = START + 46 * MINUTE;

	lifecycle_suspend(&lc);
	lifecycle_resume(&lc);
	current = start_fetch(&lc, now_ms);
	CU_ASSERT_EQUAL(receive(&lc, overtaken, now_ms, false).verdict, LIFECYCLE_DISCARD);
	CU_ASSERT_TRUE(lc.in_flight);
	CU_ASSERT_EQUAL(receive(&lc, current, now_ms, false).verdict, LIFECYCLE_PUBLISH);
}

static void resume_fetches_at_its_turn(void)
{
	struct lifecycle lc = valid_for(HOUR);

	lifecycle_suspend(&lc);
	CU_ASSERT_EQUAL(lifecycle_resume(&lc), LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_PENDING);
	assert_step(&lc, START + 300, LIFECYCLE_WAIT, START + SECOND);
	CU_ASSERT_EQUAL(fetch_new(&lc, START + SECOND, HOUR).generation, FIRST_GENERATION + 1);
}

static void resume_of_what_is_not_suspended_does_nothing(void)
{
	struct lifecycle lc = valid_for(HOUR);

	CU_ASSERT_EQUAL(lifecycle_resume(&lc), LIFECYCLE_ACCEPTED);
	CU_ASSERT_EQUAL(lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(lifecycle_next_attempt_ms(&lc), START + 45 * MINUTE);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"refresh_fetches_at_once_and_keeps_the_token",
		 refresh_fetches_at_once_and_keeps_the_token},
		{"refresh_within_retry_min_is_too_soon", refresh_within_retry_min_is_too_soon},
		{"refresh_before_a_retry_after_is_too_soon",
		 refresh_before_a_retry_after_is_too_soon},
		{"refresh_is_not_held_up_by_the_backoff", refresh_is_not_held_up_by_the_backoff},
		{"refresh_counts_the_fetch_in_flight", refresh_counts_the_fetch_in_flight},
		{"revoke_publishes_a_successor_first", revoke_publishes_a_successor_first},
		{"revoke_waits_for_its_turn", revoke_waits_for_its_turn},
		{"revoke_may_be_served_by_the_fetch_in_flight",
		 revoke_may_be_served_by_the_fetch_in_flight},
		{"revoke_again_does_not_move_its_deadline",
		 revoke_again_does_not_move_its_deadline},
		{"revoke_withdraws_when_the_same_token_comes_back",
		 revoke_withdraws_when_the_same_token_comes_back},
		{"revoke_gives_up_at_its_deadline_even_in_mid_fetch",
		 revoke_gives_up_at_its_deadline_even_in_mid_fetch},
		{"revoke_tries_again_while_there_is_time", revoke_tries_again_while_there_is_time},
		{"revoke_gives_up_when_the_next_try_comes_too_late",
		 revoke_gives_up_when_the_next_try_comes_too_late},
		{"revoke_gives_up_at_once_when_its_turn_comes_too_late",
		 revoke_gives_up_at_once_when_its_turn_comes_too_late},
		{"revoke_gives_up_when_its_turn_is_the_deadline",
		 revoke_gives_up_when_its_turn_is_the_deadline},
		{"revoke_ends_when_the_token_expires_first",
		 revoke_ends_when_the_token_expires_first},
		{"revoke_needs_a_token_and_an_address", revoke_needs_a_token_and_an_address},
		{"suspend_withdraws_and_fetches_nothing", suspend_withdraws_and_fetches_nothing},
		{"a_suspended_token_refuses_other_commands",
		 a_suspended_token_refuses_other_commands},
		{"a_fetch_started_before_a_suspend_does_not_win_over_it",
		 a_fetch_started_before_a_suspend_does_not_win_over_it},
		{"a_discarded_token_is_revoked_only_where_that_is_right",
		 a_discarded_token_is_revoked_only_where_that_is_right},
		{"an_overtaken_fetch_does_not_pass_for_the_next_one",
		 an_overtaken_fetch_does_not_pass_for_the_next_one},
		{"resume_fetches_at_its_turn", resume_fetches_at_its_turn},
		{"resume_of_what_is_not_suspended_does_nothing",
		 resume_of_what_is_not_suspended_does_nothing},
		CU_TEST_INFO_NULL,
	};

	return harness_run("commands", tests);
}
