/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
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

/* The same digits and separators in the same places. */
static bool has_shape(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	return true;
}

bool clock_parse_rfc3339(const char *text, int64_t *ret_s)
{
	struct tm parts = {0};
	struct tm same;
	time_t seconds;

	if (!has_shape(text) ||
	    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
		   &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	same = parts;
	seconds = timegm(&same);
	/* timegm(3) takes a 31st of February: it comes back as another day. */
	if (same.tm_mon != parts.tm_mon || same.tm_mday != parts.tm_mday ||
	    same.tm_hour != parts.tm_hour || same.tm_min != parts.tm_min ||
	    same.tm_sec != parts.tm_sec)
		return false;
	*ret_s = seconds;
	return true;
}
