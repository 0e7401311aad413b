/* SPDX-License-Identifier: MIT */
/*
 * One token: its state machine joined to the source that fetches it and the publication that
 * readers see. Every change of a token's state is logged here, once; retries are not.
 */
#include "broker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/secret.h"
#include "publish/content_clock.h"
#include "source/locked_heap.h"
#include "source/source_identity.h"

struct lifecycle_policy broker_policy(const struct config_token *config)
{
	return (struct lifecycle_policy){
		.refresh_percent = config->refresh_percent,
		.refresh_jitter_percent = config->refresh_jitter_percent,
		.retry_min_ms = config->retry_min_s * MS_PER_S,
		.retry_max_ms = config->retry_max_s * MS_PER_S,
		.reject_interval_ms = config->reject_interval_s * MS_PER_S,
		.request_timeout_ms = config->request_timeout_s * MS_PER_S,
		.has_revocation = config->revoke_url[0] != '\0',
	};
}

struct managed_token *broker_find_token(struct broker *broker, const char *name)
{
	for (size_t i = 0; i < broker->token_count; i++)
		if (strcmp(broker->tokens[i]->config->name, name) == 0)
			return broker->tokens[i];
	return NULL;
}

void managed_token_changed(struct managed_token *token)
{
	status_writer_mark_changed(&token->broker->status_writer);
}

/* Once for each reason: repeats are in the status. */
void managed_token_failed(struct managed_token *token, const struct status_error *error)
{
	managed_token_changed(token);
	if (token->failing == error->reason)
		return;
	if (token->failing == TOKEN_OK)
		token->failing_since_realtime_ns = error->at_realtime_ns;
	token->failing = error->reason;
	log_warning(token->broker->log, "token %s: failing: %s: %s%s%s", token->config->name,
		    token_reason_name(error->reason), error->message.text,
		    error->hint[0] != '\0' ? "; " : "", error->hint);
}

void managed_token_fault(struct managed_token *token, enum token_reason reason, const char *message,
			 const char *hint)
{
	struct status_error error = {
		.at_realtime_ns = clock_realtime_ns(),
		.reason = reason,
		.hint = hint,
	};

	error_text_set(&error.message, "%s", message);
	status_record_problem(&token->record, &error);
	managed_token_failed(token, &error);
}

enum tokenbroker_segment_state managed_token_segment_state(const struct managed_token *token)
{
	switch (token->lifecycle.state) {
	case LIFECYCLE_PENDING:
		return TOKENBROKER_SEGMENT_NONE;
	case LIFECYCLE_VALID:
		return TOKENBROKER_SEGMENT_VALID;
	case LIFECYCLE_EXPIRED:
		return TOKENBROKER_SEGMENT_EXPIRED;
	case LIFECYCLE_SUSPENDED:
		return TOKENBROKER_SEGMENT_SUSPENDED;
	}
	return TOKENBROKER_SEGMENT_NONE;
}

static void published_again(struct managed_token *token)
{
	int64_t after_ms = token->config->revoke_replaced_after_s * MS_PER_S;

	broker_release_revocations(token, clock_boottime_ms() + (after_ms > 0 ? after_ms : 0));
	if (token->failing != TOKEN_PUBLISH_FAILED)
		return;
	token->failing = TOKEN_OK;
	log_info(token->broker->log, "token %s: published again", token->config->name);
}

/* Kept and tried again by the publisher: here it is only told. */
void managed_token_look_at_publish_error(struct managed_token *token)
{
	int error = publication_error(token->publication);

	if (error == token->publish_error)
		return;
	token->publish_error = error;
	managed_token_changed(token);
	if (error < 0)
		managed_token_fault(token, TOKEN_PUBLISH_FAILED, strerror(-error),
				    error == -ENOSPC
					    ? "shared memory is full: is there room in /dev/shm?"
					    : "readers keep the former token; it is tried again");
	else
		published_again(token);
}

void managed_token_put(struct managed_token *token, const struct publication_content *content,
		       bool scrub)
{
	(void)publication_put(token->publication, content, scrub, clock_boottime_ns());
	managed_token_look_at_publish_error(token);
	managed_token_changed(token);
}

void managed_token_withdraw(struct managed_token *token)
{
	const struct publication_content content = {
		.state = managed_token_segment_state(token),
		.generation = token->lifecycle.generation,
		.source_id = token->source_id,
	};

	managed_token_put(token, &content, true);
}

const struct publication_content *managed_token_content(const struct managed_token *token)
{
	const struct publication_content *content = publication_content(token->publication);

	return content != NULL && content->state == TOKENBROKER_SEGMENT_VALID ? content : NULL;
}

static size_t longest_token_bytes(const struct broker *broker)
{
	size_t longest = 0;

	for (size_t i = 0; i < broker->token_count; i++) {
		const struct publication_content *content =
			managed_token_content(broker->tokens[i]);

		if (content != NULL && content->length > longest)
			longest = content->length;
	}
	return longest;
}

/* Tokens stay locked: what the next request and its token need is tried, because many or long ones
 * use up the limit that one secret is far from. */
void broker_look_at_memory(struct broker *broker)
{
	size_t length = LOCKED_HEAP_CHUNK_BYTES + longest_token_bytes(broker);
	struct secret *trial;
	bool is_locked;

	/* What is kept for it counts as free. */
	locked_heap_trim();
	secret_trim();
	if (secret_new(&trial, length, length) < 0)
		return; /* no memory says nothing of the limit */
	is_locked = trial->is_locked;
	secret_free(trial);
	if (is_locked == broker->is_memory_locked)
		return;
	broker->is_memory_locked = is_locked;
	status_writer_mark_changed(&broker->status_writer);
	if (is_locked)
		log_info(broker->log, "secrets can be locked into memory again");
	else
		log_warning(broker->log,
			    "secrets cannot be locked into memory: raise RLIMIT_MEMLOCK");
}

static void revoke_content(struct managed_token *token, const struct publication_content *content,
			   int64_t first_at_ms)
{
	struct revocation_order order;

	if (content == NULL || content->state != TOKENBROKER_SEGMENT_VALID)
		return;
	order = (struct revocation_order){
		.token = content->token,
		.length = content->length,
		.first_at_ms = first_at_ms,
		.until_ms = content->expires_boottime_ns / NS_PER_MS,
		.until_realtime_ns = content->expires_realtime_ns,
	};
	broker_revoke(token, &order);
}

/* While the newest could not be published two tokens live: that one, and the one readers have. */
void managed_token_revoke_current(struct managed_token *token, int64_t first_at_ms)
{
	const struct publication_content *newest = publication_content(token->publication);
	const struct publication_content *published = publication_published(token->publication);

	revoke_content(token, newest, first_at_ms);
	if (published != newest)
		revoke_content(token, published, first_at_ms);
}

static enum content_clock clock_of(const struct publication_content *content)
{
	return content_clock(content, clock_boottime_ns(), clock_realtime_ns());
}

static bool is_still_good(const struct managed_token *token,
			  const struct publication_content *content)
{
	return content->state == TOKENBROKER_SEGMENT_VALID && content->generation > 0 &&
	       content->source_id == token->source_id &&
	       content->expires_boottime_ns > clock_boottime_ns() &&
	       clock_of(content) != CONTENT_CLOCK_ANOTHER;
}

static void keep_found(struct managed_token *token, const struct publication_content *content)
{
	int64_t expires_ms = content->expires_boottime_ns / NS_PER_MS;
	int64_t lifetime_ms =
		(content->expires_realtime_ns - content->issued_realtime_ns) / NS_PER_MS;

	lifecycle_adopt(&token->lifecycle, expires_ms - lifetime_ms, expires_ms,
			content->generation, broker_random());
	digest_sha256(content->token, content->length, token->facts.digest);
	token->facts.has_digest = true;
	digest_fingerprint(content->token, content->length, token->facts.fingerprint);
	token->facts.obtained_realtime_ns = content->issued_realtime_ns;
	token->facts.expires_realtime_ns = content->expires_realtime_ns;
	token->has_had_outcome = true;
	log_info(token->broker->log, "token %s: valid, generation %llu kept from an earlier broker",
		 token->config->name, (unsigned long long)content->generation);
	if (clock_of(content) == CONTENT_CLOCK_SET) {
		log_info(token->broker->log,
			 "token %s: a clock was set since it came: fetched anew",
			 token->config->name);
		lifecycle_clock_jumped(&token->lifecycle);
	}
	managed_token_put(token, content, true);
}

/* segment.md section 6: whatever is found, something is published over it, with a scrub. */
static void adopt(struct managed_token *token, const struct publication_found *found)
{
	const struct publication_content *content = &found->content;
	enum lifecycle_state state = LIFECYCLE_PENDING;

	if (!token->is_marked && found->has_content && is_still_good(token, content)) {
		keep_found(token, content);
		return;
	}
	if (token->is_marked)
		state = LIFECYCLE_SUSPENDED;
	else if (found->has_content && content->source_id == token->source_id &&
		 (content->state == TOKENBROKER_SEGMENT_VALID ||
		  content->state == TOKENBROKER_SEGMENT_EXPIRED))
		state = LIFECYCLE_EXPIRED;
	lifecycle_adopt_withdrawn(&token->lifecycle, state,
				  found->has_content ? content->generation : 0);
	managed_token_withdraw(token);
}

struct suspend_marker_key managed_token_marker_key(const struct managed_token *token)
{
	return (struct suspend_marker_key){
		.name = token->config->name,
		.runtime_id = token->broker->runtime_dir->id,
	};
}

static void read_marker(struct managed_token *token)
{
	const struct suspend_marker_key key = managed_token_marker_key(token);
	int error = 0;

	switch (suspend_marker_read(&token->broker->state_directory, &key, &token->marker,
				    &error)) {
	case SUSPEND_MARKER_ABSENT:
		return;
	case SUSPEND_MARKER_PRESENT:
		log_info(token->broker->log, "token %s: suspended by an administrator",
			 token->config->name);
		token->has_durable_marker = true;
		break;
	case SUSPEND_MARKER_UNREADABLE:
		managed_token_fault(token, TOKEN_STATE_DIRECTORY, strerror(-error),
				    "taken as suspended: mend the state directory, then resume");
		break;
	}
	token->is_marked = true;
	token->has_had_outcome = true;
}

static int begin(struct managed_token *token)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	struct lifecycle_policy policy = broker_policy(token->config);
	int r;

	r = source_identity(token->config, &token->source_id);
	if (r < 0)
		return r;
	status_record_init(&token->record);
	lifecycle_init(&token->lifecycle, &policy, clock_boottime_ms());
	read_marker(token);
	r = broker_resolve_readers(token);
	/* Nobody, as its readers, would take what is out from them. Another start may know them. */
	if (r < 0 && token->broker->is_starting)
		return r;
	r = publication_new(&token->publication, token->broker->publisher, token->config->name,
			    &token->readers, &found);
	if (r < 0)
		return r;
	adopt(token, &found);
	return 0;
}

int managed_token_new(struct managed_token **ret, struct broker *broker,
		      struct loaded_config *loaded, const struct config_token *config)
{
	struct managed_token *token = calloc(1, sizeof(*token));
	int r;

	if (token == NULL)
		return -ENOMEM;
	token->broker = broker;
	token->loaded = loaded_config_ref(loaded);
	token->config = config;
	r = begin(token);
	if (r < 0) {
		managed_token_free(token);
		return r;
	}
	managed_token_changed(token);
	*ret = token;
	return 0;
}

static void cancel_fetch(struct managed_token *token)
{
	if (token->fetch == NULL)
		return;
	token_source_cancel(token->broker->source, token->fetch);
	token->fetch = NULL;
	token->broker->fetches_in_flight--;
}

/* The publication belongs to the publisher and stays: readers keep what they see. */
void managed_token_free(struct managed_token *token)
{
	if (token == NULL)
		return;
	cancel_fetch(token);
	principals_free(&token->readers);
	config_errors_free(&token->reader_warnings);
	loaded_config_unref(token->loaded);
	free(token);
}

/* Ordered by an administrator, and no successor is awaited any more. Before the withdrawal. */
static void revoke_as_ordered(struct managed_token *token)
{
	if (token->lifecycle.is_revoking)
		managed_token_revoke_current(token, clock_boottime_ms());
}

void managed_token_remove(struct managed_token *token)
{
	struct broker *broker = token->broker;
	int r;

	if (token->lifecycle.generation > broker->removed_generation)
		broker->removed_generation = token->lifecycle.generation;
	revoke_as_ordered(token);
	r = publication_remove(token->publication, clock_boottime_ns());
	if (r < 0)
		log_error(broker->log, "token %s: withdrawn, but its link stays: %s",
			  token->config->name, strerror(-r));
	managed_token_free(token);
}

static void use_config(struct managed_token *token, struct loaded_config *loaded,
		       const struct config_token *config)
{
	struct loaded_config *former = token->loaded;

	token->loaded = loaded_config_ref(loaded);
	token->config = config;
	loaded_config_unref(former);
	managed_token_changed(token);
}

void managed_token_update(struct managed_token *token, struct loaded_config *loaded,
			  const struct config_token *config)
{
	struct lifecycle_policy policy = broker_policy(config);

	use_config(token, loaded, config);
	lifecycle_set_policy(&token->lifecycle, &policy);
	(void)broker_resolve_readers(token);
}

void managed_token_change_source(struct managed_token *token, struct loaded_config *loaded,
				 const struct config_token *config, uint64_t source_id)
{
	struct lifecycle_policy policy = broker_policy(config);

	log_info(token->broker->log,
		 "token %s: it is another token now: withdrawn and fetched anew", config->name);
	cancel_fetch(token);
	revoke_as_ordered(token);
	use_config(token, loaded, config);
	token->source_id = source_id;
	token->facts = (struct token_facts){.has_digest = false};
	token->failing = TOKEN_OK;
	lifecycle_change_source(&token->lifecycle, &policy, clock_boottime_ms());
	managed_token_withdraw(token);
	(void)broker_resolve_readers(token);
}
