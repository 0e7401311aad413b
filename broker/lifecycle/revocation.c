/* SPDX-License-Identifier: MIT */
#include "lifecycle/revocation.h"

#include "lifecycle/backoff.h"

void revocation_init(struct revocation *revocation, int64_t first_at_ms, int64_t until_ms)
{
	*revocation = (struct revocation){.next_at_ms = first_at_ms, .until_ms = until_ms};
}

bool revocation_is_over(const struct revocation *revocation, int64_t now_ms)
{
	return revocation->has_given_up || revocation->until_ms <= now_ms;
}

struct revocation_step revocation_next(const struct revocation *revocation, int64_t now_ms)
{
	int64_t try_ms = revocation->in_flight ? LIFECYCLE_NEVER_MS : revocation->next_at_ms;

	if (revocation_is_over(revocation, now_ms))
		return (struct revocation_step){REVOCATION_DROP, now_ms};
	if (try_ms <= now_ms)
		return (struct revocation_step){REVOCATION_SEND, now_ms};
	return (struct revocation_step){REVOCATION_WAIT, earlier_ms(try_ms, revocation->until_ms)};
}

void revocation_started(struct revocation *revocation)
{
	revocation->in_flight = true;
}

void revocation_failed(struct revocation *revocation, const struct lifecycle_policy *policy,
		       int64_t now_ms, const struct revocation_failure *failure, uint32_t random)
{
	int64_t pause_ms;

	revocation->in_flight = false;
	revocation->failures++;
	pause_ms = failure->kind == LIFECYCLE_PERMANENT
			   ? backoff_permanent_ms(policy, random)
			   : backoff_transient_ms(policy, policy->retry_max_ms,
						  revocation->failures, random);
	revocation->next_at_ms =
		now_ms + later_ms(pause_ms, backoff_retry_after_ms(failure->retry_after_ms));
}

void revocation_give_up(struct revocation *revocation)
{
	revocation->in_flight = false;
	revocation->has_given_up = true;
}
