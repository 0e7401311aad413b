/* SPDX-License-Identifier: MIT */
#include "source/retry_after.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static int64_t clamp_ms(int64_t seconds)
{
	if (seconds <= 0)
		return 0;
	return seconds < RETRY_AFTER_MAX_MS / MS_PER_S ? seconds * MS_PER_S : RETRY_AFTER_MAX_MS;
}

static int64_t parse_seconds(const char *digits)
{
	int64_t seconds = 0;

	for (; *digits != '\0'; digits++)
		if (seconds < RETRY_AFTER_MAX_MS)
			seconds = seconds * 10 + (*digits - '0');
	return seconds;
}

int64_t retry_after_parse(const char *value, int64_t now_realtime_ns)
{
	/* RFC 9110 5.6.7: a recipient accepts all three. Names of days and months are English,
	 * which strptime(3) reads in the C locale that this process never leaves. */
	static const char *const dates[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%a, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	if (*value == '\0')
		return 0;
	if (value[strspn(value, "0123456789")] == '\0')
		return clamp_ms(parse_seconds(value));
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct tm parts = {0};
		const char *end = strptime(value, dates[i], &parts);

		if (end != NULL && *end == '\0')
			return clamp_ms((int64_t)timegm(&parts) - now_realtime_ns / NS_PER_S);
	}
	return 0;
}
