/* SPDX-License-Identifier: MIT */
/* What the lifecycle's tests share: the default timings, and fetches that take no time. */
#ifndef TESTS_UNIT_LIFECYCLE_FIXTURE_H
#define TESTS_UNIT_LIFECYCLE_FIXTURE_H

#include <CUnit/CUnit.h>
#include <stddef.h>

#include "lifecycle/lifecycle.h"

#define SECOND           INT64_C(1000)
#define MINUTE           (60 * SECOND)
#define HOUR             (60 * MINUTE)
#define DAY              (24 * HOUR)

#define START            (1000 * SECOND) /* a machine's uptime */
#define FIRST_GENERATION UINT64_C(1795428000)
#define NO_JITTER        UINT32_C(0)
#define MOST_JITTER      UINT32_MAX

/* The defaults of design.md section 4, without jitter. */
static const struct lifecycle_policy POLICY = {
	.refresh_percent = 75,
	.refresh_jitter_percent = 0,
	.retry_min_ms = 1 * SECOND,
	.retry_max_ms = 300 * SECOND,
	.reject_interval_ms = 10 * SECOND,
	.request_timeout_ms = 15 * SECOND,
	.has_revocation = true,
};

/* Starts a fetch, asking for it as an administrator would where it is not due by itself. */
static inline uint64_t start_fetch(struct lifecycle *lc, int64_t now_ms)
{
	int64_t retry_after_ms;

	if (lifecycle_next_attempt_ms(lc) > now_ms)
		(void)lifecycle_refresh(lc, now_ms, &retry_after_ms);
	return lifecycle_fetch_started(lc, now_ms);
}

/* A fetch, started before, that brings a new token. */
static inline struct lifecycle_fetched new_token(uint64_t epoch, int64_t sent_at_ms,
						 int64_t lifetime_ms)
{
	return (struct lifecycle_fetched){
		.epoch = epoch,
		.sent_at_ms = sent_at_ms,
		.lifetime_ms = lifetime_ms,
		.first_generation = FIRST_GENERATION,
	};
}

static inline struct lifecycle_outcome fetch_new(struct lifecycle *lc, int64_t now_ms,
						 int64_t lifetime_ms)
{
	uint64_t epoch = start_fetch(lc, now_ms);
	struct lifecycle_fetched fetched = new_token(epoch, now_ms, lifetime_ms);

	return lifecycle_fetch_succeeded(lc, now_ms, &fetched, NO_JITTER);
}

static inline struct lifecycle_outcome fetch_same(struct lifecycle *lc, int64_t now_ms,
						  int64_t lifetime_ms)
{
	uint64_t epoch = start_fetch(lc, now_ms);
	struct lifecycle_fetched fetched = new_token(epoch, now_ms, lifetime_ms);

	fetched.is_same_token = true;
	return lifecycle_fetch_succeeded(lc, now_ms, &fetched, NO_JITTER);
}

static inline void report_failure(struct lifecycle *lc, uint64_t epoch, int64_t now_ms,
				  enum lifecycle_failure kind, int64_t retry_after_ms)
{
	const struct lifecycle_fetch_failure failure = {
		.epoch = epoch,
		.kind = kind,
		.retry_after_ms = retry_after_ms,
	};

	lifecycle_fetch_failed(lc, now_ms, &failure, NO_JITTER);
}

static inline void fetch_fails(struct lifecycle *lc, int64_t now_ms, enum lifecycle_failure kind)
{
	report_failure(lc, start_fetch(lc, now_ms), now_ms, kind, 0);
}

/* The outcome of a fetch started before: a token for an hour from now. */
static inline struct lifecycle_outcome receive(struct lifecycle *lc, uint64_t epoch, int64_t now_ms,
					       bool is_same_token)
{
	struct lifecycle_fetched fetched = new_token(epoch, now_ms, HOUR);

	fetched.is_same_token = is_same_token;
	return lifecycle_fetch_succeeded(lc, now_ms, &fetched, NO_JITTER);
}

static inline void assert_step(const struct lifecycle *lc, int64_t now_ms,
			       enum lifecycle_action action, int64_t at_ms)
{
	struct lifecycle_step step = lifecycle_next(lc, now_ms);

	CU_ASSERT_EQUAL(step.action, action);
	CU_ASSERT_EQUAL(step.at_ms, at_ms);
}

/* VALID since START, for lifetime_ms. */
static inline struct lifecycle valid_for(int64_t lifetime_ms)
{
	struct lifecycle lc;

	lifecycle_init(&lc, &POLICY, START);
	(void)fetch_new(&lc, START, lifetime_ms);
	return lc;
}

#endif
