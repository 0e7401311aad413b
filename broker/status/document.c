/* SPDX-License-Identifier: MIT */
/*
 * Two levels: each token is built and printed by itself and kept as text, the document around them
 * is built every time. Small things (an outcome in the history) are printed on one line of their
 * own.
 */
#include "status/document.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "status/content_digest.h"

#define ONE_LINE (JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)
#define PRETTY   (JSON_C_TO_STRING_PRETTY | ONE_LINE)
/* json-c indents by two; a token stands two levels deep. */
#define TOKEN_INDENT "\n    "
/* Room for the longest message (struct error_text) with each byte replaced by U+FFFD. */
#define STRING_BYTES (3 * sizeof(struct error_text))

struct kept_token {
	uint64_t digest;
	char *text; /* NULL: none yet */
};

struct status_document {
	struct kept_token *kept; /* by position in the content */
	size_t kept_count;
	char *text;
};

/* An object in the making. One failure spoils it, so that only the end needs a look. */
struct maker {
	struct json_object *object;
	bool has_failed;
};

static struct maker make_object(void)
{
	struct maker maker = {.object = json_object_new_object()};

	maker.has_failed = maker.object == NULL;
	return maker;
}

/* NULL after a failure. */
static struct json_object *finish(struct maker *maker)
{
	if (!maker->has_failed)
		return maker->object;
	json_object_put(maker->object);
	return NULL;
}

/* Takes value over; NULL is a failure to make it. */
static void add(struct maker *maker, const char *key, struct json_object *value)
{
	if (value != NULL && !maker->has_failed &&
	    json_object_object_add(maker->object, key, value) == 0)
		return;
	json_object_put(value);
	maker->has_failed = true;
}

static void add_null(struct maker *maker, const char *key)
{
	if (maker->has_failed || json_object_object_add(maker->object, key, NULL) != 0)
		maker->has_failed = true;
}

static void append(struct maker *array, struct json_object *value)
{
	if (value != NULL && !array->has_failed && json_object_array_add(array->object, value) == 0)
		return;
	json_object_put(value);
	array->has_failed = true;
}

static struct maker make_array(void)
{
	struct maker maker = {.object = json_object_new_array()};

	maker.has_failed = maker.object == NULL;
	return maker;
}

static struct json_object *new_string(const char *string)
{
	char buffer[STRING_BYTES];
	size_t length = utf8_copy(buffer, sizeof(buffer), string);

	return json_object_new_string_len(buffer, (int)length);
}

static void add_string(struct maker *maker, const char *key, const char *string)
{
	if (string == NULL || string[0] == '\0')
		add_null(maker, key);
	else
		add(maker, key, new_string(string));
}

static void add_time(struct maker *maker, const char *key, int64_t realtime_ns)
{
	char buffer[CLOCK_RFC3339_BYTES];

	add_string(maker, key, realtime_ns == 0 ? NULL : clock_rfc3339(realtime_ns, buffer));
}

static void add_count(struct maker *maker, const char *key, uint64_t count)
{
	add(maker, key, json_object_new_uint64(count));
}

/* Stands for text that is JSON already. text is borrowed, or given away with delete. */
static struct json_object *new_raw(char *text, json_object_delete_fn *delete)
{
	struct json_object *raw = json_object_new_int(0);

	if (raw != NULL)
		json_object_set_serializer(raw, json_object_userdata_to_json_string, text, delete);
	else if (delete != NULL)
		free(text);
	return raw;
}

/* Takes object over; what it prints as is on one line whatever stands around it. */
static struct json_object *new_one_line(struct json_object *object)
{
	const char *printed =
		object == NULL ? NULL : json_object_to_json_string_ext(object, ONE_LINE);
	char *text = printed == NULL ? NULL : strdup(printed);

	json_object_put(object);
	return text == NULL ? NULL : new_raw(text, json_object_free_userdata);
}

/* An empty list would be printed on two lines. */
static struct json_object *finish_list(struct maker *array)
{
	struct json_object *list = finish(array);

	return list != NULL && json_object_array_length(list) == 0 ? new_one_line(list) : list;
}

static struct json_object *new_last_error(const struct status_error *error)
{
	struct maker maker = make_object();

	add_time(&maker, "at", error->at_realtime_ns);
	add_string(&maker, "reason", token_reason_name(error->reason));
	if (error->http_status == 0)
		add_null(&maker, "http_status");
	else
		add(&maker, "http_status", json_object_new_int64(error->http_status));
	add_string(&maker, "message", error->message.text);
	add_string(&maker, "hint", error->hint);
	return finish(&maker);
}

static struct json_object *new_pending_revocations(const struct status_content_token *token)
{
	struct maker array = make_array();

	for (size_t i = 0; i < token->pending_revocation_count; i++) {
		const struct status_pending_revocation *pending = &token->pending_revocations[i];
		struct maker maker = make_object();

		add_string(&maker, "fingerprint", pending->fingerprint);
		add_time(&maker, "until", pending->until_realtime_ns);
		append(&array, new_one_line(finish(&maker)));
	}
	return finish_list(&array);
}

static struct json_object *new_readers(const struct config_strings *readers)
{
	struct maker array = make_array();

	for (size_t i = 0; i < readers->count; i++)
		append(&array, new_string(readers->items[i]));
	return new_one_line(finish(&array));
}

static struct json_object *new_ok_failed(uint64_t ok, uint64_t failed)
{
	struct maker maker = make_object();

	add_count(&maker, "ok", ok);
	add_count(&maker, "failed", failed);
	return new_one_line(finish(&maker));
}

static struct json_object *new_fetch_errors(const struct status_record *record)
{
	struct maker maker = make_object();

	for (unsigned reason = TOKEN_OK + 1; reason < TOKEN_REASON_COUNT; reason++)
		if (record->fetch_errors[reason] > 0)
			add_count(&maker, token_reason_name((enum token_reason)reason),
				  record->fetch_errors[reason]);
	return new_one_line(finish(&maker));
}

static struct json_object *new_rejections(const struct status_rejections *rejections)
{
	struct maker maker = make_object();

	add_count(&maker, "accepted", rejections->accepted);
	add_count(&maker, "stale", rejections->stale);
	add_count(&maker, "denied", rejections->denied);
	add_count(&maker, "conflict", rejections->conflict);
	add_count(&maker, "invalid", rejections->invalid);
	add_count(&maker, "busy", rejections->busy);
	return new_one_line(finish(&maker));
}

static struct json_object *new_counters(const struct status_record *record)
{
	struct maker maker = make_object();

	add(&maker, "fetches", new_ok_failed(record->fetches_ok, record->fetches_failed));
	add(&maker, "fetch_errors", new_fetch_errors(record));
	add(&maker, "rejections", new_rejections(&record->rejections));
	add(&maker, "revocations",
	    new_ok_failed(record->revocations_ok, record->revocations_failed));
	add_count(&maker, "publishes", record->publishes);
	return finish(&maker);
}

/* Seconds with all three digits: a double of its own would be printed as 0.90000000000000002. */
static struct json_object *new_seconds(uint64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
	return json_object_new_double_s((double)ms / 1000, text);
}

static struct json_object *new_fetch_duration(const struct status_record *record)
{
	struct maker buckets = make_object();
	struct maker maker = make_object();
	char bound[32];

	for (size_t i = 0; i < STATUS_DURATION_BUCKETS; i++) {
		(void)snprintf(bound, sizeof(bound), "%g",
			       (double)status_duration_bounds_ms[i] / 1000);
		add_count(&buckets, bound, status_record_duration_count(record, i));
	}
	add(&maker, "buckets", new_one_line(finish(&buckets)));
	add(&maker, "sum", new_seconds(record->duration_sum_ms));
	add_count(&maker, "count", record->duration_count);
	return finish(&maker);
}

static struct json_object *new_history(const struct status_record *record)
{
	struct maker array = make_array();

	for (size_t i = 0; i < status_record_history_count(record); i++) {
		const struct status_outcome *outcome = status_record_history(record, i);
		struct maker maker = make_object();

		add_time(&maker, "at", outcome->at_realtime_ns);
		add_string(&maker, "result", token_reason_name(outcome->reason));
		add(&maker, "ms", json_object_new_int64(outcome->duration_ms));
		append(&array, new_one_line(finish(&maker)));
	}
	return finish_list(&array);
}

static const char *state_name(enum tokenbroker_segment_state state)
{
	switch (state) {
	case TOKENBROKER_SEGMENT_NONE:
		return "pending";
	case TOKENBROKER_SEGMENT_VALID:
		return "valid";
	case TOKENBROKER_SEGMENT_EXPIRED:
		return "expired";
	case TOKENBROKER_SEGMENT_SUSPENDED:
		return "suspended";
	}
	return NULL;
}

static void add_token_times(struct maker *maker, const struct status_content_token *token)
{
	add_time(maker, "obtained_at", token->obtained_at_ns);
	add_time(maker, "expires_at", token->expires_at_ns);
	add_time(maker, "next_attempt_at", token->next_attempt_at_ns);
	add_time(maker, "failing_since", token->failing_since_ns);
}

static struct json_object *new_token(const struct status_content_token *token)
{
	const struct status_record *record = token->record;
	struct maker maker = make_object();

	add_string(&maker, "name", token->name);
	add_string(&maker, "provider", token->provider);
	add_string(&maker, "state", state_name(token->state));
	if (token->generation == 0)
		add_null(&maker, "generation");
	else
		add_count(&maker, "generation", token->generation);
	add_string(&maker, "fingerprint", token->fingerprint);
	add_string(&maker, "token_type", token->token_type);
	add_string(&maker, "scope", token->scope);
	add_token_times(&maker, token);
	add_count(&maker, "consecutive_failures", token->consecutive_failures);
	if (record->has_last_error)
		add(&maker, "last_error", new_last_error(&record->last_error));
	else
		add_null(&maker, "last_error");
	add(&maker, "pending_revocations", new_pending_revocations(token));
	add(&maker, "readers", new_readers(token->readers));
	add_string(&maker, "segment", token->segment);
	add(&maker, "counters", new_counters(record));
	add(&maker, "fetch_duration", new_fetch_duration(record));
	add(&maker, "history", new_history(record));
	return finish(&maker);
}

/* A copy that stands TOKEN_INDENT deep; strings in JSON hold no raw newline. NULL: no memory. */
static char *indent(const char *text, size_t length)
{
	size_t lines = 0;
	char *copy, *end;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	copy = malloc(length + lines * (sizeof(TOKEN_INDENT) - 2) + 1);
	if (copy == NULL)
		return NULL;
	end = copy;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\n')
			end = stpcpy(end, TOKEN_INDENT);
		else
			*end++ = text[i];
	*end = '\0';
	return copy;
}

static char *print_token(const struct status_content_token *token)
{
	struct json_object *object = new_token(token);
	const char *printed;
	char *text = NULL;
	size_t length;

	if (object == NULL)
		return NULL;
	printed = json_object_to_json_string_length(object, PRETTY, &length);
	if (printed != NULL)
		text = indent(printed, length);
	json_object_put(object);
	return text;
}

static int refresh_kept(struct kept_token *kept, const struct status_content_token *token)
{
	uint64_t digest = content_digest(token);
	char *text;

	if (kept->text != NULL && kept->digest == digest)
		return 0;
	text = print_token(token);
	if (text == NULL)
		return -ENOMEM;
	free(kept->text);
	*kept = (struct kept_token){.digest = digest, .text = text};
	return 0;
}

static int resize_kept(struct status_document *document, size_t count)
{
	struct kept_token *kept;

	if (count == document->kept_count)
		return 0;
	for (size_t i = count; i < document->kept_count; i++) {
		free(document->kept[i].text);
		document->kept[i].text = NULL;
	}
	kept = realloc(document->kept, (count + 1) * sizeof(*kept)); /* never of size 0 */
	if (kept == NULL)
		return -ENOMEM;
	for (size_t i = document->kept_count; i < count; i++)
		kept[i] = (struct kept_token){.text = NULL};
	document->kept = kept;
	document->kept_count = count;
	return 0;
}

static struct json_object *new_config(const struct status_content *content)
{
	struct maker maker = make_object();
	struct maker warnings = make_array();

	for (size_t i = 0; i < content->config_warning_count; i++)
		append(&warnings, new_string(content->config_warnings[i].text));
	add_time(&maker, "loaded_at", content->config_loaded_at_ns);
	add_string(&maker, "error", content->config_error);
	add(&maker, "warnings", finish_list(&warnings));
	return finish(&maker);
}

static struct json_object *new_document(const struct status_document *document,
					const struct status_content *content)
{
	struct maker maker = make_object();
	struct maker loop = make_object();
	struct maker tokens = make_array();

	for (size_t i = 0; i < document->kept_count; i++)
		append(&tokens, new_raw(document->kept[i].text, NULL));
	add(&loop, "longest_ms", json_object_new_int64(content->loop_longest_ms));

	add_string(&maker, "version", content->version);
	add(&maker, "pid", json_object_new_int64(content->pid));
	add_time(&maker, "started_at", content->started_at_ns);
	add_time(&maker, "published_at", content->published_at_ns);
	add(&maker, "config", new_config(content));
	add(&maker, "loop", new_one_line(finish(&loop)));
	add(&maker, "tokens", finish_list(&tokens));
	return finish(&maker);
}

struct status_document *status_document_new(void)
{
	return calloc(1, sizeof(struct status_document));
}

void status_document_free(struct status_document *document)
{
	if (document == NULL)
		return;
	for (size_t i = 0; i < document->kept_count; i++)
		free(document->kept[i].text);
	free(document->kept);
	free(document->text);
	free(document);
}

static int print_document(struct status_document *document, struct json_object *object,
			  size_t *ret_length)
{
	size_t length;
	const char *printed = json_object_to_json_string_length(object, PRETTY, &length);
	char *text = printed == NULL ? NULL : realloc(document->text, length + 2);

	if (text == NULL)
		return -ENOMEM;
	memcpy(text, printed, length);
	memcpy(text + length, "\n", 2);
	document->text = text;
	*ret_length = length + 1;
	return 0;
}

int status_document_build(struct status_document *document, const struct status_content *content,
			  const char **ret_text, size_t *ret_length)
{
	struct json_object *object;
	int r = resize_kept(document, content->token_count);

	for (size_t i = 0; i < content->token_count && r == 0; i++)
		r = refresh_kept(&document->kept[i], &content->tokens[i]);
	if (r < 0)
		return r;
	object = new_document(document, content);
	if (object == NULL)
		return -ENOMEM;
	r = print_document(document, object, ret_length);
	json_object_put(object);
	if (r < 0)
		return r;
	*ret_text = document->text;
	return 0;
}
