/* SPDX-License-Identifier: MIT */
/* How long to pause after a failure. Fetches and revocations share these numbers (oauth.md). */
#ifndef BROKER_LIFECYCLE_BACKOFF_H
#define BROKER_LIFECYCLE_BACKOFF_H

#include <stdint.h>

#include "lifecycle/policy.h"

/* span_ms * random / 2^32; span_ms: 0 to 2^62. */
int64_t backoff_fraction_ms(int64_t span_ms, uint32_t random);

/* start_ms * 2^doublings, at most limit_ms; any number of doublings will do. */
int64_t backoff_doubled_ms(int64_t start_ms, unsigned doublings, int64_t limit_ms);

/* After the failures-th transient failure in a row, at least 1; limit_ms: where the doubling ends.
 */
int64_t backoff_transient_ms(const struct lifecycle_policy *policy, int64_t limit_ms,
			     unsigned failures, uint32_t random);

int64_t backoff_permanent_ms(const struct lifecycle_policy *policy, uint32_t random);

/* The pause that a server asked for, as far as it is obeyed: 0 to 1 h. */
int64_t backoff_retry_after_ms(int64_t retry_after_ms);

#endif
