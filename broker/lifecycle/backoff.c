/* SPDX-License-Identifier: MIT */
#include "lifecycle/backoff.h"

#include <assert.h>

/* libcurl makes decades of a far Retry-After date. */
#define RETRY_AFTER_MAX_MS INT64_C(3600000)

int64_t backoff_fraction_ms(int64_t span_ms, uint32_t random)
{
	uint64_t span = (uint64_t)span_ms;
	uint64_t high = (span >> 32) * random;
	uint64_t low = (span & UINT32_MAX) * random;

	return (int64_t)(high + (low >> 32));
}

int64_t backoff_doubled_ms(int64_t start_ms, unsigned doublings, int64_t limit_ms)
{
	if (doublings >= 63 || start_ms > limit_ms >> doublings)
		return limit_ms;
	return start_ms << doublings;
}

/* Up to a quarter longer, so that brokers that failed together do not come back together. */
static int64_t with_jitter_ms(int64_t pause_ms, uint32_t random)
{
	return pause_ms + backoff_fraction_ms(pause_ms / 4, random);
}

int64_t backoff_transient_ms(const struct lifecycle_policy *policy, int64_t limit_ms,
			     unsigned failures, uint32_t random)
{
	int64_t cap_ms;

	assert(failures > 0);
	cap_ms = backoff_doubled_ms(policy->retry_min_ms, failures - 1, limit_ms);
	return later_ms(policy->retry_min_ms, with_jitter_ms(cap_ms, random));
}

int64_t backoff_permanent_ms(const struct lifecycle_policy *policy, uint32_t random)
{
	return with_jitter_ms(policy->retry_max_ms, random);
}

int64_t backoff_retry_after_ms(int64_t retry_after_ms)
{
	return later_ms(0, earlier_ms(retry_after_ms, RETRY_AFTER_MAX_MS));
}
