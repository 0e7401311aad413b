/* SPDX-License-Identifier: MIT */
/*
 * Tokens that wait to be revoked at the server. They outlive the token's name in the configuration
 * and carry the configuration that they were fetched with, so that a reload does not send them to
 * another server.
 */
#include "broker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void pending_revocation_free(struct pending_revocation *pending)
{
	if (pending == NULL)
		return;
	if (pending->request != NULL) {
		token_source_cancel(pending->broker->source, pending->request);
		pending->broker->revocations_in_flight--;
	}
	secret_free(pending->token);
	loaded_config_unref(pending->loaded);
	free(pending);
}

static void remove_at(struct broker *broker, size_t index)
{
	pending_revocation_free(broker->revocations[index]);
	broker->revocation_count--;
	memmove(&broker->revocations[index], &broker->revocations[index + 1],
		(broker->revocation_count - index) * sizeof(*broker->revocations));
}

static void mark_changed(const struct pending_revocation *pending)
{
	struct managed_token *token = broker_find_token(pending->broker, pending->name);

	if (token != NULL)
		managed_token_changed(token);
}

static void count(const struct pending_revocation *pending, bool is_ok)
{
	struct managed_token *token = broker_find_token(pending->broker, pending->name);

	if (token == NULL)
		return;
	status_record_revocation(&token->record, is_ok);
	managed_token_changed(token);
}

static size_t find_same(const struct broker *broker, const char *name,
			const uint8_t digest[static DIGEST_BYTES])
{
	size_t i = 0;

	while (i < broker->revocation_count &&
	       (strcmp(broker->revocations[i]->name, name) != 0 ||
		memcmp(broker->revocations[i]->digest, digest, DIGEST_BYTES) != 0))
		i++;
	return i;
}

bool broker_is_being_revoked(const struct broker *broker, const char *name,
			     const uint8_t digest[static DIGEST_BYTES])
{
	return find_same(broker, name, digest) < broker->revocation_count;
}

/* A server that refuses revocations for hours must not fill our memory: the oldest gives way. */
static void make_room(struct broker *broker, const char *name)
{
	size_t oldest = SIZE_MAX;
	size_t same_name = 0;

	for (size_t i = broker->revocation_count; i-- > 0;) {
		if (strcmp(broker->revocations[i]->name, name) == 0) {
			same_name++;
			oldest = i;
		}
	}
	if (same_name < BROKER_REVOCATIONS_PER_TOKEN)
		return;
	log_warning(broker->log, "token %s: too many revocations wait: %s lives until it expires",
		    name, broker->revocations[oldest]->fingerprint);
	count(broker->revocations[oldest], false);
	remove_at(broker, oldest);
}

static struct pending_revocation *pending_revocation_new(struct managed_token *token,
							 const struct revocation_order *order)
{
	struct pending_revocation *pending = calloc(1, sizeof(*pending));

	if (pending == NULL)
		return NULL;
	*pending = (struct pending_revocation){
		.broker = token->broker,
		.loaded = loaded_config_ref(token->loaded),
		.config = token->config,
		.policy = token->lifecycle.policy,
		.until_realtime_ns = order->until_realtime_ns,
		.is_suspended = token->lifecycle.state == LIFECYCLE_SUSPENDED,
		.was_postponed = order->first_at_ms > clock_boottime_ms(),
	};
	memcpy(pending->name, token->config->name, sizeof(pending->name));
	digest_sha256(order->token, order->length, pending->digest);
	digest_fingerprint(order->token, order->length, pending->fingerprint);
	revocation_init(&pending->state, order->first_at_ms, order->until_ms);
	if (secret_new(&pending->token, order->length, order->length) < 0 ||
	    secret_append(pending->token, order->token, order->length) < 0) {
		pending_revocation_free(pending);
		return NULL;
	}
	return pending;
}

/* The same token again: the earlier of both times counts. */
static void merge(struct pending_revocation *pending, struct managed_token *token,
		  const struct revocation_order *order)
{
	if (!pending->state.in_flight && order->first_at_ms < pending->state.next_at_ms)
		pending->state.next_at_ms = order->first_at_ms;
	if (order->until_ms > pending->state.until_ms) {
		pending->state.until_ms = order->until_ms;
		pending->until_realtime_ns = order->until_realtime_ns;
	}
	pending->is_suspended |= token->lifecycle.state == LIFECYCLE_SUSPENDED;
}

void broker_revoke(struct managed_token *token, const struct revocation_order *order)
{
	struct broker *broker = token->broker;
	struct pending_revocation **grown;
	struct pending_revocation *pending;
	uint8_t digest[DIGEST_BYTES];
	size_t same;

	if (token->config->revoke_url[0] == '\0' || order->length == 0)
		return;
	digest_sha256(order->token, order->length, digest);
	same = find_same(broker, token->config->name, digest);
	if (same < broker->revocation_count) {
		merge(broker->revocations[same], token, order);
		return;
	}
	make_room(broker, token->config->name);
	grown = reallocarray(broker->revocations, broker->revocation_count + 1, sizeof(*grown));
	if (grown != NULL)
		broker->revocations = grown;
	pending = grown != NULL ? pending_revocation_new(token, order) : NULL;
	if (pending == NULL) {
		log_error(broker->log,
			  "token %s: no memory to revoke the withdrawn token: it lives until it "
			  "expires",
			  token->config->name);
		status_record_revocation(&token->record, false);
		return;
	}
	broker->revocations[broker->revocation_count++] = pending;
	managed_token_changed(token);
}

void broker_hold_revocation(struct managed_token *token)
{
	const struct publication_content *published = publication_published(token->publication);
	struct broker *broker = token->broker;
	uint8_t digest[DIGEST_BYTES];
	size_t same;

	if (published == NULL || published->length == 0)
		return;
	digest_sha256(published->token, published->length, digest);
	same = find_same(broker, token->config->name, digest);
	if (same < broker->revocation_count && !broker->revocations[same]->state.in_flight)
		broker->revocations[same]->state.next_at_ms = LIFECYCLE_NEVER_MS;
}

void broker_release_revocations(struct managed_token *token, int64_t first_at_ms)
{
	struct broker *broker = token->broker;

	for (size_t i = 0; i < broker->revocation_count; i++) {
		struct pending_revocation *pending = broker->revocations[i];

		if (strcmp(pending->name, token->config->name) == 0 &&
		    pending->state.next_at_ms == LIFECYCLE_NEVER_MS)
			pending->state.next_at_ms = first_at_ms;
	}
}

void broker_note_pending(const struct managed_token *token, struct suspend_marker *marker)
{
	const struct broker *broker = token->broker;

	for (size_t i = broker->revocation_count; i-- > 0;) {
		struct pending_revocation *pending = broker->revocations[i];

		if (strcmp(pending->name, token->config->name) != 0)
			continue;
		memcpy(marker->fingerprint, pending->fingerprint, sizeof(marker->fingerprint));
		marker->expires_realtime_ns = pending->until_realtime_ns;
		pending->is_suspended = true; /* its end is noted in this marker */
		return;
	}
}

static void add_published(struct redaction *redaction, const struct publication *publication)
{
	const struct publication_content *published = publication_published(publication);
	const struct publication_content *newest = publication_content(publication);

	if (published != NULL)
		redaction_add(redaction, published->token, published->length);
	if (newest != NULL && newest != published)
		redaction_add(redaction, newest->token, newest->length);
}

void broker_add_known(struct broker *broker, const char *name, struct redaction *redaction)
{
	const struct managed_token *token = broker_find_token(broker, name);

	_Static_assert(2 + BROKER_REVOCATIONS_PER_TOKEN <= SOURCE_KNOWN_MAX,
		       "room for what readers have, what comes next, and what is being revoked");
	if (token != NULL)
		add_published(redaction, token->publication);
	for (size_t i = 0; i < broker->revocation_count; i++) {
		if (strcmp(broker->revocations[i]->name, name) == 0)
			redaction_add_secret(redaction, broker->revocations[i]->token);
	}
}

/* So that a restart can say whether the token may still live. */
static void note_in_marker(const struct pending_revocation *pending,
			   enum suspend_revocation revocation)
{
	struct managed_token *token = broker_find_token(pending->broker, pending->name);
	struct suspend_marker_key key;

	if (token == NULL || !token->is_marked || !pending->is_suspended ||
	    strcmp(token->marker.fingerprint, pending->fingerprint) != 0)
		return;
	token->marker.revocation = revocation;
	key = managed_token_marker_key(token);
	if (suspend_marker_write(&pending->broker->state_directory, &key, &token->marker) < 0)
		log_warning(pending->broker->log,
			    "token %s: the suspend marker could not be updated", pending->name);
}

static void note_revoked(const struct pending_revocation *pending, int64_t now_ms)
{
	struct managed_token *token = broker_find_token(pending->broker, pending->name);

	log_info(pending->broker->log, "token %s: %s is revoked at the server", pending->name,
		 pending->fingerprint);
	if (token != NULL) {
		if (pending->was_postponed && managed_token_content(token) != NULL)
			managed_token_put(token, managed_token_content(token), true);
		memcpy(token->facts.revoked_digest, pending->digest, DIGEST_BYTES);
		token->facts.revoked_at_ms = now_ms;
		token->facts.has_revoked = true;
	}
	note_in_marker(pending, SUSPEND_REVOCATION_DONE);
	count(pending, true);
}

static void note_failure(struct pending_revocation *pending, const struct source_outcome *outcome,
			 int64_t now_ms)
{
	const struct revocation_failure failure = {
		/* The server's word that it cannot revoke is final; all else is tried again. */
		.kind = outcome->was_tried ? LIFECYCLE_TRANSIENT : LIFECYCLE_LOCAL,
		.retry_after_ms = outcome->retry_after_ms,
	};
	bool is_first = pending->state.failures == 0;

	if (outcome->is_permanent) {
		revocation_give_up(&pending->state);
		note_in_marker(pending, SUSPEND_REVOCATION_FAILED);
	} else {
		revocation_failed(&pending->state, &pending->policy, now_ms, &failure,
				  broker_random());
	}
	if (is_first || outcome->is_permanent)
		log_warning(pending->broker->log, "token %s: %s could not be revoked: %s: %s; %s",
			    pending->name, pending->fingerprint, token_reason_name(outcome->reason),
			    outcome->message.text,
			    outcome->is_permanent ? "it lives until it expires" : "trying again");
	count(pending, false);
}

static void on_revoked(struct source_request *request, struct source_outcome *outcome,
		       void *userdata)
{
	struct pending_revocation *pending = userdata;
	struct broker *broker = pending->broker;
	int64_t now_ms = clock_boottime_ms();

	(void)request;
	pending->request = NULL;
	broker->revocations_in_flight--;
	if (outcome->reason != TOKEN_OK) {
		note_failure(pending, outcome, now_ms);
		return;
	}
	note_revoked(pending, now_ms);
	for (size_t i = 0; i < broker->revocation_count; i++) {
		if (broker->revocations[i] == pending) {
			remove_at(broker, i);
			break;
		}
	}
}

static void known_to_revocation(struct redaction *redaction, void *userdata)
{
	const struct pending_revocation *pending = userdata;

	broker_add_known(pending->broker, pending->name, redaction);
}

static void send(struct pending_revocation *pending, int64_t now_ms)
{
	struct broker *broker = pending->broker;
	const struct source_call call = {
		.config = pending->config,
		.known = known_to_revocation,
		.done = on_revoked,
		.userdata = pending,
	};
	const struct revocation_failure failure = {.kind = LIFECYCLE_LOCAL};
	int r;

	revocation_started(&pending->state);
	r = token_source_revoke(broker->source, &call, pending->token->data, pending->token->length,
				&pending->request);
	if (r < 0) {
		revocation_failed(&pending->state, &pending->policy, now_ms, &failure,
				  broker_random());
		return;
	}
	broker->revocations_in_flight++;
}

static bool has_room(const struct broker *broker)
{
	return broker->revocations_in_flight < BROKER_REVOCATION_REQUESTS_MAX &&
	       broker->revocations_in_flight + broker->fetches_in_flight < BROKER_REQUESTS_MAX;
}

int64_t broker_run_revocations(struct broker *broker, int64_t now_ms)
{
	int64_t next_ms = LIFECYCLE_NEVER_MS;

	for (size_t i = 0; i < broker->revocation_count;) {
		struct pending_revocation *pending = broker->revocations[i];
		struct revocation_step step = revocation_next(&pending->state, now_ms);

		if (step.action == REVOCATION_DROP) {
			mark_changed(pending);
			remove_at(broker, i);
			continue;
		}
		if (step.action == REVOCATION_SEND && has_room(broker)) {
			send(pending, now_ms);
			step = revocation_next(&pending->state, now_ms);
		}
		/* One that waits for room is looked at again when a request ends. */
		if (step.action == REVOCATION_WAIT && step.at_ms < next_ms)
			next_ms = step.at_ms;
		i++;
	}
	return next_ms;
}

void broker_free_revocations(struct broker *broker)
{
	while (broker->revocation_count > 0)
		remove_at(broker, broker->revocation_count - 1);
	free(broker->revocations);
	broker->revocations = NULL;
}
