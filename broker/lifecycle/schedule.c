/* SPDX-License-Identifier: MIT */
#include "lifecycle/schedule.h"

#include "lifecycle/backoff.h"

/* The numbers of oauth.md, "When to fetch". */
#define MARGIN_MS           INT64_C(60000)  /* a refresh comes this long before the end ... */
#define BRIEF_LIFETIME_MS   INT64_C(120000) /* ... or, of a shorter life, by its half */
#define NO_TOKEN_RETRY_MS   INT64_C(30000)  /* longest pause while readers have no usable token */
#define SHORT_LIFE_REQUESTS 2 /* a refresh by half of the life must not break retry_min */

/*
 * From the start of the lifetime. The one place where a margin is taken off it. A jitter wider than
 * the percentage is cut, or it could ask for a refresh at once.
 */
static int64_t refresh_point_ms(const struct lifecycle_policy *policy, int64_t lifetime_ms,
				uint32_t random)
{
	int64_t percent = policy->refresh_percent;
	int64_t jitter = earlier_ms(policy->refresh_jitter_percent, percent - 1);
	int64_t least_ms = lifetime_ms * (percent - jitter) / 100;
	int64_t point_ms = least_ms + backoff_fraction_ms(lifetime_ms * 2 * jitter / 100, random);
	int64_t latest_ms = lifetime_ms - MARGIN_MS;

	if (lifetime_ms < BRIEF_LIFETIME_MS)
		latest_ms = lifetime_ms / 2;
	return earlier_ms(point_ms, latest_ms);
}

void schedule_init(struct schedule *schedule, int64_t now_ms)
{
	*schedule = (struct schedule){.kind = SCHEDULE_START, .since_ms = now_ms};
}

void schedule_adopt(struct schedule *schedule, const struct schedule_token *token, uint32_t random)
{
	*schedule = (struct schedule){
		.kind = SCHEDULE_REFRESH,
		.since_ms = token->sent_at_ms,
		.lifetime_ms = token->lifetime_ms,
		.random = random,
	};
}

void schedule_fetch_succeeded(struct schedule *schedule, const struct lifecycle_policy *policy,
			      int64_t now_ms, const struct schedule_token *token, uint32_t random)
{
	if (token->lifetime_ms >= SHORT_LIFE_REQUESTS * policy->retry_min_ms) {
		schedule_adopt(schedule, token, random);
		return;
	}
	/* Keeping up with such tokens would be hammering: back off as after a failure. */
	schedule->kind = token->is_known ? SCHEDULE_LAST_MOMENTS : SCHEDULE_SHORT_LIVED;
	schedule->since_ms = now_ms;
	schedule->setbacks++;
	schedule->random = random;
}

void schedule_fetch_failed(struct schedule *schedule, int64_t now_ms, enum lifecycle_failure kind,
			   uint32_t random)
{
	schedule->kind = kind == LIFECYCLE_PERMANENT ? SCHEDULE_PERMANENT : SCHEDULE_TRANSIENT;
	schedule->since_ms = now_ms;
	schedule->setbacks++;
	schedule->random = random;
}

void schedule_end_is_near(struct schedule *schedule)
{
	schedule->kind = SCHEDULE_LAST_MOMENTS;
}

/* After a transient failure, or a token too short-lived, with the longest pause given. */
static int64_t backoff_end_ms(const struct schedule *schedule,
			      const struct lifecycle_policy *policy, int64_t limit_ms)
{
	return schedule->since_ms +
	       backoff_transient_ms(policy, limit_ms, schedule->setbacks, schedule->random);
}

/* The moment the token runs out, the pause is what it would have been without one. */
static int64_t transient_due_ms(const struct schedule *schedule,
				const struct lifecycle_policy *policy, int64_t usable_until_ms)
{
	int64_t bare_limit_ms = earlier_ms(NO_TOKEN_RETRY_MS, policy->retry_max_ms);
	int64_t bare_ms = backoff_end_ms(schedule, policy, bare_limit_ms);

	return earlier_ms(backoff_end_ms(schedule, policy, policy->retry_max_ms),
			  later_ms(bare_ms, usable_until_ms));
}

int64_t schedule_due_ms(const struct schedule *schedule, const struct lifecycle_policy *policy,
			int64_t usable_until_ms)
{
	switch (schedule->kind) {
	case SCHEDULE_START:
		break;
	case SCHEDULE_REFRESH:
		return schedule->since_ms +
		       refresh_point_ms(policy, schedule->lifetime_ms, schedule->random);
	case SCHEDULE_SHORT_LIVED:
		return backoff_end_ms(schedule, policy, policy->retry_max_ms);
	case SCHEDULE_LAST_MOMENTS:
		/* Its end is near and comes once, and a server that caches its token then makes
		 * a new one: the pause must not reach beyond it. */
		return earlier_ms(backoff_end_ms(schedule, policy, policy->retry_max_ms),
				  usable_until_ms);
	case SCHEDULE_TRANSIENT:
		return transient_due_ms(schedule, policy, usable_until_ms);
	case SCHEDULE_PERMANENT:
		return schedule->since_ms + backoff_permanent_ms(policy, schedule->random);
	}
	return schedule->since_ms;
}
