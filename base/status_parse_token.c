/* SPDX-License-Identifier: MIT */
#include "base/status_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json_member token_members[] = {
	JSON_MEMBER_COUNT("generation", struct status_view_token, generation),
	JSON_MEMBER_TEXT("provider", struct status_view_token, provider),
	JSON_MEMBER_TEXT("token_type", struct status_view_token, token_type),
	JSON_MEMBER_TEXT("scope", struct status_view_token, scope),
	JSON_MEMBER_TEXT("segment", struct status_view_token, segment),
	JSON_MEMBER_TIME("obtained_at", struct status_view_token, obtained_at_s),
	JSON_MEMBER_TIME("expires_at", struct status_view_token, expires_at_s),
	JSON_MEMBER_TIME("next_attempt_at", struct status_view_token, next_attempt_at_s),
	JSON_MEMBER_TIME("failing_since", struct status_view_token, failing_since_s),
	JSON_MEMBER_COUNT("consecutive_failures", struct status_view_token, consecutive_failures),
};

static const struct json_member error_members[] = {
	JSON_MEMBER_TIME("at", struct status_view_error, at_s),
	JSON_MEMBER_COUNT("http_status", struct status_view_error, http_status),
	JSON_MEMBER_TEXT("reason", struct status_view_error, reason),
	JSON_MEMBER_TEXT("message", struct status_view_error, message),
	JSON_MEMBER_TEXT("hint", struct status_view_error, hint),
};

static const struct json_member revocation_members[] = {
	JSON_MEMBER_TIME("until", struct status_view_revocation, until_s),
};

static int read_name(const struct json_place *place, struct status_view_token *token)
{
	const char *value = "";
	int r = json_read_string(place, "name", &value);

	if (r < 0)
		return r;
	if (!token_name_is_valid(value))
		return json_wrong(place, "name", "not a token name");
	(void)snprintf(token->name, sizeof(token->name), "%s", value);
	return 0;
}

static int read_state(const struct json_place *place, struct status_view_token *token)
{
	const char *value = "";
	int r = json_read_string(place, "state", &value);

	if (r < 0 || status_view_state_parse(value, &token->state))
		return r;
	return json_wrong(place, "state", "not a state this version knows");
}

static int read_fingerprint(const struct json_place *place,
			    char ret[static STATUS_VIEW_FINGERPRINT_BYTES])
{
	const char *value = "";
	int r = json_read_string(place, "fingerprint", &value);

	if (r < 0)
		return r;
	if (strspn(value, "0123456789abcdef") != strlen(value) ||
	    (value[0] != '\0' && strlen(value) != STATUS_VIEW_FINGERPRINT_BYTES - 1))
		return json_wrong(place, "fingerprint", "not 12 hex digits");
	(void)snprintf(ret, STATUS_VIEW_FINGERPRINT_BYTES, "%s", value);
	return 0;
}

static int read_last_error(const struct json_place *place, struct status_view_token *token)
{
	struct json_place last;
	int r = json_read_object(place, "last_error", &last);

	if (r < 0 || last.object == NULL)
		return r;
	token->has_last_error = true;
	return json_read_members(&last, error_members, COUNT_OF(error_members), &token->last_error);
}

static int read_revocation(const struct json_place *place, struct status_view_revocation *ret)
{
	int r = read_fingerprint(place, ret->fingerprint);

	if (r < 0)
		return r;
	return json_read_members(place, revocation_members, COUNT_OF(revocation_members), ret);
}

static int read_revocations(const struct json_place *place, struct status_view_token *token)
{
	struct json_place array;
	size_t count;
	int r = json_read_array(place, "pending_revocations", STATUS_VIEW_ENTRIES_MAX, &array,
				&count);

	if (r < 0 || count == 0)
		return r;
	token->pending_revocations = calloc(count, sizeof(*token->pending_revocations));
	if (token->pending_revocations == NULL)
		return -ENOMEM;
	token->pending_revocation_count = count;
	for (size_t i = 0; i < count && r == 0; i++) {
		struct json_place entry;

		r = json_read_object_at(&array, i, &entry);
		if (r == 0)
			r = read_revocation(&entry, &token->pending_revocations[i]);
	}
	return r;
}

int status_parse_token(const struct json_place *place, struct status_view_token *token)
{
	int r = read_name(place, token);

	if (r == 0)
		r = read_state(place, token);
	if (r == 0)
		r = read_fingerprint(place, token->fingerprint);
	if (r == 0)
		r = json_read_members(place, token_members, COUNT_OF(token_members), token);
	if (r == 0)
		r = read_last_error(place, token);
	if (r == 0)
		r = read_revocations(place, token);
	if (r == 0)
		r = json_read_texts(place, "readers", STATUS_VIEW_ENTRIES_MAX, &token->readers,
				    &token->reader_count);
	return r < 0 ? r : status_parse_record(place, token);
}
