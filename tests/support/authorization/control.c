/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/control.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/authorization/counts_json.h"
#include "tests/support/authorization/json_text.h"
#include "tests/support/authorization/order_json.h"

/* Each command answers 0, or -EINVAL with error filled. */
typedef int command(struct provider *provider, const char *body, struct error_text *error);

static int add_orders(struct provider *provider, const char *body, struct error_text *error)
{
	return order_json_add(&provider->orders, body, error);
}

static int clear_orders(struct provider *provider, const char *body, struct error_text *error)
{
	(void)body;
	(void)error;
	orders_clear(&provider->orders);
	return 0;
}

static const char *get_string(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static int find_auth(const char *name, enum auth_method *ret)
{
	static const char *const names[] = {"any", "post", "basic", "basic_raw"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum auth_method)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_client_from(struct provider *provider, struct json_object *root)
{
	const char *id = get_string(root, "client_id");
	const char *secret = get_string(root, "client_secret");
	const char *auth_name = get_string(root, "auth");
	enum auth_method auth = AUTH_METHOD_ANY;
	struct json_object *off = NULL;

	if (id == NULL || secret == NULL)
		return -EINVAL;
	if (auth_name != NULL && find_auth(auth_name, &auth) < 0)
		return -EINVAL;
	(void)json_object_object_get_ex(root, "off", &off);
	return store_set_client(&provider->store, id, secret, auth, json_object_get_boolean(off));
}

static int set_client(struct provider *provider, const char *body, struct error_text *error)
{
	struct json_object *root = json_tokener_parse(body);
	int r = set_client_from(provider, root);

	json_object_put(root);
	if (r < 0)
		error_text_set(error, "want client_id, client_secret, and maybe auth and off");
	return r;
}

static int set_shape_from(struct provider *provider, struct json_object *root)
{
	struct token_shape shape = provider_shape(provider);
	const char *canary = get_string(root, "canary");
	struct json_object *value;

	if (json_object_object_get_ex(root, "token_length", &value))
		shape.length = (size_t)json_object_get_uint64(value);
	if (json_object_object_get_ex(root, "expires_in", &value))
		shape.lifetime_s = json_object_get_int64(value);
	if (canary != NULL && strlen(canary) > STORE_CANARY_MAX)
		return -EINVAL;
	if (canary != NULL)
		(void)snprintf(shape.canary, sizeof(shape.canary), "%s", canary);
	if (shape.length < STORE_TOKEN_LENGTH_MIN || shape.length > STORE_TOKEN_LENGTH_MAX ||
	    shape.lifetime_s < 1)
		return -EINVAL;
	provider_set_shape(provider, &shape);
	return 0;
}

static int set_shape(struct provider *provider, const char *body, struct error_text *error)
{
	struct json_object *root = json_tokener_parse(body);
	int r = set_shape_from(provider, root);

	json_object_put(root);
	if (r < 0)
		error_text_set(error, "want token_length, expires_in, canary");
	return r;
}

static int revoke_all(struct provider *provider, const char *body, struct error_text *error)
{
	(void)body;
	(void)error;
	store_revoke_all(&provider->store);
	return 0;
}

static int expire_all(struct provider *provider, const char *body, struct error_text *error)
{
	(void)body;
	(void)error;
	store_expire_all(&provider->store, clock_boottime_ms());
	return 0;
}

static int reset(struct provider *provider, const char *body, struct error_text *error)
{
	(void)body;
	(void)error;
	orders_clear(&provider->orders);
	store_reset(&provider->store);
	journal_reset(&provider->journal);
	return 0;
}

static const struct {
	const char *method;
	const char *path;
	command *run;
} commands[] = {
	{"POST", "/_control/orders", add_orders},     {"DELETE", "/_control/orders", clear_orders},
	{"POST", "/_control/client", set_client},     {"POST", "/_control/settings", set_shape},
	{"POST", "/_control/revoke_all", revoke_all}, {"POST", "/_control/expire_all", expire_all},
	{"POST", "/_control/reset", reset},
};

static command *find_command(const struct http_request *request)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].path, request->path) == 0 &&
		    strcmp(commands[i].method, request->method) == 0)
			return commands[i].run;
	}
	return NULL;
}

static void answer_json(struct http_answer *answer, unsigned status, char *text)
{
	answer->status = text != NULL ? status : 500;
	answer->body = text;
	answer->length = text != NULL ? strlen(text) : 0;
	http_answer_header(answer, "Content-Type", "application/json");
}

static void on_request(void *context, const struct http_request *request,
		       struct http_answer *ret_answer)
{
	command *run = find_command(request);
	struct error_text error = {"the machine let us down"};

	if (strcmp(request->method, "GET") == 0 && strcmp(request->path, "/_control/counts") == 0)
		answer_json(ret_answer, 200, counts_json(context));
	else if (run == NULL)
		answer_json(ret_answer, 404, json_text_error("not_found", "no such command"));
	else if (request->is_too_large)
		answer_json(ret_answer, 413, json_text_error("too_large", "the body is too large"));
	else if (run(context, request->body, &error) < 0)
		answer_json(ret_answer, 400, json_text_error("bad_order", error.text));
	else
		answer_json(ret_answer, 200, strdup("{}"));
}

static void on_begin(void *context, struct http_request *request)
{
	(void)context;
	(void)request;
}

static void on_end(void *context, const struct http_request *request)
{
	(void)context;
	(void)request;
}

struct http_service control_service(struct provider *provider)
{
	return (struct http_service){
		.context = provider,
		.on_begin = on_begin,
		.on_request = on_request,
		.on_end = on_end,
	};
}
