/* SPDX-License-Identifier: MIT */
#include "base/status_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER(key, field) JSON_MEMBER_COUNT(key, struct status_view_counters, field)

static const struct json_member fetches_members[] = {
	COUNTER("ok", fetches_ok),
	COUNTER("failed", fetches_failed),
};

static const struct json_member revocations_members[] = {
	COUNTER("ok", revocations_ok),
	COUNTER("failed", revocations_failed),
};

static const struct json_member rejections_members[] = {
	COUNTER("accepted", rejections.accepted), COUNTER("stale", rejections.stale),
	COUNTER("denied", rejections.denied),     COUNTER("conflict", rejections.conflict),
	COUNTER("invalid", rejections.invalid),   COUNTER("busy", rejections.busy),
};

static const struct json_member counters_members[] = {
	COUNTER("publishes", publishes),
};

static const struct counter_group {
	const char *key; /* of the object in "counters" */
	const struct json_member *members;
	size_t count;
} counter_groups[] = {
	{"fetches", fetches_members, COUNT_OF(fetches_members)},
	{"revocations", revocations_members, COUNT_OF(revocations_members)},
	{"rejections", rejections_members, COUNT_OF(rejections_members)},
};

static const struct json_member duration_members[] = {
	JSON_MEMBER_COUNT("count", struct status_view_duration, count),
};

static const struct json_member outcome_members[] = {
	JSON_MEMBER_TIME("at", struct status_view_outcome, at_s),
	JSON_MEMBER_COUNT("ms", struct status_view_outcome, duration_ms),
};

/* false: it could be shown as something else than it is. */
static bool copy_reason(const char *text, char ret[static STATUS_VIEW_REASON_BYTES])
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (length == 0 || length >= STATUS_VIEW_REASON_BYTES || text[length] != '\0')
		return false;
	memcpy(ret, text, length + 1);
	return true;
}

static int read_counter_group(const struct json_place *counters, const struct counter_group *group,
			      struct status_view_counters *ret)
{
	struct json_place place;
	int r = json_read_object(counters, group->key, &place);

	if (r < 0 || place.object == NULL)
		return r;
	return json_read_members(&place, group->members, group->count, ret);
}

static int read_fetch_errors(const struct json_place *counters, struct status_view_counters *ret)
{
	struct json_named_count entries[STATUS_VIEW_REASONS_MAX];
	struct json_place place;
	size_t count = 0;
	int r = json_read_object(counters, "fetch_errors", &place);

	if (r == 0 && place.object != NULL)
		r = json_read_named_counts(&place, entries, COUNT_OF(entries), &count);
	if (r < 0 || count == 0)
		return r;
	ret->fetch_errors = calloc(count, sizeof(*ret->fetch_errors));
	if (ret->fetch_errors == NULL)
		return -ENOMEM;
	ret->fetch_error_count = count;
	for (size_t i = 0; i < count; i++) {
		if (!copy_reason(entries[i].name, ret->fetch_errors[i].reason))
			return json_wrong(&place, NULL, "not a reason");
		ret->fetch_errors[i].count = entries[i].count;
	}
	return 0;
}

static int read_counters(const struct json_place *token, struct status_view_counters *ret)
{
	struct json_place place;
	int r = json_read_object(token, "counters", &place);

	if (r < 0 || place.object == NULL)
		return r;
	r = json_read_members(&place, counters_members, COUNT_OF(counters_members), ret);
	for (size_t i = 0; i < COUNT_OF(counter_groups) && r == 0; i++)
		r = read_counter_group(&place, &counter_groups[i], ret);
	return r < 0 ? r : read_fetch_errors(&place, ret);
}

/* Seconds as the broker writes a bound: "15", "0.5". Safe in a label, and never inf or nan. No
 * strtod(3), which would take the locale's decimal point for ours. */
static bool copy_bound(const char *text, struct status_view_bucket *ret)
{
	size_t length = strspn(text, "0123456789.");
	double digits = 0;
	double scale = 0; /* 0 before the point, then 1, 10, 100 */

	if (length == 0 || length >= sizeof(ret->bound) || text[length] != '\0')
		return false;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '.' && (at == text || scale > 0))
			return false;
		digits = *at == '.' ? digits : digits * 10 + (*at - '0');
		scale = *at == '.' ? 1 : scale * 10;
	}
	if (scale == 1) /* nothing behind the point */
		return false;
	memcpy(ret->bound, text, length + 1);
	ret->bound_s = scale > 0 ? digits / scale : digits;
	return true;
}

static int read_buckets(const struct json_place *duration, struct status_view_duration *ret)
{
	struct json_named_count entries[STATUS_VIEW_BUCKETS_MAX];
	const struct status_view_bucket *before = NULL;
	struct json_place place;
	size_t count = 0;
	int r = json_read_object(duration, "buckets", &place);

	if (r == 0 && place.object != NULL)
		r = json_read_named_counts(&place, entries, COUNT_OF(entries), &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct status_view_bucket *bucket = &ret->buckets[i];

		if (!copy_bound(entries[i].name, bucket))
			return json_wrong(&place, NULL, "not a number of seconds");
		bucket->count = entries[i].count;
		if (before != NULL &&
		    (bucket->bound_s <= before->bound_s || bucket->count < before->count))
			return json_wrong(&place, NULL, "bounds or counts do not rise");
		before = bucket;
	}
	ret->bucket_count = count;
	return before != NULL && before->count > ret->count
		       ? json_wrong(&place, NULL, "more than count says")
		       : 0;
}

static int read_duration(const struct json_place *token, struct status_view_duration *ret)
{
	struct json_place place;
	int r = json_read_object(token, "fetch_duration", &place);

	if (r < 0 || place.object == NULL)
		return r;
	r = json_read_members(&place, duration_members, COUNT_OF(duration_members), ret);
	if (r == 0)
		r = json_read_number(&place, "sum", &ret->sum_s);
	return r < 0 ? r : read_buckets(&place, ret);
}

static int read_outcome(const struct json_place *place, struct status_view_outcome *ret)
{
	const char *result = "";
	int r = json_read_members(place, outcome_members, COUNT_OF(outcome_members), ret);

	if (r == 0)
		r = json_read_string(place, "result", &result);
	if (r < 0)
		return r;
	return copy_reason(result, ret->result) ? 0 : json_wrong(place, "result", "not a reason");
}

static int read_history(const struct json_place *place, struct status_view_token *token)
{
	struct json_place array;
	size_t count, kept;
	int r = json_read_array(place, "history", STATUS_VIEW_ENTRIES_MAX, &array, &count);

	if (r < 0 || count == 0)
		return r;
	kept = count < STATUS_VIEW_HISTORY_MAX ? count : STATUS_VIEW_HISTORY_MAX;
	token->history = calloc(kept, sizeof(*token->history));
	if (token->history == NULL)
		return -ENOMEM;
	token->history_count = kept;
	for (size_t i = 0; i < kept && r == 0; i++) {
		struct json_place entry;

		r = json_read_object_at(&array, count - kept + i, &entry);
		if (r == 0)
			r = read_outcome(&entry, &token->history[i]);
	}
	return r;
}

int status_parse_record(const struct json_place *place, struct status_view_token *token)
{
	int r = read_counters(place, &token->counters);

	if (r == 0)
		r = read_duration(place, &token->fetch_duration);
	return r < 0 ? r : read_history(place, token);
}
