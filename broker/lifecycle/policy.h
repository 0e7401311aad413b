/* SPDX-License-Identifier: MIT */
/*
 * What the modules of this folder share: the configured timings of one token, and the kinds of
 * failure.
 *
 * All times here are milliseconds of CLOCK_BOOTTIME, handed in by the caller. A random number is 32
 * bits of it, standing for the fraction random / 2^32.
 */
#ifndef BROKER_LIFECYCLE_POLICY_H
#define BROKER_LIFECYCLE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* No such moment will come: not a time to set a timer for. */
#define LIFECYCLE_NEVER_MS INT64_MAX
/* Before any clock reading, and far enough from the edge that a span can be added. */
#define LIFECYCLE_LONG_AGO_MS (INT64_MIN / 2)
/* No span is longer: lifetimes are clamped to ten years (of 365.25 days), timings lie below. */
#define LIFECYCLE_SPAN_MAX_MS INT64_C(315576000000)

struct lifecycle_policy {
	unsigned refresh_percent;        /* of the lifetime, 1 to 99 */
	unsigned refresh_jitter_percent; /* of the lifetime, to either side, 0 to 50 */
	int64_t retry_min_ms;            /* at least 1; also the least time between two requests */
	int64_t retry_max_ms;            /* at least retry_min_ms */
	int64_t reject_interval_ms;      /* 0 or more */
	int64_t request_timeout_ms; /* at least 1; also how long a revoke waits for a successor */
	bool has_revocation;        /* the provider has an address to revoke at */
};

/* A caller has checked its configuration: the lifecycle asserts this. */
static inline bool lifecycle_policy_is_valid(const struct lifecycle_policy *policy)
{
	return policy->refresh_percent >= 1 && policy->refresh_percent <= 99 &&
	       policy->refresh_jitter_percent <= 50 && policy->retry_min_ms >= 1 &&
	       policy->retry_max_ms >= policy->retry_min_ms &&
	       policy->retry_max_ms <= LIFECYCLE_SPAN_MAX_MS && policy->reject_interval_ms >= 0 &&
	       policy->reject_interval_ms <= LIFECYCLE_SPAN_MAX_MS &&
	       policy->request_timeout_ms >= 1 &&
	       policy->request_timeout_ms <= LIFECYCLE_SPAN_MAX_MS;
}

enum lifecycle_failure {
	LIFECYCLE_TRANSIENT, /* network, timeout, TLS, 408, 425, 429, 5xx, an unreadable 2xx */
	LIFECYCLE_PERMANENT, /* the server says no: it goes on at retry_max */
	LIFECYCLE_LOCAL,     /* nobody was asked, as with an unreadable secret file */
};

static inline int64_t earlier_ms(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static inline int64_t later_ms(int64_t a_ms, int64_t b_ms)
{
	return a_ms > b_ms ? a_ms : b_ms;
}

#endif
