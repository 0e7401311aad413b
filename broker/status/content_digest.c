/* SPDX-License-Identifier: MIT */
#include "status/content_digest.h"

#include <string.h>

static uint64_t add_number(uint64_t digest, uint64_t number)
{
	return tokenbroker_segment_sum(digest, &number, sizeof(number));
}

/* With its NUL, so that two strings cannot trade bytes. */
static uint64_t add_string(uint64_t digest, const char *string)
{
	if (string == NULL)
		string = "";
	return tokenbroker_segment_sum(digest, string, strlen(string) + 1);
}

static uint64_t add_numbers(uint64_t digest, const struct status_content_token *token)
{
	digest = add_number(digest, token->state);
	digest = add_number(digest, token->generation);
	digest = add_number(digest, (uint64_t)token->obtained_at_ns);
	digest = add_number(digest, (uint64_t)token->expires_at_ns);
	digest = add_number(digest, (uint64_t)token->next_attempt_at_ns);
	digest = add_number(digest, (uint64_t)token->failing_since_ns);
	return add_number(digest, token->consecutive_failures);
}

static uint64_t add_strings(uint64_t digest, const struct status_content_token *token)
{
	digest = add_string(digest, token->name);
	digest = add_string(digest, token->provider);
	digest = add_string(digest, token->fingerprint);
	digest = add_string(digest, token->token_type);
	digest = add_string(digest, token->scope);
	return add_string(digest, token->segment);
}

static uint64_t add_lists(uint64_t digest, const struct status_content_token *token)
{
	digest = add_number(digest, token->readers->count);
	for (size_t i = 0; i < token->readers->count; i++)
		digest = add_string(digest, token->readers->items[i]);

	digest = add_number(digest, token->pending_revocation_count);
	for (size_t i = 0; i < token->pending_revocation_count; i++) {
		const struct status_pending_revocation *pending = &token->pending_revocations[i];

		digest = add_string(digest, pending->fingerprint);
		digest = add_number(digest, (uint64_t)pending->until_realtime_ns);
	}
	return digest;
}

static uint64_t add_all(uint64_t digest, const uint64_t *numbers, size_t count)
{
	return tokenbroker_segment_sum(digest, numbers, count * sizeof(*numbers));
}

static uint64_t add_counters(uint64_t digest, const struct status_record *record)
{
	const struct status_rejections *rejections = &record->rejections;
	const uint64_t numbers[] = {
		record->fetches_ok,      record->fetches_failed, record->revocations_ok,
		record->publishes,       record->duration_count, record->revocations_failed,
		rejections->accepted,    rejections->stale,      rejections->denied,
		rejections->conflict,    rejections->invalid,    rejections->busy,
		record->duration_sum_ms,
	};

	digest = add_all(digest, numbers, sizeof(numbers) / sizeof(*numbers));
	digest = add_all(digest, record->fetch_errors, TOKEN_REASON_COUNT);
	return add_all(digest, record->durations, STATUS_DURATION_BUCKETS);
}

/* How many there were counts, too: a new outcome may be the same as the one it pushes out. */
static uint64_t add_history(uint64_t digest, const struct status_record *record)
{
	digest = add_number(digest, record->outcome_count);
	for (size_t i = 0; i < STATUS_HISTORY; i++) {
		const struct status_outcome *outcome = &record->history[i];

		digest = add_number(digest, (uint64_t)outcome->at_realtime_ns);
		digest = add_number(digest, (uint64_t)outcome->duration_ms);
		digest = add_number(digest, outcome->reason);
	}
	return digest;
}

static uint64_t add_last_error(uint64_t digest, const struct status_record *record)
{
	const struct status_error *error = &record->last_error;

	if (!record->has_last_error)
		return add_number(digest, 0);
	digest = add_number(digest, 1);
	digest = add_number(digest, (uint64_t)error->at_realtime_ns);
	digest = add_number(digest, error->reason);
	digest = add_number(digest, (uint64_t)error->http_status);
	digest = add_string(digest, error->message.text);
	return add_string(digest, error->hint);
}

/* Value by value: what lies between the members, and behind the end of a text, is anything. */
uint64_t content_digest(const struct status_content_token *token)
{
	uint64_t digest = TOKENBROKER_SEGMENT_SUM_START;

	digest = add_numbers(digest, token);
	digest = add_strings(digest, token);
	digest = add_lists(digest, token);
	digest = add_counters(digest, token->record);
	digest = add_history(digest, token->record);
	return add_last_error(digest, token->record);
}
