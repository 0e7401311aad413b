/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec now;
	int r = clock_gettime(id, &now);

	assert(r == 0); /* the ids are constants that every supported kernel has */
	(void)r;
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_boottime_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

int64_t clock_boottime_ms(void)
{
	return clock_boottime_ns() / NS_PER_MS;
}

int64_t clock_realtime_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

const char *clock_rfc3339(int64_t realtime_ns, char buffer[static CLOCK_RFC3339_BYTES])
{
	time_t seconds = realtime_ns / NS_PER_S - (realtime_ns % NS_PER_S < 0);
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL ||
	    strftime(buffer, CLOCK_RFC3339_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		(void)snprintf(buffer, CLOCK_RFC3339_BYTES, "1970-01-01T00:00:00Z");
	return buffer;
}
