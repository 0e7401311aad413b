/* SPDX-License-Identifier: MIT */
/* The rate bound and the promises to readers, over simulated days, for each kind of failure. */
#include "harness.h"
#include "servers.h"

/* A day of one fault without a token: never more than one request per least_ms, never fewer than
 * one per most_ms. Then a token within most_ms after the fault. */
static void assert_bare_fault(struct reply (*serve)(struct simulator *sim), int64_t least_ms,
			      int64_t most_ms)
{
	struct simulator sim = simulate(serve, DAY);

	assert_between(DAY / most_ms, sim.attempts, RAMP_REQUESTS + DAY / least_ms + 1);
	CU_ASSERT_NOT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(sim.lc.failing_since_ms / SECOND, (START + ANSWER_MS) / SECOND);
	sim.serve = serve_hour;
	simulator_run(&sim, most_ms + ANSWER_MS + 1);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	CU_ASSERT_EQUAL(sim.lc.failures, 0);
	simulator_assert_sound(&sim);
}

/* Five days of one fault under a good token, which stays; five more and it expires on time. */
static void assert_fault_under_a_token(struct reply (*serve)(struct simulator *sim))
{
	struct simulator sim = with_long_token();

	sim.serve = serve;
	simulator_run(&sim, 5 * DAY);
	CU_ASSERT_EQUAL(sim.usable_ms, 5 * DAY);
	CU_ASSERT_EQUAL(sim.lc.generation, 7);
	assert_between(5 * DAY / (LONGEST(5 * MINUTE) + REQUEST_TIMEOUT_MS), sim.attempts,
		       RAMP_REQUESTS + 5 * DAY / (5 * MINUTE) + 1);
	simulator_run(&sim, 6 * DAY);
	CU_ASSERT_EQUAL(sim.usable_ms, 10 * DAY);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_EXPIRED);
	simulator_assert_sound(&sim);
}

static void a_good_server_is_asked_once_per_refresh(void)
{
	struct simulator sim = simulate(serve_hour, 30 * DAY);

	assert_between(30 * DAY / (HOUR * 80 / 100), sim.requests,
		       30 * DAY / (HOUR * 70 / 100) + 1);
	CU_ASSERT_EQUAL(sim.generations, sim.requests);
	CU_ASSERT_EQUAL(sim.usable_ms, 30 * DAY - ANSWER_MS);
	simulator_assert_sound(&sim);
}

static void a_busy_server_is_asked_every_30_seconds_without_a_token(void)
{
	assert_bare_fault(serve_busy, BARE_RETRY_MS, LONGEST(BARE_RETRY_MS) + ANSWER_MS);
}

static void a_silent_network_is_asked_no_more_often(void)
{
	struct simulator sim = simulate(serve_silence, DAY);

	assert_between(DAY / (LONGEST(BARE_RETRY_MS) + REQUEST_TIMEOUT_MS), sim.requests,
		       RAMP_REQUESTS + DAY / (BARE_RETRY_MS + REQUEST_TIMEOUT_MS));
	sim.serve = serve_hour;
	simulator_run(&sim, LONGEST(BARE_RETRY_MS) + REQUEST_TIMEOUT_MS + ANSWER_MS + 1);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	simulator_assert_sound(&sim);
}

static void a_short_retry_after_changes_little(void)
{
	assert_bare_fault(serve_busy_for_seconds, BARE_RETRY_MS,
			  LONGEST(BARE_RETRY_MS) + ANSWER_MS);
}

static void a_retry_after_of_decades_is_an_hour(void)
{
	struct simulator sim = simulate(serve_busy_for_decades, 2 * DAY);

	assert_between(47, sim.requests, 48);
	CU_ASSERT_TRUE(sim.least_gap_ms >= HOUR);
	sim.serve = serve_hour;
	simulator_run(&sim, HOUR + MINUTE);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	simulator_assert_sound(&sim);
}

static void a_refusing_server_is_asked_every_retry_max(void)
{
	assert_bare_fault(serve_refusal, 5 * MINUTE, LONGEST(5 * MINUTE) + ANSWER_MS);
}

static void rubbish_is_a_fault_like_any_other(void)
{
	assert_bare_fault(serve_rubbish, BARE_RETRY_MS, LONGEST(BARE_RETRY_MS) + ANSWER_MS);
}

static void an_unreadable_secret_sends_nothing_and_heals(void)
{
	struct simulator sim = simulate(serve_unreadable_secret, DAY);

	CU_ASSERT_EQUAL(sim.requests, 0);
	assert_between(DAY / LONGEST(BARE_RETRY_MS), sim.attempts,
		       RAMP_REQUESTS + DAY / BARE_RETRY_MS + 1);
	sim.serve = serve_hour;
	simulator_run(&sim, LONGEST(BARE_RETRY_MS) + ANSWER_MS + 1);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	simulator_assert_sound(&sim);
}

static void no_fault_takes_a_good_token_away(void)
{
	assert_fault_under_a_token(serve_busy);
	assert_fault_under_a_token(serve_silence);
	assert_fault_under_a_token(serve_busy_for_seconds);
	assert_fault_under_a_token(serve_refusal);
	assert_fault_under_a_token(serve_rubbish);
}

static void an_outage_shorter_than_the_margin_is_never_seen_by_readers(void)
{
	struct simulator sim = simulate(serve_hour, HOUR / 2);

	sim.serve = serve_busy;
	simulator_run(&sim, 20 * MINUTE);
	sim.serve = serve_hour;
	simulator_run(&sim, DAY);
	CU_ASSERT_EQUAL(sim.usable_ms, DAY + 50 * MINUTE - ANSWER_MS);
	simulator_assert_sound(&sim);
}

static void one_second_tokens_cost_one_request_per_retry_max(void)
{
	struct simulator sim = simulate(serve_one_second, DAY);

	assert_between(DAY / (LONGEST(5 * MINUTE) + SECOND), sim.requests,
		       RAMP_REQUESTS + DAY / (5 * MINUTE) + 1);
	CU_ASSERT_EQUAL(sim.generations, sim.requests);
	sim.serve = serve_hour;
	simulator_run(&sim, LONGEST(5 * MINUTE) + SECOND);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	simulator_assert_sound(&sim);
}

static void the_same_one_second_token_costs_no_more(void)
{
	struct simulator sim = simulate(serve_one_second_again, DAY);

	/* a new generation may be asked for once more at its end */
	assert_between(DAY / (LONGEST(5 * MINUTE) + SECOND), sim.requests,
		       2 * RAMP_REQUESTS + DAY / (5 * MINUTE) + 1);
	simulator_assert_sound(&sim);
}

static void one_second_tokens_between_failures_cost_no_more_than_failures(void)
{
	struct simulator sim = simulate(serve_one_second_or_nothing, DAY);

	assert_between(DAY / LONGEST(5 * MINUTE), sim.requests,
		       RAMP_REQUESTS + DAY / BARE_RETRY_MS + 1);
	simulator_assert_sound(&sim);
}

static void two_second_tokens_are_always_fresh(void)
{
	struct simulator sim = simulate(serve_two_seconds, HOUR);

	assert_between(HOUR / (SECOND + ANSWER_MS), sim.requests, HOUR / SECOND);
	CU_ASSERT_EQUAL(sim.usable_ms, HOUR - ANSWER_MS);
	simulator_assert_sound(&sim);
}

static void a_cached_token_is_asked_for_more_often_only_near_its_end(void)
{
	struct simulator sim = simulate(serve_cached, 10 * DAY);

	/* 45 min, 15, 4, 1, then by halves down to a second */
	assert_between(240 * 8, sim.requests, 240 * 16);
	assert_between(238, sim.generations, 241);
	/* at its end a new one is had within retry_min and one answer */
	CU_ASSERT_TRUE(10 * DAY - sim.usable_ms <= 241 * (2 * SECOND + 2 * ANSWER_MS));
	simulator_assert_sound(&sim);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_good_server_is_asked_once_per_refresh",
		 a_good_server_is_asked_once_per_refresh},
		{"a_busy_server_is_asked_every_30_seconds_without_a_token",
		 a_busy_server_is_asked_every_30_seconds_without_a_token},
		{"a_silent_network_is_asked_no_more_often",
		 a_silent_network_is_asked_no_more_often},
		{"a_short_retry_after_changes_little", a_short_retry_after_changes_little},
		{"a_retry_after_of_decades_is_an_hour", a_retry_after_of_decades_is_an_hour},
		{"a_refusing_server_is_asked_every_retry_max",
		 a_refusing_server_is_asked_every_retry_max},
		{"rubbish_is_a_fault_like_any_other", rubbish_is_a_fault_like_any_other},
		{"an_unreadable_secret_sends_nothing_and_heals",
		 an_unreadable_secret_sends_nothing_and_heals},
		{"no_fault_takes_a_good_token_away", no_fault_takes_a_good_token_away},
		{"an_outage_shorter_than_the_margin_is_never_seen_by_readers",
		 an_outage_shorter_than_the_margin_is_never_seen_by_readers},
		{"one_second_tokens_cost_one_request_per_retry_max",
		 one_second_tokens_cost_one_request_per_retry_max},
		{"the_same_one_second_token_costs_no_more",
		 the_same_one_second_token_costs_no_more},
		{"one_second_tokens_between_failures_cost_no_more_than_failures",
		 one_second_tokens_between_failures_cost_no_more_than_failures},
		{"two_second_tokens_are_always_fresh", two_second_tokens_are_always_fresh},
		{"a_cached_token_is_asked_for_more_often_only_near_its_end",
		 a_cached_token_is_asked_for_more_often_only_near_its_end},
		CU_TEST_INFO_NULL,
	};

	return harness_run("simulation", tests);
}
