/* SPDX-License-Identifier: MIT */
/* Token servers of every temper, for the simulator. */
#ifndef TESTS_UNIT_LIFECYCLE_SERVERS_H
#define TESTS_UNIT_LIFECYCLE_SERVERS_H

#include "simulator.h"

/* Jitter makes a pause up to a quarter longer. */
#define LONGEST(pause_ms)  ((pause_ms) + (pause_ms) / 4)
#define BARE_RETRY_MS      (30 * SECOND) /* transient failures while no usable token is out */
#define RAMP_REQUESTS      9             /* 1 s doubled to 300 s */
#define ANSWER_MS          200
#define REQUEST_TIMEOUT_MS (15 * SECOND)

static inline struct reply failed(enum lifecycle_failure failure)
{
	return (struct reply){.failure = failure, .takes_ms = ANSWER_MS};
}

static inline struct reply token_for(int64_t lifetime_ms)
{
	return (struct reply){.is_token = true, .takes_ms = ANSWER_MS, .lifetime_ms = lifetime_ms};
}

static inline struct reply serve_hour(struct simulator *sim)
{
	(void)sim;
	return token_for(HOUR);
}

static inline struct reply serve_busy(struct simulator *sim)
{
	(void)sim;
	return failed(LIFECYCLE_TRANSIENT);
}

static inline struct reply serve_silence(struct simulator *sim)
{
	struct reply reply = failed(LIFECYCLE_TRANSIENT);

	(void)sim;
	reply.takes_ms = REQUEST_TIMEOUT_MS;
	return reply;
}

static inline struct reply serve_refusal(struct simulator *sim)
{
	(void)sim;
	return failed(LIFECYCLE_PERMANENT);
}

static inline struct reply serve_unreadable_secret(struct simulator *sim)
{
	struct reply reply = failed(LIFECYCLE_LOCAL);

	(void)sim;
	reply.takes_ms = 0;
	return reply;
}

static inline struct reply serve_busy_for_seconds(struct simulator *sim)
{
	struct reply reply = failed(LIFECYCLE_TRANSIENT);

	(void)sim;
	reply.retry_after_ms = 2 * SECOND;
	return reply;
}

static inline struct reply serve_busy_for_decades(struct simulator *sim)
{
	struct reply reply = failed(LIFECYCLE_TRANSIENT);

	(void)sim;
	reply.retry_after_ms = INT64_C(344000000) * SECOND;
	return reply;
}

/* 200 with something unreadable, or with a token that is dead when it comes. */
static inline struct reply serve_rubbish(struct simulator *sim)
{
	if (simulator_random(sim) % 2 == 0)
		return failed(LIFECYCLE_TRANSIENT);
	return token_for(1);
}

static inline struct reply serve_one_second(struct simulator *sim)
{
	(void)sim;
	return token_for(SECOND);
}

static inline struct reply serve_two_seconds(struct simulator *sim)
{
	(void)sim;
	return token_for(2 * SECOND);
}

/* Good for a second from each answer on, and always the same string. */
static inline struct reply serve_one_second_again(struct simulator *sim)
{
	struct reply reply = token_for(SECOND);

	reply.is_same_token = sim->lc.generation > 0;
	return reply;
}

static inline struct reply serve_one_second_or_nothing(struct simulator *sim)
{
	return simulator_random(sim) % 2 == 0 ? failed(LIFECYCLE_TRANSIENT) : token_for(SECOND);
}

/* One token at a time, an hour each: the rest of its life in whole seconds, until it has ended. */
static inline struct reply serve_cached(struct simulator *sim)
{
	bool is_same_token = sim->now_ms < sim->server_token_until_ms;
	struct reply reply;

	if (!is_same_token)
		sim->server_token_until_ms = sim->now_ms + HOUR;
	reply = token_for((sim->server_token_until_ms - sim->now_ms) / SECOND * SECOND);
	reply.is_same_token = is_same_token;
	return reply;
}

static inline struct reply serve_anything(struct simulator *sim)
{
	static const int64_t LIFETIMES_MS[] = {1,      SECOND,     1500, 2 * SECOND, 10 * SECOND,
					       MINUTE, 5 * MINUTE, HOUR, DAY};
	static const int64_t RETRY_AFTERS_MS[] = {0, 0, 0, 1, 5 * SECOND, 2 * MINUTE, DAY};
	uint32_t random = simulator_random(sim);
	struct reply reply = {
		.is_token = random % 3 == 0,
		.failure = random / 4 % 3 == 0   ? LIFECYCLE_PERMANENT
			   : random / 4 % 3 == 1 ? LIFECYCLE_LOCAL
						 : LIFECYCLE_TRANSIENT,
		.takes_ms = random / 16 % (REQUEST_TIMEOUT_MS + 1),
		.lifetime_ms = LIFETIMES_MS[random / 256 % 9],
		.is_same_token = random / 4096 % 4 == 0,
		.is_being_revoked = random / 16384 % 16 == 0,
	};

	if (!reply.is_token && reply.failure != LIFECYCLE_LOCAL)
		reply.retry_after_ms = RETRY_AFTERS_MS[random / 65536 % 7];
	return reply;
}

/* Default timings with jitter. */
static inline struct lifecycle_policy defaults(void)
{
	struct lifecycle_policy policy = POLICY;

	policy.refresh_jitter_percent = 5;
	return policy;
}

static inline struct simulator simulate(struct reply (*serve)(struct simulator *sim),
					int64_t span_ms)
{
	const struct lifecycle_policy policy = defaults();
	struct simulator sim;

	simulator_init(&sim, &policy, serve);
	simulator_run(&sim, span_ms);
	return sim;
}

/* A token that lives for ten days is out and due to be refreshed. */
static inline struct simulator with_long_token(void)
{
	const struct lifecycle_policy policy = defaults();
	struct simulator sim;

	simulator_init(&sim, &policy, serve_hour);
	lifecycle_adopt(&sim.lc, START - 30 * DAY, START + 10 * DAY, 7, NO_JITTER);
	sim.usable_until_ms = START + 10 * DAY;
	return sim;
}

static inline void assert_between(int64_t least, int64_t value, int64_t most)
{
	CU_ASSERT_TRUE(value >= least);
	CU_ASSERT_TRUE(value <= most);
}

#endif
