/* SPDX-License-Identifier: MIT */
#include "cli/outcome.h"

#include <stdbool.h>
#include <string.h>

#include "tokenbroker_segment.h"

void outcome_baseline_init(struct outcome_baseline *baseline,
			   enum tokenbroker_control_command command, const struct status_view *view,
			   const char *name, int64_t now_s)
{
	const struct status_view_token *token = status_view_find(view, name);

	*baseline = (struct outcome_baseline){
		.command = command,
		.sent_at_s = now_s,
		.started_at_s = view->started_at_s,
	};
	if (token == NULL)
		return;
	baseline->generation = token->generation;
	baseline->fetches_ok = token->counters.fetches_ok;
	baseline->fetches_failed = token->counters.fetches_failed;
	baseline->revocations_ok = token->counters.revocations_ok;
	baseline->revocations_failed = token->counters.revocations_failed;
	memcpy(baseline->fingerprint, token->fingerprint, sizeof(baseline->fingerprint));
}

void outcome_baseline_accepted(struct outcome_baseline *baseline,
			       const struct tokenbroker_control_answer *answer)
{
	/* The document may be a tenth of a second behind, the answer may not tell. */
	if (answer->generation > baseline->generation)
		baseline->generation = answer->generation;
	baseline->state = answer->state;
}

/* What has been added; a restarted broker counts from zero. */
static bool has_risen(const struct outcome_baseline *baseline, const struct status_view *view,
		      uint64_t before, uint64_t now)
{
	return now > (view->started_at_s == baseline->started_at_s ? before : 0);
}

static enum outcome judge_fetch(const struct outcome_baseline *baseline,
				const struct status_view *view,
				const struct status_view_token *token, int64_t now_s)
{
	bool is_usable = status_view_is_usable_at(token, now_s);

	if (is_usable && token->generation > baseline->generation)
		return OUTCOME_DONE;
	if (is_usable &&
	    has_risen(baseline, view, baseline->fetches_ok, token->counters.fetches_ok))
		return OUTCOME_DONE_SAME_TOKEN;
	if (has_risen(baseline, view, baseline->fetches_failed, token->counters.fetches_failed) &&
	    token->has_last_error && token->last_error.at_s >= baseline->sent_at_s)
		return OUTCOME_FETCH_FAILED;
	return OUTCOME_OPEN;
}

static bool is_pending(const struct status_view_token *token, const char *fingerprint)
{
	for (size_t i = 0; i < token->pending_revocation_count; i++)
		if (strcmp(token->pending_revocations[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

/* A failed fetch is no outcome here: the broker then withdraws the token without a successor. */
static enum outcome judge_revocation(const struct outcome_baseline *baseline,
				     const struct status_view *view,
				     const struct status_view_token *token, int64_t now_s)
{
	bool is_usable = status_view_is_usable_at(token, now_s);

	if (is_usable && token->generation <= baseline->generation)
		return OUTCOME_OPEN;
	/* The counters also count tokens that were replaced earlier. */
	if (has_risen(baseline, view, baseline->revocations_ok, token->counters.revocations_ok) &&
	    !is_pending(token, baseline->fingerprint))
		return is_usable ? OUTCOME_DONE : OUTCOME_DONE_NO_TOKEN;
	if (has_risen(baseline, view, baseline->revocations_failed,
		      token->counters.revocations_failed))
		return OUTCOME_REVOCATION_FAILED;
	return OUTCOME_OPEN;
}

enum outcome outcome_judge(const struct outcome_baseline *baseline, const struct status_view *view,
			   const char *name, int64_t now_s)
{
	const struct status_view_token *token = status_view_find(view, name);

	if (token == NULL)
		return OUTCOME_GONE;
	switch (baseline->command) {
	case TOKENBROKER_CONTROL_REFRESH:
		return judge_fetch(baseline, view, token, now_s);
	case TOKENBROKER_CONTROL_RESUME:
		/* Nothing to wait for if it was not suspended. */
		if (baseline->state == TOKENBROKER_SEGMENT_VALID)
			return OUTCOME_DONE;
		return judge_fetch(baseline, view, token, now_s);
	case TOKENBROKER_CONTROL_REVOKE:
		return judge_revocation(baseline, view, token, now_s);
	case TOKENBROKER_CONTROL_SUSPEND:
		return token->state == STATUS_VIEW_SUSPENDED ? OUTCOME_DONE : OUTCOME_OPEN;
	case TOKENBROKER_CONTROL_REJECT:
		break;
	}
	return OUTCOME_DONE; /* the broker's answer is the outcome */
}
