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

uint64_t content_digest(const struct status_content_token *token)
{
	uint64_t digest = TOKENBROKER_SEGMENT_SUM_START;

	digest = add_numbers(digest, token);
	digest = add_strings(digest, token);
	digest = add_lists(digest, token);
	/* Whole: it is plain data, and its one pointer leads to constant text. */
	return tokenbroker_segment_sum(digest, token->record, sizeof(*token->record));
}
