/* SPDX-License-Identifier: MIT */
/*
 * Which rejections by readers lead to a fetch, and when.
 *
 * At most one fetch per interval. The interval doubles as long as each successor is rejected soon
 * after its arrival, so clients that refuse every token cannot make the broker hammer the token
 * server.
 */
#ifndef BROKER_LIFECYCLE_REJECTION_H
#define BROKER_LIFECYCLE_REJECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/policy.h"

/* A token that readers leave alone for this long is a good one (design.md section 8). */
#define REJECTION_QUIET_MS INT64_C(300000)

enum rejection_phase {
	REJECTION_NONE,
	REJECTION_WAITING, /* no fetch has been started since it came */
	REJECTION_TRIED,   /* one has: it is in flight, or failed and the backoff repeats it */
};

struct rejection {
	enum rejection_phase phase;
	uint64_t generation;    /* that was rejected, unless phase is NONE */
	unsigned doublings;     /* of the interval */
	bool is_successor;      /* a rejection's fetch brought, or confirmed, the current token */
	int64_t fetched_at_ms;  /* start of the last fetch for a rejection */
	int64_t quiet_since_ms; /* the current token has not been rejected since */
};

void rejection_init(struct rejection *rejection);

/* The current token, of this generation, was rejected. True: the first to ask for the next fetch.
 */
bool rejection_add(struct rejection *rejection, const struct lifecycle_policy *policy,
		   int64_t now_ms, uint64_t generation);

/* When the fetch that a rejection asks for is due by the interval; LIFECYCLE_NEVER_MS: none asked
 * for. */
int64_t rejection_due_ms(const struct rejection *rejection, const struct lifecycle_policy *policy);

/* Any fetch that starts after a rejection answers it, whatever its cause. */
void rejection_fetch_started(struct rejection *rejection, int64_t now_ms);

/*
 * A token arrived. generation: the current one until now. is_new: a new one begins. True: readers
 * have rejected generation, and this fetch was the answer.
 */
bool rejection_fetch_succeeded(struct rejection *rejection, int64_t now_ms, uint64_t generation,
			       bool is_new);

#endif
