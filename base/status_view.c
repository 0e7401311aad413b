/* SPDX-License-Identifier: MIT */
#include "base/status_view.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json_c.h"
#include "base/status_file.h"

/* The document has five levels; json-c's own limit is 32. */
enum { DEPTH_MAX = 16 };

/* One parse: json-c, and where in the document we are, for messages. */
struct reader {
	struct json_c json;
	char where[48]; /* "tokens[3].last_error", or "" at the top */
	struct error_text *error;
};

static const char *const state_names[] = {
	[STATUS_VIEW_PENDING] = "pending",
	[STATUS_VIEW_VALID] = "valid",
	[STATUS_VIEW_EXPIRED] = "expired",
	[STATUS_VIEW_SUSPENDED] = "suspended",
};

enum { STATE_COUNT = sizeof(state_names) / sizeof(state_names[0]) };

static int wrong(const struct reader *reader, const char *key, const char *what)
{
	error_text_set(reader->error, "%s%s%s: %s", reader->where,
		       reader->where[0] != '\0' ? "." : "", key, what);
	return -EBADMSG;
}

/* 0 and NULL where there is no such member, or null. */
static int get_member(const struct reader *reader, const struct json_object *object,
		      const char *key, enum json_type type, struct json_object **ret)
{
	static const char *const wanted[] = {
		[json_type_int] = "not a whole number",
		[json_type_object] = "not an object",
		[json_type_array] = "not an array",
		[json_type_string] = "not a string",
	};
	struct json_object *member = NULL;

	if (!reader->json.object_object_get_ex(object, key, &member) || member == NULL) {
		*ret = NULL;
		return 0;
	}
	if (!reader->json.object_is_type(member, type))
		return wrong(reader, key, wanted[type]);
	*ret = member;
	return 0;
}

static int get_count(const struct reader *reader, const struct json_object *object, const char *key,
		     uint64_t *ret)
{
	struct json_object *member;
	int64_t value;
	int r = get_member(reader, object, key, json_type_int, &member);

	if (r < 0 || member == NULL)
		return r;
	value = reader->json.object_get_int64(member);
	if (value < 0)
		return wrong(reader, key, "negative");
	*ret = (uint64_t)value;
	return 0;
}

/* Borrowed from the document. */
static int get_string(const struct reader *reader, const struct json_object *object,
		      const char *key, const char **ret)
{
	struct json_object *member;
	const char *value;
	int r = get_member(reader, object, key, json_type_string, &member);

	if (r < 0 || member == NULL)
		return r;
	value = reader->json.object_get_string(member);
	if (strlen(value) != (size_t)reader->json.object_get_string_len(member))
		return wrong(reader, key, "a NUL in a text");
	*ret = value;
	return 0;
}

static int copy_string(const struct reader *reader, const struct json_object *object,
		       const char *key, const char *otherwise, char **ret)
{
	const char *value = otherwise;
	int r = get_string(reader, object, key, &value);

	if (r < 0 || value == NULL)
		return r;
	*ret = strdup(value);
	return *ret == NULL ? -ENOMEM : 0;
}

static int get_fingerprint(const struct reader *reader, const struct json_object *object,
			   char ret[static STATUS_VIEW_FINGERPRINT_BYTES])
{
	const char *value = "";
	int r = get_string(reader, object, "fingerprint", &value);

	if (r < 0)
		return r;
	if (strspn(value, "0123456789abcdef") != strlen(value) ||
	    strlen(value) >= STATUS_VIEW_FINGERPRINT_BYTES)
		return wrong(reader, "fingerprint", "not 12 hex digits");
	(void)snprintf(ret, STATUS_VIEW_FINGERPRINT_BYTES, "%s", value);
	return 0;
}

/* RFC 3339 as the broker writes it: whole seconds, UTC. */
static bool parse_time(const char *text, int64_t *ret_s)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm parts = {0};
	struct tm same;
	time_t seconds;

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
		   &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	same = parts;
	seconds = timegm(&same);
	/* timegm(3) takes a 31st of February: it comes back as another day. */
	if (same.tm_mon != parts.tm_mon || same.tm_mday != parts.tm_mday ||
	    same.tm_hour != parts.tm_hour || same.tm_min != parts.tm_min ||
	    same.tm_sec != parts.tm_sec)
		return false;
	*ret_s = seconds;
	return true;
}

static int get_time(const struct reader *reader, const struct json_object *object, const char *key,
		    int64_t *ret_s)
{
	const char *value = NULL;
	int r = get_string(reader, object, key, &value);

	if (r < 0 || value == NULL)
		return r;
	return parse_time(value, ret_s) ? 0 : wrong(reader, key, "not a time in RFC 3339, UTC");
}

static int get_name(const struct reader *reader, const struct json_object *object,
		    struct status_view_token *token)
{
	const char *value = "";
	int r = get_string(reader, object, "name", &value);

	if (r < 0)
		return r;
	if (!token_name_is_valid(value))
		return wrong(reader, "name", "not a token name");
	(void)snprintf(token->name, sizeof(token->name), "%s", value);
	return 0;
}

static int get_state(const struct reader *reader, const struct json_object *object,
		     struct status_view_token *token)
{
	const char *value = "";
	int r = get_string(reader, object, "state", &value);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (strcmp(value, state_names[i]) == 0) {
			token->state = (enum status_view_state)i;
			return 0;
		}
	}
	return wrong(reader, "state", "not a state this version knows");
}

static int read_last_error(const struct reader *reader, const struct json_object *object,
			   struct status_view_token *token)
{
	struct status_view_error *last = &token->last_error;
	struct json_object *member;
	uint64_t http_status = 0;
	int r = get_member(reader, object, "last_error", json_type_object, &member);

	if (r < 0 || member == NULL)
		return r;
	token->has_last_error = true;
	if ((r = get_time(reader, member, "at", &last->at_s)) < 0 ||
	    (r = get_count(reader, member, "http_status", &http_status)) < 0 ||
	    (r = copy_string(reader, member, "reason", "", &last->reason)) < 0 ||
	    (r = copy_string(reader, member, "message", "", &last->message)) < 0 ||
	    (r = copy_string(reader, member, "hint", "", &last->hint)) < 0)
		return r;
	last->http_status = (int64_t)http_status;
	return 0;
}

/* No member is an empty array. */
static int get_array(const struct reader *reader, const struct json_object *object, const char *key,
		     struct json_object **ret, size_t *ret_count)
{
	int r = get_member(reader, object, key, json_type_array, ret);

	if (r < 0)
		return r;
	*ret_count = *ret == NULL ? 0 : reader->json.object_array_length(*ret);
	return 0;
}

/* NULL with a message unless the item is of that type. */
static struct json_object *get_item(const struct reader *reader, const struct json_object *array,
				    const char *key, size_t index, enum json_type type)
{
	struct json_object *item = reader->json.object_array_get_idx(array, index);

	if (item != NULL && reader->json.object_is_type(item, type))
		return item;
	(void)wrong(reader, key, "an entry of another type");
	return NULL;
}

static int read_revocations(const struct reader *reader, const struct json_object *object,
			    struct status_view_token *token)
{
	static const char key[] = "pending_revocations";
	struct json_object *array;
	size_t count;
	int r = get_array(reader, object, key, &array, &count);

	if (r < 0 || count == 0)
		return r;
	token->pending_revocations = calloc(count, sizeof(*token->pending_revocations));
	if (token->pending_revocations == NULL)
		return -ENOMEM;
	token->pending_revocation_count = count;
	for (size_t i = 0; i < count; i++) {
		struct status_view_revocation *revocation = &token->pending_revocations[i];
		struct json_object *item = get_item(reader, array, key, i, json_type_object);

		if (item == NULL)
			return -EBADMSG;
		if ((r = get_fingerprint(reader, item, revocation->fingerprint)) < 0 ||
		    (r = get_time(reader, item, "until", &revocation->until_s)) < 0)
			return r;
	}
	return 0;
}

/* One of the counters {"ok":N,"failed":N}. */
static int read_results(const struct reader *reader, const struct json_object *counters,
			const char *key, uint64_t *ret_ok, uint64_t *ret_failed)
{
	struct json_object *member;
	int r = get_member(reader, counters, key, json_type_object, &member);

	if (r < 0 || member == NULL)
		return r;
	if ((r = get_count(reader, member, "ok", ret_ok)) < 0)
		return r;
	return get_count(reader, member, "failed", ret_failed);
}

static int read_counters(const struct reader *reader, const struct json_object *object,
			 struct status_view_token *token)
{
	struct json_object *counters;
	int r = get_member(reader, object, "counters", json_type_object, &counters);

	if (r < 0 || counters == NULL)
		return r;
	r = read_results(reader, counters, "fetches", &token->counters.fetches_ok,
			 &token->counters.fetches_failed);
	if (r < 0)
		return r;
	return read_results(reader, counters, "revocations", &token->counters.revocations_ok,
			    &token->counters.revocations_failed);
}

static int read_token(const struct reader *reader, const struct json_object *object,
		      struct status_view_token *token)
{
	int r;

	if ((r = get_name(reader, object, token)) < 0 ||
	    (r = get_state(reader, object, token)) < 0 ||
	    (r = get_count(reader, object, "generation", &token->generation)) < 0 ||
	    (r = get_fingerprint(reader, object, token->fingerprint)) < 0 ||
	    (r = get_time(reader, object, "obtained_at", &token->obtained_at_s)) < 0 ||
	    (r = get_time(reader, object, "expires_at", &token->expires_at_s)) < 0 ||
	    (r = get_time(reader, object, "next_attempt_at", &token->next_attempt_at_s)) < 0 ||
	    (r = get_time(reader, object, "failing_since", &token->failing_since_s)) < 0 ||
	    (r = get_count(reader, object, "consecutive_failures", &token->consecutive_failures)) <
		    0 ||
	    (r = read_last_error(reader, object, token)) < 0 ||
	    (r = read_revocations(reader, object, token)) < 0)
		return r;
	return read_counters(reader, object, token);
}

static int read_tokens(struct reader *reader, const struct json_object *document,
		       struct status_view *view)
{
	static const char key[] = "tokens";
	struct json_object *array;
	size_t count;
	int r = get_array(reader, document, key, &array, &count);

	if (r < 0)
		return r;
	if (array == NULL)
		return wrong(reader, key, "missing");
	view->tokens = calloc(count + 1, sizeof(*view->tokens));
	if (view->tokens == NULL)
		return -ENOMEM;
	view->token_count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = get_item(reader, array, key, i, json_type_object);

		if (item == NULL)
			return -EBADMSG;
		(void)snprintf(reader->where, sizeof(reader->where), "tokens[%zu]", i);
		r = read_token(reader, item, &view->tokens[i]);
		if (r < 0)
			return r;
		reader->where[0] = '\0';
	}
	return 0;
}

static int read_warnings(const struct reader *reader, const struct json_object *config,
			 struct status_view *view)
{
	static const char key[] = "warnings";
	struct json_object *array;
	size_t count;
	int r = get_array(reader, config, key, &array, &count);

	if (r < 0 || count == 0)
		return r;
	view->config_warnings = calloc(count, sizeof(*view->config_warnings));
	if (view->config_warnings == NULL)
		return -ENOMEM;
	view->config_warning_count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = get_item(reader, array, key, i, json_type_string);

		if (item == NULL)
			return -EBADMSG;
		view->config_warnings[i] = strdup(reader->json.object_get_string(item));
		if (view->config_warnings[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int read_config(struct reader *reader, const struct json_object *document,
		       struct status_view *view)
{
	struct json_object *config;
	int r = get_member(reader, document, "config", json_type_object, &config);

	if (r < 0 || config == NULL)
		return r;
	(void)snprintf(reader->where, sizeof(reader->where), "config");
	if ((r = copy_string(reader, config, "error", NULL, &view->config_error)) < 0 ||
	    (r = read_warnings(reader, config, view)) < 0)
		return r;
	reader->where[0] = '\0';
	return 0;
}

static int read_document(struct reader *reader, const struct json_object *document,
			 struct status_view *view)
{
	int r;

	if ((r = copy_string(reader, document, "version", "", &view->version)) < 0 ||
	    (r = get_time(reader, document, "started_at", &view->started_at_s)) < 0 ||
	    (r = get_time(reader, document, "published_at", &view->published_at_s)) < 0 ||
	    (r = read_config(reader, document, view)) < 0)
		return r;
	return read_tokens(reader, document, view);
}

/* The document as json-c has it; the caller puts it back. */
static int parse_json(const struct reader *reader, const char *text, size_t length,
		      struct json_object **ret)
{
	const struct json_c *json = &reader->json;
	struct json_tokener *tokener;
	struct json_object *document;
	enum json_tokener_error fault;

	if (length > STATUS_FILE_BYTES_MAX || memchr(text, '\0', length) != NULL) {
		error_text_set(reader->error, "too long, or a NUL in it");
		return -EBADMSG;
	}
	tokener = json->tokener_new_ex(DEPTH_MAX);
	if (tokener == NULL)
		return -ENOMEM;
	json->tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	document = json->tokener_parse_ex(tokener, text, (int)length);
	fault = json->tokener_get_error(tokener);
	if (fault != json_tokener_success)
		error_text_set(reader->error, "no JSON at byte %zu: %s",
			       json->tokener_get_parse_end(tokener),
			       fault == json_tokener_continue ? "it ends too early"
							      : json->tokener_error_desc(fault));
	json->tokener_free(tokener);
	if (fault == json_tokener_success && !json->object_is_type(document, json_type_object)) {
		error_text_set(reader->error, "not an object");
		fault = json_tokener_error_parse_unexpected;
	}
	if (fault != json_tokener_success) {
		(void)json->object_put(document);
		return -EBADMSG;
	}
	*ret = document;
	return 0;
}

int status_view_parse(const char *text, size_t length, struct status_view **ret,
		      struct error_text *error)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	struct reader reader = {.error = error};
	struct json_object *document;
	int r = json_c_load(&reader.json, error);

	if (r < 0)
		return r;
	r = parse_json(&reader, text, length, &document);
	if (r < 0)
		return r;
	view = calloc(1, sizeof(*view));
	r = view == NULL ? -ENOMEM : read_document(&reader, document, view);
	(void)reader.json.object_put(document);
	if (r < 0)
		return r;
	*ret = view;
	view = NULL;
	return 0;
}

static void fini_token(struct status_view_token *token)
{
	free(token->last_error.reason);
	free(token->last_error.message);
	free(token->last_error.hint);
	free(token->pending_revocations);
}

void status_view_free(struct status_view *view)
{
	if (view == NULL)
		return;
	for (size_t i = 0; i < view->token_count; i++)
		fini_token(&view->tokens[i]);
	for (size_t i = 0; i < view->config_warning_count; i++)
		free(view->config_warnings[i]);
	free(view->config_warnings);
	free(view->config_error);
	free(view->version);
	free(view->tokens);
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

const char *status_view_state_name(enum status_view_state state)
{
	assert((unsigned)state < STATE_COUNT);
	return state_names[state];
}
