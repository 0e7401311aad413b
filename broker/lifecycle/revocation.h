/* SPDX-License-Identifier: MIT */
/*
 * When to try again to revoke one token at the server (RFC 7009), and when to stop.
 *
 * Pure, as lifecycle.h. After a 503 the token still lives, so a revocation is repeated with the
 * backoff of fetches until it succeeds (then the caller throws this away), the token has expired,
 * or the server cannot do it at all.
 */
#ifndef BROKER_LIFECYCLE_REVOCATION_H
#define BROKER_LIFECYCLE_REVOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/policy.h"

struct revocation {
	unsigned failures; /* in a row */
	bool in_flight;
	bool has_given_up;
	int64_t next_at_ms; /* the next try, while none is in flight */
	int64_t until_ms;   /* the token's expiry: dead by itself from then on */
};

enum revocation_action {
	REVOCATION_WAIT, /* nothing to do before at_ms */
	REVOCATION_SEND, /* send a request, then call revocation_started() */
	REVOCATION_DROP, /* over without success, even with a request in flight: forget it */
};

struct revocation_step {
	enum revocation_action action;
	int64_t at_ms; /* now_ms unless the action is WAIT */
};

/* first_at_ms: the first try. until_ms: when the token expires. */
void revocation_init(struct revocation *revocation, int64_t first_at_ms, int64_t until_ms);

/* Changes nothing. */
struct revocation_step revocation_next(const struct revocation *revocation, int64_t now_ms);

/* No success will come any more: given up, or expired. */
bool revocation_is_over(const struct revocation *revocation, int64_t now_ms);

void revocation_started(struct revocation *revocation);

struct revocation_failure {
	enum lifecycle_failure kind;
	int64_t retry_after_ms; /* as in lifecycle_fetch_failure */
};

void revocation_failed(struct revocation *revocation, const struct lifecycle_policy *policy,
		       int64_t now_ms, const struct revocation_failure *failure, uint32_t random);

/* The server cannot revoke this token, now or later: 400, unsupported_token_type. */
void revocation_give_up(struct revocation *revocation);

#endif
