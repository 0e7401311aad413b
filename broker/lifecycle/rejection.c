/* SPDX-License-Identifier: MIT */
#include "lifecycle/rejection.h"

#include "lifecycle/backoff.h"

void rejection_init(struct rejection *rejection)
{
	*rejection = (struct rejection){
		.phase = REJECTION_NONE,
		.fetched_at_ms = LIFECYCLE_LONG_AGO_MS,
		.quiet_since_ms = LIFECYCLE_LONG_AGO_MS,
	};
}

static int64_t longest_interval_ms(const struct lifecycle_policy *policy)
{
	return later_ms(policy->reject_interval_ms, policy->retry_max_ms);
}

static int64_t interval_ms(const struct rejection *rejection, const struct lifecycle_policy *policy)
{
	return backoff_doubled_ms(policy->reject_interval_ms, rejection->doublings,
				  longest_interval_ms(policy));
}

static void adapt_interval(struct rejection *rejection, const struct lifecycle_policy *policy,
			   int64_t now_ms)
{
	if (now_ms - rejection->quiet_since_ms >= REJECTION_QUIET_MS)
		rejection->doublings = 0;
	else if (rejection->is_successor &&
		 interval_ms(rejection, policy) < longest_interval_ms(policy))
		rejection->doublings++;
}

bool rejection_add(struct rejection *rejection, const struct lifecycle_policy *policy,
		   int64_t now_ms, uint64_t generation)
{
	bool is_first = rejection->phase != REJECTION_WAITING;

	if (rejection->phase == REJECTION_TRIED && rejection->generation == generation)
		return false;
	if (is_first)
		adapt_interval(rejection, policy, now_ms);
	rejection->phase = REJECTION_WAITING;
	rejection->generation = generation;
	return is_first;
}

int64_t rejection_due_ms(const struct rejection *rejection, const struct lifecycle_policy *policy)
{
	if (rejection->phase != REJECTION_WAITING)
		return LIFECYCLE_NEVER_MS;
	return rejection->fetched_at_ms + interval_ms(rejection, policy);
}

void rejection_fetch_started(struct rejection *rejection, int64_t now_ms)
{
	if (rejection->phase == REJECTION_NONE)
		return;
	rejection->phase = REJECTION_TRIED;
	rejection->fetched_at_ms = now_ms;
}

bool rejection_fetch_succeeded(struct rejection *rejection, int64_t now_ms, uint64_t generation,
			       bool is_new)
{
	bool is_answer = rejection->phase == REJECTION_TRIED;

	if (is_answer || is_new) {
		rejection->is_successor = is_answer;
		rejection->quiet_since_ms = now_ms;
	}
	if (!is_answer)
		return false;
	rejection->phase = REJECTION_NONE;
	return rejection->generation == generation;
}
