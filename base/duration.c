/* SPDX-License-Identifier: MIT */
#include "base/duration.h"

#include <inttypes.h>

#include "base/text.h"

const char *duration_text(int64_t seconds, char buffer[static DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, DURATION_BYTES);
	if (seconds < 60)
		text_addf(&text, "%" PRId64 " s", seconds);
	else if (seconds < 600)
		text_addf(&text, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	else if (seconds < 3600)
		text_addf(&text, "%" PRId64 " min", seconds / 60);
	else if (seconds < 86400)
		text_addf(&text, "%" PRId64 " h %" PRId64 " min", seconds / 3600,
			  seconds % 3600 / 60);
	else
		text_addf(&text, "%" PRId64 " d %" PRId64 " h", seconds / 86400,
			  seconds % 86400 / 3600);
	return buffer;
}
