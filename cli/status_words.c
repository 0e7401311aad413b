/* SPDX-License-Identifier: MIT */
#include "cli/status_words.h"

#include <inttypes.h>

#include "base/clock.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

const char *status_words_duration(int64_t seconds, char buffer[static STATUS_WORDS_DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, STATUS_WORDS_DURATION_BYTES);
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

const char *status_words_countdown(int64_t seconds, char buffer[static STATUS_WORDS_DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, STATUS_WORDS_DURATION_BYTES);
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

void status_words_error(struct text *text, const struct status_view_error *error)
{
	text_add(text, error->reason);
	if (error->http_status != 0)
		text_addf(text, " (HTTP %" PRIu64 ")", error->http_status);
	if (error->message[0] != '\0') {
		text_add(text, ": ");
		text_add(text, error->message);
	}
}

void status_words_revocations(struct text *text, size_t count)
{
	text_addf(text, "%zu old token%s not yet revoked at the server", count,
		  count == 1 ? "" : "s");
}

bool status_words_silence(struct text *text, const struct status_file_mark *mark,
			  int64_t now_realtime_ns)
{
	char duration[STATUS_WORDS_DURATION_BYTES];
	int64_t silent_s = (now_realtime_ns - mark->modified_ns) / NS_PER_S;

	if (status_file_is_of_a_stopped_broker(mark)) {
		text_add(text, "tokenbrokerd was stopped");
		return true;
	}
	if (!status_file_is_stale(mark, now_realtime_ns))
		return false;
	text_addf(text, "tokenbrokerd has not written for %s: stopped or stuck",
		  status_words_duration(silent_s, duration));
	return true;
}
