/* SPDX-License-Identifier: MIT */
#include "publish/content_clock.h"

#include "base/clock.h"

/* Times are published with this precision. */
#define ROUNDING_NS NS_PER_MS

/* a - b. Where that is out of range, the nearest that is not. */
static int64_t difference(int64_t a, int64_t b)
{
	int64_t result;

	if (__builtin_sub_overflow(a, b, &result))
		return a < b ? INT64_MIN : INT64_MAX;
	return result;
}

enum content_clock content_clock(const struct publication_content *content, int64_t boottime_ns,
				 int64_t realtime_ns)
{
	int64_t lifetime_ns;
	int64_t left_ns = difference(content->expires_boottime_ns, boottime_ns);
	int64_t then_ns = difference(content->expires_realtime_ns, content->expires_boottime_ns);
	int64_t set_by_ns = difference(difference(realtime_ns, boottime_ns), then_ns);

	if (__builtin_sub_overflow(content->expires_realtime_ns, content->issued_realtime_ns,
				   &lifetime_ns) ||
	    difference(left_ns, lifetime_ns) > ROUNDING_NS)
		return CONTENT_CLOCK_ANOTHER;
	if (set_by_ns > CLOCK_JUMP_NS || set_by_ns < -CLOCK_JUMP_NS)
		return CONTENT_CLOCK_SET;
	return CONTENT_CLOCK_SAME;
}
