/* SPDX-License-Identifier: MIT */
/* The rate bound and the promises to readers, over simulated hours, with people who do their worst.
 */
#include "harness.h"
#include "servers.h"

static void reject_current(struct simulator *sim)
{
	bool leads_to_fetch;

	(void)lifecycle_reject(&sim->lc, sim->now_ms, sim->lc.generation, &leads_to_fetch);
}

static void refresh(struct simulator *sim)
{
	int64_t retry_after_ms;

	(void)lifecycle_refresh(&sim->lc, sim->now_ms, &retry_after_ms);
}

static void suspend_and_resume(struct simulator *sim)
{
	(void)lifecycle_suspend(&sim->lc);
	(void)lifecycle_resume(&sim->lc);
	sim->was_taken_away = true;
}

static void revoke(struct simulator *sim)
{
	(void)lifecycle_revoke(&sim->lc, sim->now_ms);
}

static void turn_the_clock(struct simulator *sim)
{
	lifecycle_clock_jumped(&sim->lc);
}

static void do_anything(struct simulator *sim)
{
	switch (simulator_random(sim) % 64) {
	case 0:
		refresh(sim);
		break;
	case 1:
		revoke(sim);
		break;
	case 2:
		(void)lifecycle_suspend(&sim->lc);
		break;
	case 3:
	case 4:
		(void)lifecycle_resume(&sim->lc);
		break;
	case 5:
		turn_the_clock(sim);
		break;
	case 6:
		lifecycle_change_source(&sim->lc, &sim->lc.policy, sim->now_ms);
		sim->was_taken_away = true;
		sim->not_before_ms = LIFECYCLE_LONG_AGO_MS; /* another server, by its own rules */
		sim->reply.retry_after_ms = 0;
		break;
	default:
		reject_current(sim);
		break;
	}
}

static void greedy_readers_cost_one_request_per_retry_max(void)
{
	struct simulator sim = simulate(serve_hour, MINUTE);

	sim.act = reject_current;
	sim.act_every_ms = 10;
	simulator_count_again(&sim);
	simulator_run(&sim, 6 * HOUR);
	assert_between(6 * HOUR / (5 * MINUTE), sim.requests, 6 * HOUR / (5 * MINUTE) + 6);
	CU_ASSERT_EQUAL(sim.usable_ms, 6 * HOUR);
	simulator_assert_sound(&sim);
}

static void greedy_readers_of_one_unchanging_token_cost_no_more(void)
{
	struct simulator sim = simulate(serve_cached, MINUTE);

	sim.act = reject_current;
	sim.act_every_ms = 10;
	simulator_count_again(&sim);
	simulator_run(&sim, HOUR / 2);
	assert_between(HOUR / 2 / (5 * MINUTE), sim.requests, HOUR / 2 / (5 * MINUTE) + 6);
	CU_ASSERT_EQUAL(sim.generations, 0);
	simulator_assert_sound(&sim);
}

static void greedy_readers_do_not_hurry_a_failing_server(void)
{
	struct simulator sim = with_long_token();

	sim.act = reject_current;
	sim.act_every_ms = 10;
	sim.serve = serve_refusal;
	simulator_run(&sim, 6 * HOUR);
	CU_ASSERT_TRUE(sim.requests <= 6 * HOUR / (5 * MINUTE) + 2);
	CU_ASSERT_EQUAL(sim.usable_ms, 6 * HOUR);
	simulator_assert_sound(&sim);
}

static void greedy_readers_of_one_second_tokens_cost_twice_retry_max_at_most(void)
{
	struct simulator sim = simulate(serve_one_second, MINUTE);

	sim.act = reject_current;
	sim.act_every_ms = 10;
	simulator_run(&sim, 6 * HOUR);
	CU_ASSERT_TRUE(sim.requests <= 2 * (6 * HOUR / (5 * MINUTE)) + 2 * RAMP_REQUESTS);
	simulator_assert_sound(&sim);
}

static void refreshing_every_millisecond_is_bounded_by_retry_min(void)
{
	struct simulator sim = simulate(serve_hour, MINUTE);

	sim.act = refresh;
	sim.act_every_ms = 1;
	simulator_count_again(&sim);
	simulator_run(&sim, 10 * MINUTE);
	assert_between(10 * MINUTE / SECOND - 1, sim.requests, 10 * MINUTE / SECOND + 1);
	sim.serve = serve_busy;
	simulator_count_again(&sim);
	simulator_run(&sim, 10 * MINUTE);
	assert_between(10 * MINUTE / SECOND - 1, sim.requests, 10 * MINUTE / SECOND + 1);
	simulator_assert_sound(&sim);
}

static void refreshing_every_millisecond_does_not_break_a_retry_after(void)
{
	struct simulator sim = simulate(serve_busy_for_seconds, SECOND);

	sim.act = refresh;
	sim.act_every_ms = 1;
	simulator_count_again(&sim);
	simulator_run(&sim, 10 * MINUTE);
	CU_ASSERT_TRUE(sim.requests <= 10 * MINUTE / (2 * SECOND + ANSWER_MS) + 1);
	simulator_assert_sound(&sim);
}

static void suspending_and_resuming_is_bounded_by_retry_min(void)
{
	struct simulator sim = simulate(serve_hour, MINUTE);

	sim.act = suspend_and_resume;
	sim.act_every_ms = 7;
	simulator_count_again(&sim);
	simulator_run(&sim, 10 * MINUTE);
	assert_between(2, sim.requests, 10 * MINUTE / SECOND + 1);
	sim.act = NULL;
	simulator_run(&sim, MINUTE);
	CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
	simulator_assert_sound(&sim);
}

static void revoking_all_the_time_is_bounded_by_retry_min(void)
{
	struct simulator sim = simulate(serve_cached, MINUTE);

	sim.act = revoke;
	sim.act_every_ms = 7;
	simulator_count_again(&sim);
	simulator_run(&sim, 10 * MINUTE);
	assert_between(2, sim.requests, 10 * MINUTE / SECOND + 1);
	simulator_assert_sound(&sim);
}

static void a_restless_clock_costs_one_request_per_retry_max(void)
{
	struct simulator sim = simulate(serve_hour, MINUTE);

	sim.act = turn_the_clock;
	sim.act_every_ms = 15 * SECOND;
	simulator_count_again(&sim);
	simulator_run(&sim, DAY);
	assert_between(DAY / (5 * MINUTE) - 1, sim.requests, DAY / (5 * MINUTE) + 1);
	CU_ASSERT_EQUAL(sim.usable_ms, DAY);
	simulator_assert_sound(&sim);
}

static void whatever_happens_the_promises_hold(void)
{
	static const int64_t ACT_EVERY_MS[] = {3, 250, 5 * SECOND, 3 * MINUTE};

	for (uint32_t i = 0; i < 40; i++) {
		const struct lifecycle_policy policy = defaults();
		struct simulator sim;

		simulator_init(&sim, &policy, serve_anything);
		sim.random += i * 7919;
		sim.act = do_anything;
		sim.act_every_ms = ACT_EVERY_MS[i % 4];
		simulator_run(&sim, 10000 * sim.act_every_ms);
		CU_ASSERT_TRUE(sim.requests <= (sim.now_ms - START) / SECOND + 1);
		sim.act = NULL;
		sim.serve = serve_hour;
		(void)lifecycle_resume(&sim.lc);
		/* the longest pause that may be under way is a Retry-After */
		simulator_run(&sim, HOUR + MINUTE);
		CU_ASSERT_EQUAL(sim.lc.state, LIFECYCLE_VALID);
		simulator_assert_sound(&sim);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"greedy_readers_cost_one_request_per_retry_max",
		 greedy_readers_cost_one_request_per_retry_max},
		{"greedy_readers_of_one_unchanging_token_cost_no_more",
		 greedy_readers_of_one_unchanging_token_cost_no_more},
		{"greedy_readers_do_not_hurry_a_failing_server",
		 greedy_readers_do_not_hurry_a_failing_server},
		{"greedy_readers_of_one_second_tokens_cost_twice_retry_max_at_most",
		 greedy_readers_of_one_second_tokens_cost_twice_retry_max_at_most},
		{"refreshing_every_millisecond_is_bounded_by_retry_min",
		 refreshing_every_millisecond_is_bounded_by_retry_min},
		{"refreshing_every_millisecond_does_not_break_a_retry_after",
		 refreshing_every_millisecond_does_not_break_a_retry_after},
		{"suspending_and_resuming_is_bounded_by_retry_min",
		 suspending_and_resuming_is_bounded_by_retry_min},
		{"revoking_all_the_time_is_bounded_by_retry_min",
		 revoking_all_the_time_is_bounded_by_retry_min},
		{"a_restless_clock_costs_one_request_per_retry_max",
		 a_restless_clock_costs_one_request_per_retry_max},
		{"whatever_happens_the_promises_hold", whatever_happens_the_promises_hold},
		CU_TEST_INFO_NULL,
	};

	return harness_run("simulation_people", tests);
}
