/* SPDX-License-Identifier: MIT */
/* The broker's state as others see it: status.json and the notifications to systemd. */
#include "broker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* design.md section 5: READY at the latest so long after the start. */
#define READY_MS INT64_C(20000)

/* What the content of one document points into. */
struct parts {
	struct status_content_token *tokens;
	struct status_pending_revocation *revocations;
	size_t revocation_count;
	struct error_text *warnings;
	size_t warning_count;
};

static void parts_free(struct parts *parts)
{
	free(parts->tokens);
	free(parts->revocations);
	free(parts->warnings);
}

/* People see times that do not tremble with each document. What is long due, as an order that waits
 * for its turn, is due since the start. */
static int64_t to_realtime_ns(const struct broker *broker, int64_t boottime_ms)
{
	if (boottime_ms >= LIFECYCLE_NEVER_MS / NS_PER_MS)
		return 0;
	if (boottime_ms < broker->started_boottime_ms)
		boottime_ms = broker->started_boottime_ms;
	return boottime_ms * NS_PER_MS + broker->shown_difference_ns;
}

static void add_revocations(struct parts *parts, const struct managed_token *token,
			    struct status_content_token *shown)
{
	const struct broker *broker = token->broker;
	struct status_pending_revocation *first = &parts->revocations[parts->revocation_count];
	bool is_marker_shown = false;
	size_t count = 0;

	for (size_t i = 0; i < broker->revocation_count; i++) {
		const struct pending_revocation *pending = broker->revocations[i];

		if (strcmp(pending->name, token->config->name) != 0)
			continue;
		memcpy(first[count].fingerprint, pending->fingerprint, FINGERPRINT_BYTES);
		first[count++].until_realtime_ns = pending->until_realtime_ns;
		is_marker_shown |= strcmp(pending->fingerprint, token->marker.fingerprint) == 0;
	}
	/* An earlier broker's suspension, or one that the server refused to revoke. */
	if (token->is_marked && !is_marker_shown && token->marker.fingerprint[0] != '\0' &&
	    token->marker.revocation != SUSPEND_REVOCATION_DONE &&
	    token->marker.expires_realtime_ns > clock_realtime_ns()) {
		memcpy(first[count].fingerprint, token->marker.fingerprint, FINGERPRINT_BYTES);
		first[count++].until_realtime_ns = token->marker.expires_realtime_ns;
	}
	parts->revocation_count += count;
	shown->pending_revocations = first;
	shown->pending_revocation_count = count;
}

/* A token that has never got out, shared memory being full for example, is of no use to readers. */
static bool is_usable(const struct managed_token *token)
{
	return token->lifecycle.state == LIFECYCLE_VALID &&
	       publication_segment_name(token->publication)[0] != '\0';
}

static enum tokenbroker_segment_state shown_state(const struct managed_token *token)
{
	enum tokenbroker_segment_state state = managed_token_segment_state(token);

	return state == TOKENBROKER_SEGMENT_VALID && !is_usable(token) ? TOKENBROKER_SEGMENT_NONE
								       : state;
}

/* Not only fetches fail: a token may wait for shared memory, a suspension for its disk. */
static int64_t failing_since_ns(const struct managed_token *token)
{
	const struct lifecycle *lc = &token->lifecycle;

	if (lc->failures > 0)
		return to_realtime_ns(token->broker, lc->failing_since_ms);
	return token->failing != TOKEN_OK ? token->failing_since_realtime_ns : 0;
}

static void fill_token(struct managed_token *token, struct status_content_token *shown)
{
	const struct lifecycle *lc = &token->lifecycle;
	bool is_valid = is_usable(token);
	bool is_known = is_valid || lc->state == LIFECYCLE_EXPIRED;

	token->record.publishes = publication_publishes(token->publication);
	*shown = (struct status_content_token){
		.name = token->config->name,
		.provider = token->config->provider,
		.state = shown_state(token),
		.generation = lc->generation,
		.fingerprint = is_valid ? token->facts.fingerprint : NULL,
		.token_type = is_valid ? "Bearer" : NULL,
		.scope = is_valid ? token->facts.scope : NULL,
		.obtained_at_ns = is_known ? token->facts.obtained_realtime_ns : 0,
		.expires_at_ns = is_known ? token->facts.expires_realtime_ns : 0,
		.next_attempt_at_ns = to_realtime_ns(token->broker, lifecycle_next_attempt_ms(lc)),
		.failing_since_ns = failing_since_ns(token),
		.consecutive_failures = lc->failures,
		.readers = &token->config->readers,
		.segment = publication_segment_name(token->publication),
		.record = &token->record,
	};
}

static void add_warnings(struct parts *parts, const struct config_errors *warnings)
{
	if (warnings->count == 0)
		return;
	memcpy(&parts->warnings[parts->warning_count], warnings->items,
	       warnings->count * sizeof(*warnings->items));
	parts->warning_count += warnings->count;
}

static bool parts_new(struct parts *ret, const struct broker *broker)
{
	size_t warnings = broker->warnings.count + 2; /* and those of add_shortages() */

	for (size_t i = 0; i < broker->token_count; i++)
		warnings += broker->tokens[i]->reader_warnings.count;
	*ret = (struct parts){
		.tokens = calloc(broker->token_count + 1, sizeof(*ret->tokens)),
		/* each pending one belongs to one token, and each marker adds one at most */
		.revocations = calloc(broker->revocation_count + broker->token_count + 1,
				      sizeof(*ret->revocations)),
		.warnings = calloc(warnings, sizeof(*ret->warnings)),
	};
	if (ret->tokens != NULL && ret->revocations != NULL && ret->warnings != NULL)
		return true;
	parts_free(ret);
	return false;
}

static void add_shortages(struct parts *parts, const struct broker *broker)
{
	if (!broker->is_memory_locked)
		error_text_set(&parts->warnings[parts->warning_count++],
			       "secrets cannot be locked into memory: raise RLIMIT_MEMLOCK "
			       "(LimitMEMLOCK=)");
	if (broker->control_calm_at_ms != 0 && broker->control != NULL)
		error_text_set(&parts->warnings[parts->warning_count++], BROKER_CONTROL_WAITS "%s",
			       broker_control_obstacle(broker));
}

static void fill_parts(struct parts *parts, const struct broker *broker)
{
	for (size_t i = 0; i < broker->token_count; i++) {
		fill_token(broker->tokens[i], &parts->tokens[i]);
		add_revocations(parts, broker->tokens[i], &parts->tokens[i]);
		add_warnings(parts, &broker->tokens[i]->reader_warnings);
	}
	add_warnings(parts, &broker->warnings);
	add_shortages(parts, broker);
}

static int write_document(struct broker *broker)
{
	int64_t started_ns = clock_monotonic_ns();
	struct parts parts;
	const char *text;
	size_t length;
	int r;

	if (!parts_new(&parts, broker)) {
		status_writer_not_built(&broker->status_writer, started_ns);
		return -ENOMEM;
	}
	fill_parts(&parts, broker);
	r = status_document_build(
		broker->document,
		&(struct status_content){
			.version = TOKENBROKER_VERSION,
			.pid = getpid(),
			.started_at_ns = broker->started_realtime_ns,
			.published_at_ns = clock_realtime_ns(),
			.config_loaded_at_ns = broker->loaded->loaded_realtime_ns,
			.config_error = broker->config_error.text,
			.config_warnings = parts.warnings,
			.config_warning_count = parts.warning_count,
			.loop_longest_ms = broker->longest_dispatch_ns / NS_PER_MS,
			.tokens = parts.tokens,
			.token_count = broker->token_count,
		},
		&text, &length);
	if (r == 0)
		r = status_writer_write(&broker->status_writer, text, length, started_ns);
	else
		status_writer_not_built(&broker->status_writer, started_ns);
	parts_free(&parts);
	return r;
}

static void note_status_error(struct broker *broker, int error)
{
	if (error < 0 && error != broker->status_error)
		log_error(broker->log, "status.json cannot be written: %s: is %s full?",
			  strerror(-error), broker->runtime_dir->path);
	broker->status_error = error;
}

int64_t broker_run_status(struct broker *broker, int64_t now_ns)
{
	int r;

	switch (status_writer_due(&broker->status_writer, now_ns)) {
	case STATUS_DUE_NOTHING:
		break;
	case STATUS_DUE_TOUCH: /* a success says nothing about writing; one that is gone is written
				*/
		r = status_writer_touch(&broker->status_writer);
		if (r < 0 && r != -ENOENT)
			note_status_error(broker, r);
		break;
	case STATUS_DUE_WRITE:
		note_status_error(broker, write_document(broker));
		broker->is_notify_due = true;
		break;
	}
	return status_writer_next_ns(&broker->status_writer);
}

static bool is_settled(const struct broker *broker)
{
	for (size_t i = 0; i < broker->token_count; i++)
		if (!broker->tokens[i]->has_had_outcome)
			return false;
	return true;
}

static const char *what_is_missing(const struct managed_token *token)
{
	if (token->failing != TOKEN_OK)
		return token_reason_name(token->failing);
	return token->lifecycle.state == LIFECYCLE_SUSPENDED ? "suspended"
							     : "waiting for the server";
}

static void describe(const struct broker *broker, struct text *text)
{
	size_t usable = 0;

	for (size_t i = 0; i < broker->token_count; i++)
		usable += is_usable(broker->tokens[i]);
	if (broker->token_count == 0)
		text_add(text, "no tokens are configured");
	else
		text_addf(text, "%zu of %zu tokens usable", usable, broker->token_count);
	for (size_t i = 0; i < broker->token_count && !text->is_cut; i++) {
		const struct managed_token *token = broker->tokens[i];

		if (!is_usable(token))
			text_addf(text, "; %s: %s", token->config->name, what_is_missing(token));
	}
	if (broker->config_error.text[0] != '\0')
		text_addf(text, "; reload refused: %s", broker->config_error.text);
}

int64_t broker_notify(struct broker *broker, int64_t now_ms)
{
	int64_t deadline_ms = broker->started_boottime_ms + READY_MS;
	struct error_text status;
	struct text text;
	bool is_ready = broker->is_ready || is_settled(broker) || now_ms >= deadline_ms;

	if (is_ready == broker->is_ready && !broker->is_notify_due)
		return is_ready ? LIFECYCLE_NEVER_MS : deadline_ms;
	text_init(&text, status.text, sizeof(status.text));
	describe(broker, &text);
	if (is_ready && !broker->is_ready) {
		log_info(broker->log, "ready: %s", status.text);
		(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status.text);
	} else if (strcmp(status.text, broker->notified.text) != 0)
		(void)sd_notifyf(0, "STATUS=%s", status.text);
	broker->is_ready = is_ready;
	broker->is_notify_due = false;
	broker->notified = status;
	return is_ready ? LIFECYCLE_NEVER_MS : deadline_ms;
}
