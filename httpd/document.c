/* SPDX-License-Identifier: MIT */
#include "httpd/document.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"

#define EVENT_HEAD "event: status\ndata: "
#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static void cleanup_json(struct json_object **object)
{
	(void)json_object_put(*object);
}

/* What is true now may differ from what was written: then an expiry has passed. */
static int correct_state(struct json_object *object, const struct status_view_token *token,
			 int64_t now_s)
{
	enum status_view_state state = status_view_state_at(token, now_s);
	struct json_object *name;

	if (state == token->state)
		return 0;
	name = json_object_new_string(status_view_state_name(state));
	if (name == NULL || json_object_object_add(object, "state", name) < 0) {
		(void)json_object_put(name);
		return -ENOMEM;
	}
	return 0;
}

/* Each text ends with a newline, for terminals. */
static int serialise(struct json_object *object, const char *head, const char *tail,
		     struct shared_text **ret)
{
	CLEANUP(free_memory) char *data = NULL;
	struct shared_text *text;
	const char *json = json_object_to_json_string_ext(object, JSON_FLAGS);
	int length;

	if (json == NULL)
		return -ENOMEM;
	length = asprintf(&data, "%s%s%s", head, json, tail);
	if (length < 0) {
		data = NULL;
		return -ENOMEM;
	}
	text = shared_text_new(data, (size_t)length);
	if (text == NULL)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int add_token(struct document *document, struct json_object *object,
		     const struct status_view_token *token, int64_t now_s)
{
	int r = correct_state(object, token, now_s);

	if (r == 0)
		r = serialise(object, "", "\n", &document->tokens[document->token_count]);
	if (r < 0)
		return r;
	document->token_count++;
	if (token->state == STATUS_VIEW_VALID && token->expires_at_s > now_s &&
	    token->expires_at_s < document->true_until_s)
		document->true_until_s = token->expires_at_s;
	return 0;
}

/* A strong validator: the text's own digest (RFC 9110 8.8.3). */
static void set_etag(struct document *document)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t half[2];

	digest_sha256(document->whole->data, document->whole->length, digest);
	memcpy(half, digest, sizeof(half));
	(void)snprintf(document->etag, sizeof(document->etag), "\"%016" PRIx64 "%016" PRIx64 "\"",
		       half[0], half[1]);
}

static int fill(struct document *document, struct json_object *root, const struct status_view *view,
		int64_t now_s)
{
	struct json_object *tokens;
	int r;

	if (!json_object_object_get_ex(root, "tokens", &tokens) ||
	    !json_object_is_type(tokens, json_type_array) ||
	    json_object_array_length(tokens) != view->token_count)
		return -EBADMSG;
	document->tokens = calloc(view->token_count + 1, sizeof(*document->tokens));
	if (document->tokens == NULL)
		return -ENOMEM;
	document->true_until_s = INT64_MAX;
	for (size_t i = 0; i < view->token_count; i++) {
		r = add_token(document, json_object_array_get_idx(tokens, i), &view->tokens[i],
			      now_s);
		if (r < 0)
			return r;
	}
	r = serialise(root, "", "\n", &document->whole);
	if (r == 0)
		r = serialise(root, EVENT_HEAD, "\n\n", &document->event);
	if (r == 0)
		set_etag(document);
	return r;
}

int document_new(struct document **ret, const char *text, size_t length,
		 const struct status_view *view, int64_t now_s)
{
	CLEANUP(document_free) struct document *document = calloc(1, sizeof(*document));
	CLEANUP(json) struct json_object *root = NULL;
	struct json_tokener *tokener;
	int r;

	if (document == NULL)
		return -ENOMEM;
	tokener = json_tokener_new();
	if (tokener == NULL)
		return -ENOMEM;
	root = json_tokener_parse_ex(tokener, text, (int)length);
	json_tokener_free(tokener);
	if (root == NULL)
		return -EBADMSG;
	r = fill(document, root, view, now_s);
	if (r < 0)
		return r;
	*ret = document;
	document = NULL;
	return 0;
}

void document_free(struct document *document)
{
	if (document == NULL)
		return;
	for (size_t i = 0; i < document->token_count; i++)
		shared_text_release(document->tokens[i]);
	free(document->tokens);
	shared_text_release(document->whole);
	shared_text_release(document->event);
	free(document);
}

struct shared_text *document_token(const struct document *document, const struct status_view *view,
				   const char *name)
{
	const struct status_view_token *token = status_view_find(view, name);

	return token == NULL ? NULL : document->tokens[token - view->tokens];
}
