/* SPDX-License-Identifier: MIT */
#include "lifecycle/lifecycle.h"

#include <assert.h>

#include "lifecycle/backoff.h"

/* expires_in counts whole seconds, so the same expiry may seem to move by one (segment.md). */
#define EXPIRY_TOLERANCE_MS INT64_C(1000)

static int64_t clamped_lifetime_ms(int64_t lifetime_ms)
{
	return later_ms(1, earlier_ms(lifetime_ms, LIFECYCLE_SPAN_MAX_MS));
}

void lifecycle_init(struct lifecycle *lc, const struct lifecycle_policy *policy, int64_t now_ms)
{
	*lc = (struct lifecycle){
		.state = LIFECYCLE_PENDING,
		.least_expiry_ms = LIFECYCLE_LONG_AGO_MS,
		.last_request_ms = LIFECYCLE_LONG_AGO_MS,
		.prior_request_ms = LIFECYCLE_LONG_AGO_MS,
		.retry_after_until_ms = LIFECYCLE_LONG_AGO_MS,
		.jump_fetched_at_ms = LIFECYCLE_LONG_AGO_MS,
	};
	lifecycle_set_policy(lc, policy);
	schedule_init(&lc->schedule, now_ms);
	rejection_init(&lc->rejection);
}

void lifecycle_set_policy(struct lifecycle *lc, const struct lifecycle_policy *policy)
{
	assert(lifecycle_policy_is_valid(policy));
	lc->policy = *policy;
}

void lifecycle_adopt(struct lifecycle *lc, int64_t issued_at_ms, int64_t expires_at_ms,
		     uint64_t generation, uint32_t random)
{
	int64_t span_ms = clamped_lifetime_ms(expires_at_ms - issued_at_ms);
	struct schedule_token token = {
		.sent_at_ms = expires_at_ms - span_ms,
		.lifetime_ms = span_ms,
	};

	assert(generation > 0);
	schedule_adopt(&lc->schedule, &token, random);
	lc->state = LIFECYCLE_VALID;
	lc->generation = generation;
	lc->expires_at_ms = expires_at_ms;
	lc->least_expiry_ms = expires_at_ms;
}

void lifecycle_adopt_withdrawn(struct lifecycle *lc, enum lifecycle_state state,
			       uint64_t generation)
{
	assert(state != LIFECYCLE_VALID);
	lc->state = state;
	lc->generation = generation;
}

/* No request before this moment, whoever wants it. */
static int64_t turn_ms(const struct lifecycle *lc)
{
	return later_ms(lc->last_request_ms + lc->policy.retry_min_ms, lc->retry_after_until_ms);
}

int64_t lifecycle_next_attempt_ms(const struct lifecycle *lc)
{
	int64_t usable_until_ms =
		lc->state == LIFECYCLE_VALID ? lc->expires_at_ms : LIFECYCLE_LONG_AGO_MS;
	int64_t due_ms = schedule_due_ms(&lc->schedule, &lc->policy, usable_until_ms);

	if (lc->in_flight || lc->state == LIFECYCLE_SUSPENDED)
		return LIFECYCLE_NEVER_MS;
	due_ms = earlier_ms(due_ms, rejection_due_ms(&lc->rejection, &lc->policy));
	if (lc->has_jumped) /* a restless clock must not outdo the backoff */
		due_ms = earlier_ms(due_ms, lc->jump_fetched_at_ms + lc->policy.retry_max_ms);
	if (lc->is_forced)
		due_ms = LIFECYCLE_LONG_AGO_MS;
	return later_ms(due_ms, turn_ms(lc));
}

int64_t lifecycle_next_withdrawal_ms(const struct lifecycle *lc)
{
	int64_t expiry_ms = lc->state == LIFECYCLE_VALID ? lc->expires_at_ms : LIFECYCLE_NEVER_MS;

	return lc->is_revoking ? earlier_ms(expiry_ms, lc->revoke_deadline_ms) : expiry_ms;
}

/* No successor can come before the deadline any more. */
static bool is_revoke_lost(const struct lifecycle *lc, int64_t now_ms, int64_t attempt_ms)
{
	if (!lc->is_revoking)
		return false;
	return now_ms >= lc->revoke_deadline_ms ||
	       (!lc->in_flight && attempt_ms >= lc->revoke_deadline_ms);
}

struct lifecycle_step lifecycle_next(const struct lifecycle *lc, int64_t now_ms)
{
	int64_t attempt_ms = lifecycle_next_attempt_ms(lc);

	/* The end of a token comes first: it must leave the readers even in the middle of a fetch.
	 */
	if (lc->state == LIFECYCLE_VALID && lc->expires_at_ms <= now_ms)
		return (struct lifecycle_step){LIFECYCLE_EXPIRE, now_ms};
	if (is_revoke_lost(lc, now_ms, attempt_ms))
		return (struct lifecycle_step){LIFECYCLE_GIVE_UP_REVOKED, now_ms};
	if (attempt_ms <= now_ms)
		return (struct lifecycle_step){LIFECYCLE_FETCH, now_ms};
	return (struct lifecycle_step){
		LIFECYCLE_WAIT,
		earlier_ms(attempt_ms, lifecycle_next_withdrawal_ms(lc)),
	};
}

uint64_t lifecycle_fetch_started(struct lifecycle *lc, int64_t now_ms)
{
	assert(lifecycle_next_attempt_ms(lc) <= now_ms);
	lc->in_flight = true;
	lc->is_forced = false;
	lc->prior_request_ms = lc->last_request_ms;
	lc->last_request_ms = now_ms;
	if (lc->has_jumped)
		lc->jump_fetched_at_ms = now_ms;
	lc->has_jumped = false;
	rejection_fetch_started(&lc->rejection, now_ms);
	return ++lc->epoch;
}

static bool is_overtaken(const struct lifecycle *lc, uint64_t epoch)
{
	return !lc->in_flight || epoch != lc->epoch;
}

/* The token leaves the readers by a command, and a fetch that was sent before might bring it back.
 */
static void withdraw_and_overtake(struct lifecycle *lc, enum lifecycle_state state)
{
	lc->state = state;
	lc->in_flight = false;
	lc->is_forced = state == LIFECYCLE_PENDING;
	lc->is_revoking = false;
}

void lifecycle_change_source(struct lifecycle *lc, const struct lifecycle_policy *policy,
			     int64_t now_ms)
{
	bool is_suspended = lc->state == LIFECYCLE_SUSPENDED;

	lifecycle_set_policy(lc, policy);
	withdraw_and_overtake(lc, is_suspended ? LIFECYCLE_SUSPENDED : LIFECYCLE_PENDING);
	lc->source_epoch = lc->epoch;
	lc->failures = 0;
	lc->least_expiry_ms = LIFECYCLE_LONG_AGO_MS;
	lc->retry_after_until_ms = LIFECYCLE_LONG_AGO_MS;
	schedule_init(&lc->schedule, now_ms);
	rejection_init(&lc->rejection);
}

void lifecycle_withdrawn(struct lifecycle *lc, enum lifecycle_action why)
{
	assert(why == LIFECYCLE_EXPIRE || why == LIFECYCLE_GIVE_UP_REVOKED);
	if (why == LIFECYCLE_GIVE_UP_REVOKED) {
		withdraw_and_overtake(lc, LIFECYCLE_PENDING);
		return;
	}
	lc->state = LIFECYCLE_EXPIRED;
	lc->is_revoking = false; /* it has died by itself */
}

static void count_failure(struct lifecycle *lc, int64_t now_ms, enum lifecycle_failure kind,
			  uint32_t random)
{
	if (lc->failures == 0)
		lc->failing_since_ms = now_ms;
	lc->failures++;
	schedule_fetch_failed(&lc->schedule, now_ms, kind, random);
}

void lifecycle_fetch_failed(struct lifecycle *lc, int64_t now_ms,
			    const struct lifecycle_fetch_failure *failure, uint32_t random)
{
	int64_t until_ms = now_ms + backoff_retry_after_ms(failure->retry_after_ms);

	if (failure->epoch > lc->source_epoch)
		lc->retry_after_until_ms = later_ms(lc->retry_after_until_ms, until_ms);
	if (is_overtaken(lc, failure->epoch))
		return;
	lc->in_flight = false;
	if (failure->kind == LIFECYCLE_LOCAL)
		lc->last_request_ms = lc->prior_request_ms;
	count_failure(lc, now_ms, failure->kind, random);
}

/* Whatever came too late is to die at the server, unless it is what readers hold by now. */
static struct lifecycle_outcome discarded(const struct lifecycle *lc,
					  const struct lifecycle_fetched *fetched)
{
	bool is_published = fetched->is_same_token && lc->state == LIFECYCLE_VALID;

	return (struct lifecycle_outcome){
		.verdict = LIFECYCLE_DISCARD,
		.revoke_received =
			lc->policy.has_revocation && !is_published && !fetched->is_being_revoked,
	};
}

static struct lifecycle_outcome published(struct lifecycle *lc, int64_t now_ms,
					  const struct lifecycle_fetched *fetched,
					  const struct schedule_token *token, uint32_t random)
{
	int64_t expires_at_ms = token->sent_at_ms + token->lifetime_ms;
	bool was_rejected =
		rejection_fetch_succeeded(&lc->rejection, now_ms, lc->generation, !token->is_known);
	struct lifecycle_outcome outcome = {
		.verdict = LIFECYCLE_PUBLISH,
		.expires_at_ms = expires_at_ms,
		.is_new_generation = !token->is_known,
		.revoke_replaced = lc->is_revoking,
		.is_rejected_token = was_rejected && fetched->is_same_token,
	};

	schedule_fetch_succeeded(&lc->schedule, &lc->policy, now_ms, token, random);
	if (!token->is_known) {
		lc->generation =
			lc->generation > 0 ? lc->generation + 1 : fetched->first_generation;
		lc->least_expiry_ms = expires_at_ms;
	}
	lc->least_expiry_ms = earlier_ms(lc->least_expiry_ms, expires_at_ms);
	lc->expires_at_ms = expires_at_ms;
	lc->state = LIFECYCLE_VALID;
	lc->failures = 0;
	lc->is_revoking = false;
	outcome.generation = lc->generation;
	return outcome;
}

struct lifecycle_outcome lifecycle_fetch_succeeded(struct lifecycle *lc, int64_t now_ms,
						   const struct lifecycle_fetched *fetched,
						   uint32_t random)
{
	struct schedule_token token = {
		.sent_at_ms = fetched->sent_at_ms,
		.lifetime_ms = clamped_lifetime_ms(fetched->lifetime_ms),
	};
	int64_t expires_at_ms = token.sent_at_ms + token.lifetime_ms;

	assert(fetched->first_generation > 0);
	if (is_overtaken(lc, fetched->epoch))
		return discarded(lc, fetched);
	lc->in_flight = false;
	if (lc->is_revoking && fetched->is_same_token) {
		withdraw_and_overtake(lc, LIFECYCLE_PENDING);
		lc->failures = 0;
		return (struct lifecycle_outcome){.verdict = LIFECYCLE_WITHDRAW_REVOKED};
	}
	if (fetched->is_being_revoked) {
		count_failure(lc, now_ms, LIFECYCLE_TRANSIENT, random);
		return (struct lifecycle_outcome){.verdict = LIFECYCLE_REVOKED_RETURNED};
	}
	if (expires_at_ms <= now_ms) {
		count_failure(lc, now_ms, LIFECYCLE_TRANSIENT, random);
		if (fetched->is_same_token && now_ms <= lc->expires_at_ms + EXPIRY_TOLERANCE_MS)
			schedule_end_is_near(&lc->schedule);
		return (struct lifecycle_outcome){.verdict = LIFECYCLE_EXPIRED_ON_ARRIVAL};
	}
	/* An expiry that creeps on by less than the tolerance each time counts from where it began.
	 */
	token.is_known = fetched->is_same_token &&
			 expires_at_ms <= lc->least_expiry_ms + EXPIRY_TOLERANCE_MS;
	return published(lc, now_ms, fetched, &token, random);
}

void lifecycle_clock_jumped(struct lifecycle *lc)
{
	lc->has_jumped = true;
}

enum lifecycle_answer lifecycle_refresh(struct lifecycle *lc, int64_t now_ms,
					int64_t *ret_retry_after_ms)
{
	if (lc->state == LIFECYCLE_SUSPENDED)
		return LIFECYCLE_CONFLICT;
	if (turn_ms(lc) > now_ms) {
		*ret_retry_after_ms = turn_ms(lc) - now_ms;
		return LIFECYCLE_TOO_SOON;
	}
	lc->is_forced = !lc->in_flight;
	return LIFECYCLE_ACCEPTED;
}

enum lifecycle_answer lifecycle_revoke(struct lifecycle *lc, int64_t now_ms)
{
	if (lc->state != LIFECYCLE_VALID || !lc->policy.has_revocation)
		return LIFECYCLE_CONFLICT;
	if (lc->is_revoking)
		return LIFECYCLE_ACCEPTED;
	lc->is_revoking = true;
	lc->revoke_deadline_ms = now_ms + lc->policy.request_timeout_ms;
	lc->is_forced = !lc->in_flight;
	return LIFECYCLE_ACCEPTED;
}

enum lifecycle_answer lifecycle_suspend(struct lifecycle *lc)
{
	withdraw_and_overtake(lc, LIFECYCLE_SUSPENDED);
	return LIFECYCLE_ACCEPTED;
}

enum lifecycle_answer lifecycle_resume(struct lifecycle *lc)
{
	if (lc->state == LIFECYCLE_SUSPENDED) {
		lc->state = LIFECYCLE_PENDING;
		lc->is_forced = true;
	}
	return LIFECYCLE_ACCEPTED;
}

enum lifecycle_answer lifecycle_reject(struct lifecycle *lc, int64_t now_ms, uint64_t generation,
				       bool *ret_leads_to_fetch)
{
	bool leads_to_fetch = false;

	if (generation == 0)
		return LIFECYCLE_INVALID;
	if (lc->state == LIFECYCLE_SUSPENDED) /* its generation may not be known any more */
		return LIFECYCLE_CONFLICT;
	if (generation > lc->generation)
		return LIFECYCLE_INVALID;
	if (generation < lc->generation)
		return LIFECYCLE_STALE;
	if (lc->state == LIFECYCLE_VALID) /* without a token the next fetch is on its way anyhow */
		leads_to_fetch = rejection_add(&lc->rejection, &lc->policy, now_ms, generation);
	*ret_leads_to_fetch = leads_to_fetch;
	return LIFECYCLE_ACCEPTED;
}
