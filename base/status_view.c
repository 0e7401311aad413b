/* SPDX-License-Identifier: MIT */
#include "base/status_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[STATUS_VIEW_PENDING] = "pending",
	[STATUS_VIEW_VALID] = "valid",
	[STATUS_VIEW_EXPIRED] = "expired",
	[STATUS_VIEW_SUSPENDED] = "suspended",
};

enum { STATE_COUNT = sizeof(state_names) / sizeof(state_names[0]) };

/* texts may be NULL if count is 0; so may be each of them. */
static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void fini_token(struct status_view_token *token)
{
	free(token->provider);
	free(token->token_type);
	free(token->scope);
	free(token->segment);
	free(token->last_error.reason);
	free(token->last_error.message);
	free(token->last_error.hint);
	free(token->pending_revocations);
	free_texts(token->readers, token->reader_count);
	free(token->counters.fetch_errors);
	free(token->history);
}

void status_view_free(struct status_view *view)
{
	if (view == NULL)
		return;
	for (size_t i = 0; i < view->token_count; i++)
		fini_token(&view->tokens[i]);
	free(view->tokens);
	free_texts(view->config_warnings, view->config_warning_count);
	free(view->config_error);
	free(view->version);
	free(view);
}

const struct status_view_token *status_view_find(const struct status_view *view, const char *name)
{
	for (size_t i = 0; i < view->token_count; i++)
		if (strcmp(view->tokens[i].name, name) == 0)
			return &view->tokens[i];
	return NULL;
}

enum status_view_state status_view_state_at(const struct status_view_token *token, int64_t now_s)
{
	if (token->state == STATUS_VIEW_VALID && token->expires_at_s != 0 &&
	    token->expires_at_s <= now_s)
		return STATUS_VIEW_EXPIRED;
	return token->state;
}

bool status_view_is_usable_at(const struct status_view_token *token, int64_t now_s)
{
	return status_view_state_at(token, now_s) == STATUS_VIEW_VALID;
}

/* What went wrong before the token that now serves is history; that the server gave one again which
 * the API refuses is not, although it serves. */
static bool is_current(const struct status_view_error *error, const struct status_view_token *token)
{
	return strcmp(error->reason, "rejected_token_returned") == 0 &&
	       error->at_s >= token->obtained_at_s;
}

const struct status_view_error *status_view_current_error(const struct status_view_token *token,
							  int64_t now_s)
{
	enum status_view_state state = status_view_state_at(token, now_s);

	if (!token->has_last_error)
		return NULL;
	/* failing_since alone is enough: publishing and suspending fail without a failed fetch. */
	if (token->failing_since_s != 0 || token->consecutive_failures > 0 ||
	    state == STATUS_VIEW_PENDING || state == STATUS_VIEW_EXPIRED ||
	    is_current(&token->last_error, token))
		return &token->last_error;
	return NULL;
}

const char *status_view_state_name(enum status_view_state state)
{
	assert((unsigned)state < STATE_COUNT);
	return state_names[state];
}

bool status_view_state_parse(const char *name, enum status_view_state *ret)
{
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum status_view_state)i;
			return true;
		}
	}
	return false;
}
