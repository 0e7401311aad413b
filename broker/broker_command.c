/* SPDX-License-Identifier: MIT */
/* What comes in through the control socket: judged, carried out, counted, written to the log. */
#include "broker_private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "control/audit.h"
#include "control/request.h"

static struct control_policy policy_of(const struct broker *broker)
{
	return (struct control_policy){
		.broker_uid = broker->runtime_dir->uid,
		.has_http_uid = broker->has_http_uid,
		.http_uid = broker->http_uid,
		.admins = &broker->admins,
	};
}

static enum control_class classify(void *userdata, const struct control_peer *peer)
{
	const struct broker *broker = userdata;
	const struct control_policy policy = policy_of(broker);
	bool is_reader = false;

	for (size_t i = 0; i < broker->token_count && !is_reader; i++)
		is_reader = control_is_reader(&policy, peer, &broker->tokens[i]->readers);
	return control_classify(&policy, peer, is_reader);
}

static struct tokenbroker_control_answer answer_to(enum lifecycle_answer answer,
						   int64_t retry_after_ms)
{
	switch (answer) {
	case LIFECYCLE_ACCEPTED:
		return control_answer(TOKENBROKER_CONTROL_ACCEPTED);
	case LIFECYCLE_STALE:
		return control_answer(TOKENBROKER_CONTROL_STALE);
	case LIFECYCLE_TOO_SOON:
		return control_answer_later(TOKENBROKER_CONTROL_TOO_SOON, retry_after_ms);
	case LIFECYCLE_CONFLICT:
		return control_answer(TOKENBROKER_CONTROL_CONFLICT);
	case LIFECYCLE_INVALID:
		return control_answer(TOKENBROKER_CONTROL_INVALID);
	}
	return control_answer(TOKENBROKER_CONTROL_INVALID);
}

static struct tokenbroker_control_answer do_reject(struct managed_token *token, uint64_t generation,
						   bool *ret_leads_to_fetch)
{
	return answer_to(lifecycle_reject(&token->lifecycle, clock_boottime_ms(), generation,
					  ret_leads_to_fetch),
			 0);
}

static struct tokenbroker_control_answer do_refresh(struct managed_token *token)
{
	int64_t retry_after_ms = 0;
	enum lifecycle_answer answer =
		lifecycle_refresh(&token->lifecycle, clock_boottime_ms(), &retry_after_ms);

	return answer_to(answer, retry_after_ms);
}

static struct tokenbroker_control_answer do_revoke(struct managed_token *token)
{
	return answer_to(lifecycle_revoke(&token->lifecycle, clock_boottime_ms()), 0);
}

/* What a restart must know of the token that is withdrawn. Before it is. */
static void fill_marker(struct managed_token *token)
{
	const struct publication_content *content = publication_content(token->publication);
	bool has_revocation = token->config->revoke_url[0] != '\0';

	token->marker = (struct suspend_marker){.revocation = SUSPEND_REVOCATION_UNKNOWN};
	if (content == NULL || content->length == 0) {
		broker_note_pending(token, &token->marker);
		return;
	}
	digest_fingerprint(content->token, content->length, token->marker.fingerprint);
	token->marker.expires_realtime_ns = content->expires_realtime_ns;
	if (!has_revocation)
		token->marker.revocation = SUSPEND_REVOCATION_FAILED;
}

static struct tokenbroker_control_answer do_suspend(struct managed_token *token)
{
	const struct suspend_marker_key key = managed_token_marker_key(token);
	int r = 0;

	if (!token->is_marked) {
		fill_marker(token);
		(void)lifecycle_suspend(&token->lifecycle);
		managed_token_revoke_current(token, clock_boottime_ms());
		managed_token_withdraw(token); /* readers first, then the disk */
		token->is_marked = true;
		log_warning(
			token->broker->log, "token %s: suspended, readers have none%s",
			token->config->name,
			token->config->revoke_url[0] != '\0'
				? ""
				: "; without revoke_url it lives at the server until it expires");
	}
	if (!token->has_durable_marker) {
		r = suspend_marker_write(&token->broker->state_directory, &key, &token->marker);
		token->has_durable_marker = r == 0;
	}
	if (r == 0) {
		if (token->failing == TOKEN_STATE_DIRECTORY)
			token->failing = TOKEN_OK;
		return control_answer(TOKENBROKER_CONTROL_ACCEPTED);
	}
	managed_token_fault(token, TOKEN_STATE_DIRECTORY, strerror(-r),
			    "suspended, but will not survive a restart: mend the state directory, "
			    "then suspend again");
	return control_answer(TOKENBROKER_CONTROL_NOT_DURABLE);
}

static struct tokenbroker_control_answer do_resume(struct managed_token *token)
{
	const struct suspend_marker_key key = managed_token_marker_key(token);
	int r;

	if (!token->is_marked)
		return control_answer(TOKENBROKER_CONTROL_ACCEPTED);
	r = suspend_marker_remove(&token->broker->state_directory, &key);
	if (r < 0) {
		token->has_durable_marker = false; /* it may be gone, or go with a loss of power */
		managed_token_fault(token, TOKEN_STATE_DIRECTORY, strerror(-r),
				    "still suspended: the marker in the state directory cannot be "
				    "removed");
		return control_answer(TOKENBROKER_CONTROL_CONFLICT);
	}
	token->is_marked = false;
	token->has_durable_marker = false;
	token->failing = TOKEN_OK;
	(void)lifecycle_resume(&token->lifecycle);
	managed_token_withdraw(token);
	log_info(token->broker->log, "token %s: resumed", token->config->name);
	return control_answer(TOKENBROKER_CONTROL_ACCEPTED);
}

static struct tokenbroker_control_answer
carry_out(struct managed_token *token, const struct tokenbroker_control_request *request,
	  bool *ret_leads_to_fetch)
{
	struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_INVALID);

	switch ((enum tokenbroker_control_command)request->command) {
	case TOKENBROKER_CONTROL_REJECT:
		answer = do_reject(token, request->generation, ret_leads_to_fetch);
		break;
	case TOKENBROKER_CONTROL_REFRESH:
		answer = do_refresh(token);
		break;
	case TOKENBROKER_CONTROL_REVOKE:
		answer = do_revoke(token);
		break;
	case TOKENBROKER_CONTROL_SUSPEND:
		answer = do_suspend(token);
		break;
	case TOKENBROKER_CONTROL_RESUME:
		answer = do_resume(token);
		break;
	}
	answer.generation = token->lifecycle.generation;
	answer.state = (uint32_t)managed_token_segment_state(token);
	if (token->config->revoke_url[0] == '\0')
		answer.flags |= TOKENBROKER_CONTROL_NO_REVOKE_URL;
	managed_token_changed(token);
	return answer;
}

/* Whatever log_level says: who did what is no detail. */
static void write_audit_line(const struct broker *broker,
			     const struct tokenbroker_control_request *request, const char *who,
			     const struct tokenbroker_control_answer *answer)
{
	struct log log = *broker->log;
	char line[AUDIT_LINE_BYTES];

	if (log.level < LOG_LEVEL_INFO)
		log.level = LOG_LEVEL_INFO;
	log_info(&log, "%s", audit_line(request, who, answer, line));
}

static void handle(void *userdata, const struct control_peer *peer,
		   const struct tokenbroker_control_request *request,
		   struct tokenbroker_control_answer *answer)
{
	struct broker *broker = userdata;
	const struct control_policy policy = policy_of(broker);
	struct managed_token *token = broker_find_token(broker, request->name);
	bool is_rejection = request->command == TOKENBROKER_CONTROL_REJECT;
	struct control_verdict verdict;
	bool is_audited = !is_rejection;

	verdict = control_authorize(&policy, peer, request, token != NULL ? &token->readers : NULL);
	if (token == NULL && (is_rejection || verdict.is_allowed))
		*answer = control_answer(TOKENBROKER_CONTROL_UNKNOWN);
	else if (!verdict.is_allowed)
		*answer = control_answer(TOKENBROKER_CONTROL_DENIED);
	else
		*answer = carry_out(token, request, is_rejection ? &is_audited : &(bool){false});
	if (is_rejection && token != NULL) {
		status_record_rejection(&token->record,
					(enum tokenbroker_control_result)answer->result);
		managed_token_changed(token);
	}
	if (is_audited)
		write_audit_line(broker, request, verdict.who, answer);
}

static void on_refused(void *userdata, const struct tokenbroker_control_request *request,
		       enum tokenbroker_control_result result)
{
	struct managed_token *token = broker_find_token(userdata, request->name);

	if (token == NULL || request->command != TOKENBROKER_CONTROL_REJECT)
		return;
	status_record_rejection(&token->record, result);
	managed_token_changed(token);
}

const char *broker_control_obstacle(const struct broker *broker)
{
	int error = control_server_counts(broker->control)->pause_error;

	return error == -EBUSY ? "a client holds up the closing of others" : strerror(-error);
}

/* They are tried ten times a second: a while without such a pause says that it is over. */
int64_t broker_look_at_control(struct broker *broker, int64_t now_ms)
{
	uint64_t pauses = broker->control != NULL ? control_server_counts(broker->control)->paused
						  : broker->control_pauses;

	if (pauses > broker->control_pauses) {
		if (broker->control_calm_at_ms == 0) {
			log_warning(broker->log, BROKER_CONTROL_WAITS "%s",
				    broker_control_obstacle(broker));
			status_writer_mark_changed(&broker->status_writer);
		}
		broker->control_calm_at_ms = now_ms + BROKER_TICK_MS;
	} else if (broker->control_calm_at_ms != 0 && broker->control_calm_at_ms <= now_ms) {
		log_info(broker->log, TOKENBROKER_CONTROL_SOCKET ": no connection waits any more");
		broker->control_calm_at_ms = 0;
		status_writer_mark_changed(&broker->status_writer);
	}
	broker->control_pauses = pauses;
	return broker->control_calm_at_ms != 0 ? broker->control_calm_at_ms : LIFECYCLE_NEVER_MS;
}

const struct control_ops broker_control_ops = {
	.classify = classify,
	.handle = handle,
	.on_refused = on_refused,
};
