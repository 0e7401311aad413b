/* SPDX-License-Identifier: MIT */
/*
 * When the next fetch is due by the outcome of the last one: the refresh point after a success, the
 * backoff after a failure.
 *
 * Holds what happened, not when to act: the time is worked out on each question, so that a reload
 * of the timings and an expiry in the middle of a backoff need no planning anew.
 */
#ifndef BROKER_LIFECYCLE_SCHEDULE_H
#define BROKER_LIFECYCLE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/policy.h"

enum schedule_kind {
	SCHEDULE_START,        /* nothing has happened yet */
	SCHEDULE_REFRESH,      /* a token to be refreshed in its lifetime */
	SCHEDULE_SHORT_LIVED,  /* a new token that lives too briefly to be kept fresh */
	SCHEDULE_LAST_MOMENTS, /* the same token again, shortly before its end */
	SCHEDULE_TRANSIENT,
	SCHEDULE_PERMANENT,
};

struct schedule {
	enum schedule_kind kind;
	int64_t since_ms;    /* what the pause or lifetime counts from */
	int64_t lifetime_ms; /* SCHEDULE_REFRESH */
	unsigned setbacks;   /* failures and short-lived tokens in a row: the backoff counts them
				alike */
	uint32_t random;
};

/* A token with its lifetime, as counted from just before it was asked for. */
struct schedule_token {
	int64_t sent_at_ms;
	int64_t lifetime_ms; /* 1 to LIFECYCLE_SPAN_MAX_MS */
	bool is_known;       /* the current one again, no new generation */
};

void schedule_init(struct schedule *schedule, int64_t now_ms);
void schedule_adopt(struct schedule *schedule, const struct schedule_token *token, uint32_t random);
void schedule_fetch_succeeded(struct schedule *schedule, const struct lifecycle_policy *policy,
			      int64_t now_ms, const struct schedule_token *token, uint32_t random);
void schedule_fetch_failed(struct schedule *schedule, int64_t now_ms, enum lifecycle_failure kind,
			   uint32_t random);

/* After a failure: it was the current token again, with nothing left of its life. */
void schedule_end_is_near(struct schedule *schedule);

/*
 * usable_until_ms: expiry of the token that readers have, LIFECYCLE_LONG_AGO_MS if they have none.
 * The least time between two requests is the caller's to add.
 */
int64_t schedule_due_ms(const struct schedule *schedule, const struct lifecycle_policy *policy,
			int64_t usable_until_ms);

#endif
