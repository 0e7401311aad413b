/* SPDX-License-Identifier: MIT */
/*
 * When to fetch a token, what each answer means, and what each command may do.
 *
 * One struct lifecycle per configured token. A pure state machine: no I/O, no allocation, no clock.
 * It sees lifetimes and generations, never a token or a secret. Callers report what happened and
 * when, then ask lifecycle_next() what to do; after any call that changes something they ask again.
 *
 * It bounds the requests to the token server: never two within retry_min, never one before a
 * Retry-After has passed, and in the long run one per retry_max, whatever fails (one per min(30 s,
 * retry_max) after transient failures while no usable token is out), plus what administrators and
 * reject_interval allow.
 *
 * now_ms never goes back.
 */
#ifndef BROKER_LIFECYCLE_LIFECYCLE_H
#define BROKER_LIFECYCLE_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/policy.h"
#include "lifecycle/rejection.h"
#include "lifecycle/schedule.h"

enum lifecycle_state {
	LIFECYCLE_PENDING, /* no token: none yet, or the last one was withdrawn to be revoked */
	LIFECYCLE_VALID,
	LIFECYCLE_EXPIRED,
	LIFECYCLE_SUSPENDED,
};

struct lifecycle {
	/* For the status to read. */
	enum lifecycle_state state;
	uint64_t generation;      /* of the current token, or of the last one; 0: none known */
	int64_t expires_at_ms;    /* of the same */
	unsigned failures;        /* in a row */
	int64_t failing_since_ms; /* the first of them; meaningless without failures */
	bool in_flight;           /* a fetch has been started whose outcome may still count */
	bool is_revoking;         /* the current token must die */

	/* Private. */
	struct lifecycle_policy policy;
	struct schedule schedule;
	struct rejection rejection;
	uint64_t epoch;          /* of the last fetch */
	uint64_t source_epoch;   /* fetches up to this one asked another source */
	int64_t least_expiry_ms; /* the earliest that was told of this generation */
	int64_t last_request_ms;
	int64_t prior_request_ms; /* the one before, in case nothing is sent after all */
	int64_t retry_after_until_ms;
	bool is_forced;             /* fetch at the next turn, whatever the schedule says */
	bool has_jumped;            /* the clocks have, since the last fetch started */
	int64_t jump_fetched_at_ms; /* start of the last fetch for a jump */
	int64_t revoke_deadline_ms; /* while is_revoking */
};

enum lifecycle_action {
	LIFECYCLE_WAIT,  /* nothing to do before at_ms, which may be LIFECYCLE_NEVER_MS */
	LIFECYCLE_FETCH, /* start a fetch, then call lifecycle_fetch_started() */
	/* The token has expired: withdraw it, then call lifecycle_withdrawn(). A fetch in flight
	 * goes on. */
	LIFECYCLE_EXPIRE,
	/* It was to be revoked and no successor came in time: withdraw it, call
	 * lifecycle_withdrawn(), revoke it at the server. A fetch in flight is overtaken. */
	LIFECYCLE_GIVE_UP_REVOKED,
};

struct lifecycle_step {
	enum lifecycle_action action;
	int64_t at_ms; /* now_ms unless the action is WAIT */
};

enum lifecycle_answer {
	LIFECYCLE_ACCEPTED,
	LIFECYCLE_STALE,    /* reject: a newer generation has been published */
	LIFECYCLE_TOO_SOON, /* refresh */
	LIFECYCLE_CONFLICT, /* not in this state, or without an address to revoke at */
	LIFECYCLE_INVALID,  /* reject: a generation that never was */
};

/* What lifecycle_fetch_succeeded() decides. The lifecycle has already changed accordingly. */
enum lifecycle_verdict {
	/* Publish it as generation, with the expiry in expires_at_ms: also when it is the token
	 * that is published already, whose expiry may have moved. */
	LIFECYCLE_PUBLISH,
	/* Overtaken by a suspend, a revoke that gave up or a change of source: never publish it. */
	LIFECYCLE_DISCARD,
	/* An administrator revokes the current token and the server gave the very same one again:
	 * withdraw it and revoke it at the server. lifecycle_withdrawn() need not be called. */
	LIFECYCLE_WITHDRAW_REVOKED,
	/* The token whose revocation is still pending came back. Nothing is published; counted as a
	 * transient failure. */
	LIFECYCLE_REVOKED_RETURNED,
	/* Expired before it arrived. Nothing is published; counted as a transient failure. */
	LIFECYCLE_EXPIRED_ON_ARRIVAL,
};

struct lifecycle_outcome {
	enum lifecycle_verdict verdict;

	/* With PUBLISH: */
	uint64_t generation;
	int64_t expires_at_ms;
	bool is_new_generation;
	bool revoke_replaced;   /* right after it, revoke the replaced token at the server */
	bool is_rejected_token; /* readers rejected it and the server gave it again */

	/* With DISCARD: */
	bool revoke_received; /* revoke what just arrived, at the server it came from */
};

struct lifecycle_fetched {
	uint64_t epoch;      /* of lifecycle_fetch_started() */
	int64_t sent_at_ms;  /* just before the request was sent: lifetimes count from here */
	int64_t lifetime_ms; /* clamped to 1 .. LIFECYCLE_SPAN_MAX_MS */
	/* Where to start if no generation is known: Unix time in seconds, at least 1. */
	uint64_t first_generation;
	bool is_same_token; /* equals the token of lifecycle.generation, withdrawn or not */
	/* Equals one whose revocation is pending, or was when this request was sent. */
	bool is_being_revoked;
};

struct lifecycle_fetch_failure {
	uint64_t epoch;
	enum lifecycle_failure kind;
	int64_t retry_after_ms; /* that the server asked for, 0 if it did not; clamped to 1 h */
};

/* A fetch is due at once. The policy is valid and copied. */
void lifecycle_init(struct lifecycle *lc, const struct lifecycle_policy *policy, int64_t now_ms);

/* A reload that changes timings only: token, failures and fetches in flight stay. */
void lifecycle_set_policy(struct lifecycle *lc, const struct lifecycle_policy *policy);

/*
 * A reload that changes whose token it is (addresses, client id, scope ...). The caller withdraws
 * the token. PENDING, unless SUSPENDED; a fetch in flight is overtaken; what the old source
 * answered is forgotten, but for the time of the last request.
 */
void lifecycle_change_source(struct lifecycle *lc, const struct lifecycle_policy *policy,
			     int64_t now_ms);

/*
 * After lifecycle_init(): an earlier broker published this token, and it is kept. The times may be
 * any that fit in 62 bits: the life between them is clamped as in lifecycle_fetched. generation >
 * 0.
 */
void lifecycle_adopt(struct lifecycle *lc, int64_t issued_at_ms, int64_t expires_at_ms,
		     uint64_t generation, uint32_t random);

/*
 * After lifecycle_init(): an earlier broker left no usable token, but this generation (0: not
 * known). state: PENDING, EXPIRED or SUSPENDED.
 */
void lifecycle_adopt_withdrawn(struct lifecycle *lc, enum lifecycle_state state,
			       uint64_t generation);

/* The one thing due at now_ms. Changes nothing, so asking twice is harmless. */
struct lifecycle_step lifecycle_next(const struct lifecycle *lc, int64_t now_ms);

/* When the next fetch is due; LIFECYCLE_NEVER_MS while one is in flight or the token is suspended.
 */
int64_t lifecycle_next_attempt_ms(const struct lifecycle *lc);

/*
 * When the token must leave the readers unless a fetch brings a newer one; LIFECYCLE_NEVER_MS
 * without. Whose fetch is due and has to queue wakes up for this.
 */
int64_t lifecycle_next_withdrawal_ms(const struct lifecycle *lc);

/*
 * Only when lifecycle_next() says FETCH. A fetch that waited in a queue is started when it leaves
 * it, and only if it is due then. Returns the epoch that its outcome must carry.
 */
uint64_t lifecycle_fetch_started(struct lifecycle *lc, int64_t now_ms);

struct lifecycle_outcome lifecycle_fetch_succeeded(struct lifecycle *lc, int64_t now_ms,
						   const struct lifecycle_fetched *fetched,
						   uint32_t random);

/* Of an overtaken fetch only the Retry-After counts, and of another source not even that. */
void lifecycle_fetch_failed(struct lifecycle *lc, int64_t now_ms,
			    const struct lifecycle_fetch_failure *failure, uint32_t random);

/* The caller has done what why says: EXPIRE or GIVE_UP_REVOKED. */
void lifecycle_withdrawn(struct lifecycle *lc, enum lifecycle_action why);

/* The wall clock ran ahead or was set: fetch at the next turn. Such fetches keep retry_max apart.
 */
void lifecycle_clock_jumped(struct lifecycle *lc);

/* ACCEPTED, TOO_SOON (with *ret_retry_after_ms, relative; untouched otherwise), CONFLICT. */
enum lifecycle_answer lifecycle_refresh(struct lifecycle *lc, int64_t now_ms,
					int64_t *ret_retry_after_ms);

/* ACCEPTED, CONFLICT. */
enum lifecycle_answer lifecycle_revoke(struct lifecycle *lc, int64_t now_ms);

/* Always ACCEPTED. The caller withdraws the token and revokes it at the server. */
enum lifecycle_answer lifecycle_suspend(struct lifecycle *lc);

/* Always ACCEPTED. */
enum lifecycle_answer lifecycle_resume(struct lifecycle *lc);

/*
 * A reader says that the API refused the token of this generation. ACCEPTED, STALE, CONFLICT,
 * INVALID. *ret_leads_to_fetch, on ACCEPTED: this rejection, and no earlier one, asks for the next
 * fetch.
 */
enum lifecycle_answer lifecycle_reject(struct lifecycle *lc, int64_t now_ms, uint64_t generation,
				       bool *ret_leads_to_fetch);

#endif
