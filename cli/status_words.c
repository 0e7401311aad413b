/* SPDX-License-Identifier: MIT */
#include "cli/status_words.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/duration.h"

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
	char duration[DURATION_BYTES];
	int64_t silent_s = (now_realtime_ns - mark->modified_ns) / NS_PER_S;

	if (status_file_is_of_a_stopped_broker(mark)) {
		text_add(text, "tokenbrokerd was stopped");
		return true;
	}
	if (!status_file_is_stale(mark, now_realtime_ns))
		return false;
	text_addf(text, "tokenbrokerd has not written for %s: stopped or stuck",
		  duration_text(silent_s, duration));
	return true;
}
