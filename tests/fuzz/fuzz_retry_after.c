/* SPDX-License-Identifier: MIT */
/* The value of a Retry-After header: seconds, a date, or anything else. */
#include "base/clock.h"
#include "fuzz.h"
#include "source/retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	CLEANUP(free_memory) char *value = fuzz_line(&input);
	int64_t pause_ms = retry_after_parse(value, 1800000000 * NS_PER_S);

	FUZZ_MUST(pause_ms >= 0 && pause_ms <= RETRY_AFTER_MAX_MS);
	return 0;
}
