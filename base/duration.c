/* SPDX-License-Identifier: MIT */
#include "base/duration.h"

#include <inttypes.h>

#include "base/text.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

const char *duration_text(int64_t seconds, char buffer[static DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, DURATION_BYTES);
	if (seconds < MINUTE)
		text_addf(&text, "%" PRId64 " s", seconds);
	else if (seconds < 10 * MINUTE)
		text_addf(&text, "%" PRId64 " min %" PRId64 " s", seconds / MINUTE,
			  seconds % MINUTE);
	else if (seconds < HOUR)
		text_addf(&text, "%" PRId64 " min", seconds / MINUTE);
	else if (seconds < DAY)
		text_addf(&text, "%" PRId64 " h %" PRId64 " min", seconds / HOUR,
			  seconds % HOUR / MINUTE);
	else
		text_addf(&text, "%" PRId64 " d %" PRId64 " h", seconds / DAY,
			  seconds % DAY / HOUR);
	return buffer;
}

const char *duration_countdown(int64_t seconds, char buffer[static DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, DURATION_BYTES);
	if (seconds >= DAY)
		text_addf(&text, "%" PRId64 " d ", seconds / DAY);
	if (seconds >= HOUR)
		text_addf(&text, "%" PRId64 ":%02" PRId64 ":", seconds % DAY / HOUR,
			  seconds % HOUR / MINUTE);
	else
		text_addf(&text, "%" PRId64 ":", seconds / MINUTE);
	text_addf(&text, "%02" PRId64, seconds % MINUTE);
	return buffer;
}
