/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/call.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "tests/support/authorization/json_text.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static enum outcome refuse(struct call *call, unsigned status, enum outcome outcome,
			   const char *error, const char *description)
{
	call_answer_json(call, status, json_text_error(error, description));
	return outcome;
}

static enum outcome bad_request(struct call *call, const char *description)
{
	return refuse(call, 400, OUTCOME_INVALID_REQUEST, "invalid_request", description);
}

static enum outcome bad_client(struct call *call, const char *description)
{
	/* RFC 6749 5.2: who came with an Authorization header is told the scheme to use. */
	if (call->is_generic && call->request->authorization != NULL)
		http_answer_header(call->answer, "WWW-Authenticate", "Basic realm=\"oauth2\"");
	return refuse(call, 401, OUTCOME_INVALID_CLIENT, "invalid_client", description);
}

static bool is_form_type(const char *type)
{
	size_t length = strlen(FORM_TYPE);

	if (type == NULL || strncasecmp(type, FORM_TYPE, length) != 0)
		return false;
	return type[length] == '\0' || type[length] == ';' || type[length] == ' ';
}

static bool has_empty_value(const struct form *form)
{
	for (size_t i = 0; i < form->count; i++) {
		if (*form->fields[i].value == '\0')
			return true;
	}
	return false;
}

/* What holds for every form, whoever sends it. */
static enum outcome check_form(struct call *call)
{
	const struct http_request *request = call->request;

	if (strcmp(request->method, "POST") != 0) {
		http_answer_header(call->answer, "Allow", "POST");
		return refuse(call, 405, OUTCOME_METHOD, "invalid_request", "use POST");
	}
	if (!is_form_type(request->content_type))
		return refuse(call, 415, OUTCOME_MEDIA_TYPE, "invalid_request", "use " FORM_TYPE);
	if (request->has_query)
		return bad_request(call, "no parameter belongs into the address");
	if (request->is_too_large || request->has_nul || call->is_malformed)
		return bad_request(call, "this is no form");
	if (form_repeated(&call->form) != NULL)
		return bad_request(call, "a parameter is there twice");
	if (has_empty_value(&call->form))
		return bad_request(call, "a parameter is empty");
	return OUTCOME_OK;
}

static enum outcome require(struct call *call, const char *const names[])
{
	for (; *names != NULL; names++) {
		if (form_value(&call->form, *names) == NULL)
			return bad_request(call, "a parameter is missing");
	}
	return OUTCOME_OK;
}

static int client_by_form(struct call *call)
{
	return store_authenticate(&call->provider->store, form_value(&call->form, "client_id"),
				  form_value(&call->form, "client_secret"));
}

static bool is_allowed(struct call *call, int client, enum auth_method method)
{
	enum auth_method wanted;

	if (client < 0)
		return false;
	wanted = store_client_auth(&call->provider->store, (size_t)client);
	return wanted == AUTH_METHOD_ANY || wanted == method;
}

static int client_by_basic(struct call *call)
{
	struct basic_credentials *basic = &call->basic;
	struct store *store = &call->provider->store;
	int client = store_authenticate(store, basic->user, basic->password);

	if (is_allowed(call, client, AUTH_METHOD_BASIC_RAW))
		return client;
	if (form_decode(basic->user) < 0 || form_decode(basic->password) < 0)
		return -EACCES;
	client = store_authenticate(store, basic->user, basic->password);
	return is_allowed(call, client, AUTH_METHOD_BASIC) ? client : -EACCES;
}

static enum outcome authenticate_generic(struct call *call, int *ret_client)
{
	bool has_secret = form_value(&call->form, "client_secret") != NULL;
	int client;

	if (call->request->authorization != NULL && has_secret)
		return bad_request(call, "authenticate once, not twice");
	if (call->basic.user != NULL) {
		client = client_by_basic(call);
	} else if (form_value(&call->form, "client_id") == NULL || !has_secret) {
		return bad_client(call, "no client credentials");
	} else {
		client = client_by_form(call);
		if (!is_allowed(call, client, AUTH_METHOD_POST))
			client = -EACCES;
	}
	if (client < 0)
		return bad_client(call, "client authentication failed");
	*ret_client = client;
	return OUTCOME_OK;
}

static enum outcome authenticate_blueconic(struct call *call, int *ret_client)
{
	static const char *const names[] = {"client_id", "client_secret", NULL};
	enum outcome outcome;
	int client;

	if (call->request->authorization != NULL &&
	    form_value(&call->form, "client_secret") != NULL)
		return bad_request(call, "authenticate once, not twice");
	if (call->request->authorization != NULL)
		return bad_client(call, "the client credentials belong into the body");
	outcome = require(call, names);
	if (outcome != OUTCOME_OK)
		return outcome;
	client = client_by_form(call);
	if (client < 0)
		return bad_client(call, "client authentication failed");
	*ret_client = client;
	return OUTCOME_OK;
}

static enum outcome authenticate(struct call *call, int *ret_client)
{
	return call->is_generic ? authenticate_generic(call, ret_client)
				: authenticate_blueconic(call, ret_client);
}

static struct token_shape shape_for(struct call *call)
{
	struct token_shape shape = provider_shape(call->provider);
	const struct order *order = &call->order;

	if (order->has_lifetime)
		shape.lifetime_s = order->lifetime_s;
	if (order->token_length > 0)
		shape.length = order->token_length;
	if (order->odd != NULL && odd_body_token_length(order->odd) > 0)
		shape.length = odd_body_token_length(order->odd);
	shape.is_same_again = order->is_same_again;
	return shape;
}

static enum outcome issue(struct call *call, int client)
{
	struct token_shape shape = shape_for(call);
	CLEANUP(free_memory)
	char *token = store_issue(&call->provider->store, (size_t)client, &shape, call->now_ms);

	if (token == NULL) {
		call_answer_json(call, 500, NULL);
	} else if (call->order.odd != NULL) {
		if (odd_body_answer(call->order.odd, token, call->answer) < 0)
			call_answer_json(call, 500, NULL);
	} else {
		const char *scope = call->is_generic ? form_value(&call->form, "scope") : NULL;

		call_answer_json(call, 200, json_text_token(token, shape.lifetime_s, scope));
	}
	return OUTCOME_OK;
}

enum outcome oauth_token(struct call *call)
{
	static const char *const names[] = {"grant_type", NULL};
	enum outcome outcome = check_form(call);
	int client = -1;

	if (outcome == OUTCOME_OK)
		outcome = require(call, names);
	if (outcome == OUTCOME_OK)
		outcome = authenticate(call, &client);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (strcmp(form_value(&call->form, "grant_type"), "client_credentials") != 0)
		return refuse(call, 400, OUTCOME_UNSUPPORTED_GRANT_TYPE, "unsupported_grant_type",
			      "use client_credentials");
	return issue(call, client);
}

enum outcome oauth_revoke(struct call *call)
{
	static const char *const names[] = {"token", NULL};
	enum outcome outcome = check_form(call);
	int client = -1;

	if (outcome == OUTCOME_OK)
		outcome = require(call, names);
	if (outcome == OUTCOME_OK)
		outcome = authenticate(call, &client);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (!store_revoke(&call->provider->store, (size_t)client, form_value(&call->form, "token")))
		return bad_request(call, "the token belongs to another client");
	call->answer->status = 200;
	return OUTCOME_OK;
}
