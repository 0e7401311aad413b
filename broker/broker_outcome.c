/* SPDX-License-Identifier: MIT */
/*
 * What is due for a token, and what the outcome of each fetch leads to: the state machine decides,
 * this carries it out.
 */
#include "broker_private.h"

#include <string.h>

#include "base/clock.h"

static void log_good(struct managed_token *token, bool was_usable, const char *expires)
{
	const struct log *log = token->broker->log;
	const char *name = token->config->name;
	unsigned long long generation = token->lifecycle.generation;

	if (token->failing != TOKEN_OK || !was_usable)
		log_info(log, "token %s: valid, generation %llu, until %s", name, generation,
			 expires);
	else
		log_debug(log, "token %s: refreshed, generation %llu, until %s", name, generation,
			  expires);
	token->failing = TOKEN_OK;
}

/* What to do with the token that the new one replaces; called while it is still published. */
static void revoke_replaced(struct managed_token *token, bool is_ordered, int64_t now_ms)
{
	int64_t after_s = token->config->revoke_replaced_after_s;

	if (is_ordered)
		managed_token_revoke_current(token, now_ms);
	else if (after_s >= 0)
		managed_token_revoke_current(token, now_ms + after_s * MS_PER_S);
}

/* Readers have the former token still, which must die now, or live until its successor is out. */
static void keep_from_readers_or_keep_alive(struct managed_token *token, bool is_ordered)
{
	if (!is_ordered) {
		broker_hold_revocation(token);
		return;
	}
	log_warning(token->broker->log,
		    "token %s: withdrawn to be revoked, readers have none: its successor could not "
		    "be published",
		    token->config->name);
	publication_withdraw_published(token->publication, clock_boottime_ns());
}

static void publish_fetched(struct managed_token *token, const struct source_outcome *outcome,
			    const struct lifecycle_outcome *decided,
			    const uint8_t digest[static DIGEST_BYTES], bool is_same)
{
	int64_t sent_ms = outcome->sent_boottime_ns / NS_PER_MS;
	const struct publication_content content = {
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = decided->generation,
		.expires_boottime_ns = decided->expires_at_ms * NS_PER_MS,
		.expires_realtime_ns =
			outcome->sent_realtime_ns + (decided->expires_at_ms - sent_ms) * NS_PER_MS,
		.issued_realtime_ns = outcome->sent_realtime_ns,
		.source_id = token->source_id,
		.token = outcome->token->data,
		.length = outcome->token->length,
	};
	bool was_usable = managed_token_content(token) != NULL;
	bool is_replaced_to_die =
		decided->revoke_replaced || token->config->revoke_replaced_after_s >= 0;
	char expires[CLOCK_RFC3339_BYTES];

	if (!is_same)
		revoke_replaced(token, decided->revoke_replaced, clock_boottime_ms());
	managed_token_put(token, &content, is_replaced_to_die); /* else three more refreshes do */
	if (!is_same && token->publish_error < 0)
		keep_from_readers_or_keep_alive(token, decided->revoke_replaced);

	memcpy(token->facts.digest, digest, DIGEST_BYTES);
	token->facts.has_digest = true;
	digest_fingerprint(content.token, content.length, token->facts.fingerprint);
	token->facts.obtained_realtime_ns = content.issued_realtime_ns;
	token->facts.expires_realtime_ns = content.expires_realtime_ns;
	memcpy(token->facts.scope, outcome->scope, sizeof(token->facts.scope));
	if (decided->is_rejected_token)
		managed_token_fault(token, TOKEN_REJECTED_TOKEN_RETURNED,
				    "the server gave the token again that the API refused",
				    "has the application the rights that the API asks for?");
	else if (token->publish_error == 0) /* else readers do not have it yet */
		log_good(token, was_usable, clock_rfc3339(content.expires_realtime_ns, expires));
}

static int64_t lifetime_ms(const struct managed_token *token, const struct source_outcome *outcome)
{
	return outcome->has_lifetime ? outcome->lifetime_ms
				     : token->config->default_lifetime_s * MS_PER_S;
}

static void revoke_received(struct managed_token *token, const struct source_outcome *outcome,
			    int64_t now_ms)
{
	int64_t life_ms = lifetime_ms(token, outcome);
	const struct revocation_order order = {
		.token = outcome->token->data,
		.length = outcome->token->length,
		.first_at_ms = now_ms,
		.until_ms = outcome->sent_boottime_ns / NS_PER_MS + life_ms,
		.until_realtime_ns = outcome->sent_realtime_ns + life_ms * NS_PER_MS,
	};

	broker_revoke(token, &order);
}

static void withdraw_revoked(struct managed_token *token, int64_t now_ms, const char *why)
{
	log_warning(token->broker->log, "token %s: withdrawn to be revoked, readers have none: %s",
		    token->config->name, why);
	managed_token_revoke_current(token, now_ms);
	managed_token_withdraw(token);
}

/* Of a token of which no generation is known: the Unix time in seconds, but never that of a token
 * that a reader of its name may have seen. */
static uint64_t first_generation(const struct broker *broker)
{
	uint64_t now_s = (uint64_t)(clock_realtime_ns() / NS_PER_S);

	return now_s > broker->removed_generation ? now_s : broker->removed_generation + 1;
}

static struct lifecycle_outcome decide(struct managed_token *token,
				       const struct source_outcome *outcome,
				       const uint8_t digest[static DIGEST_BYTES], bool is_same,
				       int64_t now_ms)
{
	const struct token_facts *facts = &token->facts;
	int64_t sent_ms = outcome->sent_boottime_ns / NS_PER_MS;
	const struct lifecycle_fetched fetched = {
		.epoch = outcome->epoch,
		.sent_at_ms = sent_ms,
		.lifetime_ms = lifetime_ms(token, outcome),
		.first_generation = first_generation(token->broker),
		.is_same_token = is_same,
		.is_being_revoked =
			broker_is_being_revoked(token->broker, token->config->name, digest) ||
			(facts->has_revoked && facts->revoked_at_ms >= sent_ms &&
			 memcmp(facts->revoked_digest, digest, DIGEST_BYTES) == 0),
	};

	return lifecycle_fetch_succeeded(&token->lifecycle, now_ms, &fetched, broker_random());
}

/* Once: a server that is odd is so each time. */
static void warn_of_answer(struct managed_token *token, const struct error_text *warning)
{
	if (strcmp(token->answer_warning.text, warning->text) == 0)
		return;
	token->answer_warning = *warning;
	if (warning->text[0] != '\0')
		log_warning(token->broker->log, "token %s: %s", token->config->name, warning->text);
}

/* A token that nobody can be given is no success of its fetch. */
static void record_useless(struct managed_token *token, const struct source_outcome *outcome,
			   const char *message, const char *hint)
{
	struct status_error error = {
		.at_realtime_ns = outcome->finished_realtime_ns,
		.reason = TOKEN_BAD_RESPONSE,
		.hint = hint,
	};

	error_text_set(&error.message, "%s", message);
	status_record_fetch_failed(&token->record, &error, outcome->duration_ms);
	managed_token_failed(token, &error);
}

static void record_fetched(struct managed_token *token, const struct source_outcome *outcome,
			   enum lifecycle_verdict verdict)
{
	switch (verdict) {
	case LIFECYCLE_PUBLISH:
	case LIFECYCLE_DISCARD:
	case LIFECYCLE_WITHDRAW_REVOKED:
		status_record_fetch_succeeded(&token->record, outcome->finished_realtime_ns,
					      outcome->duration_ms);
		break;
	case LIFECYCLE_REVOKED_RETURNED:
		record_useless(token, outcome,
			       "the server gave a token again that is being revoked", "");
		break;
	case LIFECYCLE_EXPIRED_ON_ARRIVAL:
		record_useless(token, outcome, "the token had expired before it arrived",
			       "its lifetime is too short for this connection");
		break;
	}
}

static void on_success(struct managed_token *token, const struct source_outcome *outcome)
{
	int64_t now_ms = clock_boottime_ms();
	struct lifecycle_outcome decided;
	uint8_t digest[DIGEST_BYTES];
	bool is_same;

	digest_sha256(outcome->token->data, outcome->token->length, digest);
	is_same = token->facts.has_digest && memcmp(token->facts.digest, digest, DIGEST_BYTES) == 0;
	decided = decide(token, outcome, digest, is_same, now_ms);
	record_fetched(token, outcome, decided.verdict);
	switch (decided.verdict) {
	case LIFECYCLE_PUBLISH:
		publish_fetched(token, outcome, &decided, digest, is_same);
		break;
	case LIFECYCLE_DISCARD:
		if (decided.revoke_received)
			revoke_received(token, outcome, now_ms);
		break;
	case LIFECYCLE_WITHDRAW_REVOKED:
		withdraw_revoked(token, now_ms, "the server gave the very same token again");
		break;
	case LIFECYCLE_REVOKED_RETURNED:
	case LIFECYCLE_EXPIRED_ON_ARRIVAL:
		break;
	}
	warn_of_answer(token, &outcome->warning);
}

static void on_failure(struct managed_token *token, const struct source_outcome *outcome)
{
	const struct lifecycle_fetch_failure failure = {
		.epoch = outcome->epoch,
		.kind = !outcome->was_tried     ? LIFECYCLE_LOCAL
			: outcome->is_permanent ? LIFECYCLE_PERMANENT
						: LIFECYCLE_TRANSIENT,
		.retry_after_ms = outcome->retry_after_ms,
	};

	const struct status_error error = {
		.at_realtime_ns = outcome->finished_realtime_ns,
		.reason = outcome->reason,
		.http_status = outcome->http_status,
		.message = outcome->message,
		.hint = outcome->hint,
	};

	status_record_fetch_failed(&token->record, &error, outcome->duration_ms);
	lifecycle_fetch_failed(&token->lifecycle, clock_boottime_ms(), &failure, broker_random());
	managed_token_failed(token, &error);
}

static void on_fetched(struct source_request *request, struct source_outcome *outcome,
		       void *userdata)
{
	struct managed_token *token = userdata;

	(void)request;
	token->fetch = NULL;
	token->broker->fetches_in_flight--;
	token->has_had_outcome = true;
	if (outcome->reason == TOKEN_OK)
		on_success(token, outcome);
	else
		on_failure(token, outcome);
	secret_free(outcome->token);
	outcome->token = NULL;
	if (token->reader_warnings.count > 0)
		(void)broker_resolve_readers(token);
	if (token->broker->has_unknown_names)
		token->broker->wants_names = true;
	managed_token_changed(token);
}

static void known_to_fetch(struct redaction *redaction, void *userdata)
{
	const struct managed_token *token = userdata;

	broker_add_known(token->broker, token->config->name, redaction);
}

static bool start_fetch(struct managed_token *token, int64_t now_ms)
{
	struct broker *broker = token->broker;
	struct source_call call = {
		.config = token->config,
		.known = known_to_fetch,
		.done = on_fetched,
		.userdata = token,
	};
	struct lifecycle_fetch_failure failure = {.kind = LIFECYCLE_LOCAL};

	/* One that was overtaken may still be open; its epoch tells them apart. */
	if (token->fetch != NULL ||
	    broker->fetches_in_flight + broker->revocations_in_flight >= BROKER_REQUESTS_MAX)
		return false;
	call.epoch = lifecycle_fetch_started(&token->lifecycle, now_ms);
	if (token_source_fetch(broker->source, &call, &token->fetch) == 0) {
		broker->fetches_in_flight++;
		managed_token_changed(token);
		return true;
	}
	failure.epoch = call.epoch;
	lifecycle_fetch_failed(&token->lifecycle, now_ms, &failure, broker_random());
	managed_token_fault(token, TOKEN_NETWORK, "no memory for a request", "");
	return true;
}

static void expire(struct managed_token *token)
{
	lifecycle_withdrawn(&token->lifecycle, LIFECYCLE_EXPIRE);
	log_warning(token->broker->log, "token %s: expired, readers have none",
		    token->config->name);
	managed_token_withdraw(token);
}

/* One step that is due; false: nothing more now. */
static bool run_step(struct managed_token *token, struct lifecycle_step step, int64_t now_ms)
{
	switch (step.action) {
	case LIFECYCLE_WAIT:
		return false;
	case LIFECYCLE_FETCH:
		return start_fetch(token, now_ms);
	case LIFECYCLE_EXPIRE:
		expire(token);
		return true;
	case LIFECYCLE_GIVE_UP_REVOKED:
		lifecycle_withdrawn(&token->lifecycle, LIFECYCLE_GIVE_UP_REVOKED);
		withdraw_revoked(token, now_ms, "no successor could be had in time");
		return true;
	}
	return false;
}

static int64_t run_token(struct managed_token *token, int64_t now_ms)
{
	struct lifecycle_step step;

	do
		step = lifecycle_next(&token->lifecycle, now_ms);
	while (run_step(token, step, now_ms));
	managed_token_look_at_publish_error(token);
	/* A fetch that is due and could not start waits for a request to end, not for a timer. */
	return step.action == LIFECYCLE_WAIT ? step.at_ms
					     : lifecycle_next_withdrawal_ms(&token->lifecycle);
}

int64_t broker_run_tokens(struct broker *broker, int64_t now_ms)
{
	int64_t next_ms = LIFECYCLE_NEVER_MS;
	size_t first = broker->token_count > 0 ? broker_random() % broker->token_count : 0;

	/* From a random start, so that with more due than may be open nobody waits for ever. */
	for (size_t i = 0; i < broker->token_count; i++) {
		struct managed_token *token = broker->tokens[(first + i) % broker->token_count];
		int64_t due_ms = run_token(token, now_ms);

		if (due_ms < next_ms)
			next_ms = due_ms;
	}
	return next_ms;
}
