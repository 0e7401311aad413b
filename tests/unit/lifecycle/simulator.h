/* SPDX-License-Identifier: MIT */
/*
 * A lifecycle under a fake clock, with a fake token server and fake people: days pass in
 * milliseconds.
 *
 * The simulator does what the broker does, and watches at every moment what must always hold; what
 * it saw to be wrong is counted, so that a test asserts once.
 */
#ifndef TESTS_UNIT_LIFECYCLE_SIMULATOR_H
#define TESTS_UNIT_LIFECYCLE_SIMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "fixture.h"

struct simulator;

/* What the server, or the way to it, does with one request. */
struct reply {
	bool is_token;
	enum lifecycle_failure failure; /* unless is_token */
	int64_t takes_ms;
	int64_t retry_after_ms;
	int64_t lifetime_ms; /* from the moment the request was sent */
	bool is_same_token;
	bool is_being_revoked;
};

struct simulator {
	struct lifecycle lc;
	int64_t now_ms;
	struct reply (*serve)(struct simulator *sim);
	void (*act)(struct simulator *sim); /* people, every act_every_ms; may be NULL */
	int64_t act_every_ms;
	uint32_t random;

	/* For serve() to keep. */
	int64_t server_token_until_ms;

	/* In flight. */
	struct reply reply;
	uint64_t epoch;
	int64_t sent_at_ms;
	int64_t done_at_ms; /* LIFECYCLE_NEVER_MS: none */

	/* What readers have, by what the lifecycle has said. */
	int64_t usable_until_ms;
	bool was_taken_away; /* by a command: readers may be without before usable_until_ms */

	/* Seen. */
	int64_t attempts; /* requests, and fetches that failed before anything was sent */
	int64_t requests;
	int64_t last_request_ms;
	int64_t not_before_ms; /* by a Retry-After */
	int64_t least_gap_ms;  /* between two requests */
	int64_t usable_ms;     /* in all */
	int64_t generations;
	unsigned too_early; /* requests before a Retry-After had passed */
	unsigned dropped;   /* moments without a token that was good */
	unsigned overdue;   /* moments with an expired one */
	unsigned stuck;     /* waits that do not lie ahead */
};

static inline void simulator_init(struct simulator *sim, const struct lifecycle_policy *policy,
				  struct reply (*serve)(struct simulator *sim))
{
	*sim = (struct simulator){
		.now_ms = START,
		.serve = serve,
		.random = 2463534242, /* any but 0 */
		.done_at_ms = LIFECYCLE_NEVER_MS,
		.usable_until_ms = LIFECYCLE_LONG_AGO_MS,
		.last_request_ms = LIFECYCLE_LONG_AGO_MS,
		.not_before_ms = LIFECYCLE_LONG_AGO_MS,
		.least_gap_ms = LIFECYCLE_NEVER_MS,
	};
	lifecycle_init(&sim->lc, policy, sim->now_ms);
}

/* xorshift32 (Marsaglia, 2003): the same numbers in every run. */
static inline uint32_t simulator_random(struct simulator *sim)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 17;
	sim->random ^= sim->random << 5;
	return sim->random;
}

static inline void simulator_count_again(struct simulator *sim)
{
	sim->attempts = 0;
	sim->requests = 0;
	sim->usable_ms = 0;
	sim->generations = 0;
}

static inline void simulator_note_request(struct simulator *sim)
{
	sim->attempts++;
	if (!sim->reply.is_token && sim->reply.failure == LIFECYCLE_LOCAL)
		return;
	sim->requests++;
	sim->least_gap_ms = earlier_ms(sim->least_gap_ms, sim->now_ms - sim->last_request_ms);
	sim->last_request_ms = sim->now_ms;
	if (sim->now_ms < sim->not_before_ms)
		sim->too_early++;
}

static inline void simulator_fetch(struct simulator *sim)
{
	sim->epoch = lifecycle_fetch_started(&sim->lc, sim->now_ms);
	sim->sent_at_ms = sim->now_ms;
	sim->reply = sim->serve(sim);
	sim->done_at_ms = sim->now_ms + sim->reply.takes_ms;
	simulator_note_request(sim);
}

static inline void simulator_receive_token(struct simulator *sim)
{
	const struct lifecycle_fetched fetched = {
		.epoch = sim->epoch,
		.sent_at_ms = sim->sent_at_ms,
		.lifetime_ms = sim->reply.lifetime_ms,
		.first_generation = FIRST_GENERATION,
		.is_same_token = sim->reply.is_same_token,
		.is_being_revoked = sim->reply.is_being_revoked,
	};
	struct lifecycle_outcome outcome =
		lifecycle_fetch_succeeded(&sim->lc, sim->now_ms, &fetched, simulator_random(sim));

	if (outcome.verdict == LIFECYCLE_WITHDRAW_REVOKED)
		sim->was_taken_away = true;
	if (outcome.verdict != LIFECYCLE_PUBLISH)
		return;
	sim->usable_until_ms = outcome.expires_at_ms;
	sim->was_taken_away = false;
	sim->generations += outcome.is_new_generation;
}

static inline void simulator_receive(struct simulator *sim)
{
	const struct lifecycle_fetch_failure failure = {
		.epoch = sim->epoch,
		.kind = sim->reply.failure,
		.retry_after_ms = sim->reply.retry_after_ms,
	};

	sim->done_at_ms = LIFECYCLE_NEVER_MS;
	if (sim->reply.is_token) {
		simulator_receive_token(sim);
		return;
	}
	sim->not_before_ms = later_ms(sim->not_before_ms,
				      sim->now_ms + earlier_ms(failure.retry_after_ms, HOUR));
	lifecycle_fetch_failed(&sim->lc, sim->now_ms, &failure, simulator_random(sim));
}

/* Everything that is due now; returns when the lifecycle wants to be asked again. */
static inline int64_t simulator_settle(struct simulator *sim)
{
	for (;;) {
		struct lifecycle_step step = lifecycle_next(&sim->lc, sim->now_ms);

		switch (step.action) {
		case LIFECYCLE_WAIT:
			return step.at_ms;
		case LIFECYCLE_FETCH:
			/* as in the broker, one that was overtaken must end first */
			if (sim->done_at_ms != LIFECYCLE_NEVER_MS)
				return lifecycle_next_withdrawal_ms(&sim->lc);
			simulator_fetch(sim);
			break;
		case LIFECYCLE_GIVE_UP_REVOKED:
			sim->was_taken_away = true;
			lifecycle_withdrawn(&sim->lc, step.action);
			break;
		case LIFECYCLE_EXPIRE:
			lifecycle_withdrawn(&sim->lc, step.action);
			break;
		}
	}
}

/* Readers have a token exactly while it is good, unless a command has taken it away. */
static inline void simulator_look(struct simulator *sim)
{
	bool is_good = sim->now_ms < sim->usable_until_ms;

	if (sim->lc.state == LIFECYCLE_SUSPENDED)
		sim->was_taken_away = true;
	if (is_good && !sim->was_taken_away && sim->lc.state != LIFECYCLE_VALID)
		sim->dropped++;
	if (!is_good && sim->lc.state == LIFECYCLE_VALID)
		sim->overdue++;
}

/* Lets the time pass. */
static inline void simulator_run(struct simulator *sim, int64_t span_ms)
{
	int64_t end_ms = sim->now_ms + span_ms;
	int64_t act_at_ms = sim->act != NULL ? sim->now_ms : LIFECYCLE_NEVER_MS;

	while (sim->now_ms < end_ms) {
		int64_t wake_ms;

		if (sim->done_at_ms <= sim->now_ms)
			simulator_receive(sim);
		if (act_at_ms <= sim->now_ms) {
			sim->act(sim);
			act_at_ms = sim->now_ms + sim->act_every_ms;
		}
		wake_ms = simulator_settle(sim);
		simulator_look(sim);
		wake_ms = earlier_ms(earlier_ms(wake_ms, act_at_ms),
				     earlier_ms(sim->done_at_ms, end_ms));
		if (wake_ms <= sim->now_ms && sim->done_at_ms > sim->now_ms) {
			sim->stuck++;
			return;
		}
		if (sim->lc.state == LIFECYCLE_VALID)
			sim->usable_ms += wake_ms - sim->now_ms;
		sim->now_ms = wake_ms;
	}
}

/* What must hold whatever happens. */
static inline void simulator_assert_sound(const struct simulator *sim)
{
	CU_ASSERT_TRUE(sim->requests > 0);
	CU_ASSERT_TRUE(sim->least_gap_ms >= sim->lc.policy.retry_min_ms);
	CU_ASSERT_EQUAL(sim->too_early, 0);
	CU_ASSERT_EQUAL(sim->dropped, 0);
	CU_ASSERT_EQUAL(sim->overdue, 0);
	CU_ASSERT_EQUAL(sim->stuck, 0);
}

#endif
