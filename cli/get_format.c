/* SPDX-License-Identifier: MIT */
#include "cli/get_format.h"

#include <inttypes.h>

const char *get_format_time(int64_t seconds, char buffer[static CLOCK_RFC3339_BYTES])
{
	const int64_t most = INT64_MAX / NS_PER_S;

	if (seconds > most)
		seconds = most;
	if (seconds < -most)
		seconds = -most;
	return clock_rfc3339(seconds * NS_PER_S, buffer);
}

void get_format(struct text *text, enum arguments_format format, const char *value,
		const struct tokenbroker_info *info)
{
	char when[CLOCK_RFC3339_BYTES];

	switch (format) {
	case ARGUMENTS_FORMAT_RAW:
		text_add(text, value);
		text_add(text, "\n");
		return;
	case ARGUMENTS_FORMAT_HEADER:
		text_add(text, "Authorization: Bearer ");
		text_add(text, value);
		text_add(text, "\n");
		return;
	case ARGUMENTS_FORMAT_JSON:
		text_add(text, "{\"access_token\":\"");
		text_add(text, value);
		text_addf(text,
			  "\",\"token_type\":\"Bearer\",\"generation\":%" PRIu64
			  ",\"expires_at\":\"%s\",\"remaining_ms\":%" PRId64 "}\n",
			  info->generation, get_format_time(info->expires_at, when),
			  info->remaining_ms);
		return;
	case ARGUMENTS_FORMAT_CURL_CONFIG:
		text_add(text, "oauth2-bearer = \"");
		text_add(text, value);
		text_add(text, "\"\n");
		return;
	}
}
