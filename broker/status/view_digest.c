/* SPDX-License-Identifier: MIT */
#include "status/view_digest.h"

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

static uint64_t add_numbers(uint64_t digest, const struct status_token_view *view)
{
	digest = add_number(digest, view->state);
	digest = add_number(digest, view->generation);
	digest = add_number(digest, (uint64_t)view->obtained_at_ns);
	digest = add_number(digest, (uint64_t)view->expires_at_ns);
	digest = add_number(digest, (uint64_t)view->next_attempt_at_ns);
	digest = add_number(digest, (uint64_t)view->failing_since_ns);
	return add_number(digest, view->consecutive_failures);
}

static uint64_t add_strings(uint64_t digest, const struct status_token_view *view)
{
	digest = add_string(digest, view->name);
	digest = add_string(digest, view->provider);
	digest = add_string(digest, view->fingerprint);
	digest = add_string(digest, view->token_type);
	digest = add_string(digest, view->scope);
	return add_string(digest, view->segment);
}

static uint64_t add_lists(uint64_t digest, const struct status_token_view *view)
{
	digest = add_number(digest, view->readers->count);
	for (size_t i = 0; i < view->readers->count; i++)
		digest = add_string(digest, view->readers->items[i]);

	digest = add_number(digest, view->pending_revocation_count);
	for (size_t i = 0; i < view->pending_revocation_count; i++) {
		const struct status_pending_revocation *pending = &view->pending_revocations[i];

		digest = add_string(digest, pending->fingerprint);
		digest = add_number(digest, (uint64_t)pending->until_realtime_ns);
	}
	return digest;
}

uint64_t view_digest(const struct status_token_view *view)
{
	uint64_t digest = TOKENBROKER_SEGMENT_SUM_START;

	digest = add_numbers(digest, view);
	digest = add_strings(digest, view);
	digest = add_lists(digest, view);
	/* Whole: it is plain data, and its one pointer leads to constant text. */
	return tokenbroker_segment_sum(digest, view->record, sizeof(*view->record));
}
