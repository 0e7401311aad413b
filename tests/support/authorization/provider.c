/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "tests/support/authorization/call.h"
#include "tests/support/authorization/json_text.h"

/* The shape of a token when nothing else is set; BlueConic documents an hour. */
#define DEFAULT_TOKEN_LENGTH 64
#define DEFAULT_LIFETIME_S   3600

struct route {
	const char *path;
	enum endpoint endpoint;
	bool is_generic;
};

static const struct route routes[] = {
	{"/rest/v2/oauth/token", ENDPOINT_TOKEN, false},
	{"/rest/v2/oauth/revoke", ENDPOINT_REVOKE, false},
	{"/rest/v2/profiles", ENDPOINT_API, false},
	{"/oauth2/token", ENDPOINT_TOKEN, true},
	{"/oauth2/revoke", ENDPOINT_REVOKE, true},
};

static const struct route *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	}
	return NULL;
}

void provider_init(struct provider *provider)
{
	store_init(&provider->store);
	orders_init(&provider->orders);
	journal_init(&provider->journal);
	pthread_mutex_init(&provider->lock, NULL);
	provider->shape = (struct token_shape){
		.length = DEFAULT_TOKEN_LENGTH,
		.lifetime_s = DEFAULT_LIFETIME_S,
	};
}

void provider_fini(struct provider *provider)
{
	pthread_mutex_destroy(&provider->lock);
	journal_fini(&provider->journal);
	orders_fini(&provider->orders);
	store_fini(&provider->store);
}

struct token_shape provider_shape(struct provider *provider)
{
	struct token_shape shape;

	pthread_mutex_lock(&provider->lock);
	shape = provider->shape;
	pthread_mutex_unlock(&provider->lock);
	return shape;
}

void provider_set_shape(struct provider *provider, const struct token_shape *shape)
{
	pthread_mutex_lock(&provider->lock);
	provider->shape = *shape;
	pthread_mutex_unlock(&provider->lock);
}

void call_answer_json(struct call *call, unsigned status, char *text)
{
	struct http_answer *answer = call->answer;

	answer->status = text != NULL ? status : 500;
	answer->body = text;
	answer->length = text != NULL ? strlen(text) : 0;
	http_answer_header(answer, "Content-Type", "application/json;charset=UTF-8");
	http_answer_header(answer, "Cache-Control", "no-store");
}

static bool is_safe(struct store *store, const struct form_field *field)
{
	static const char *const secret_names[] = {"client_secret",    "token",
						   "client_assertion", "assertion",
						   "refresh_token",    "password"};

	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (strcmp(field->name, secret_names[i]) == 0)
			return false;
	}
	return !store_has_secret_in(store, field->name) &&
	       !store_has_secret_in(store, field->value);
}

static void note_form(struct call *call)
{
	const struct http_request *request = call->request;
	struct journal_form noted = {0};
	const char *auth = call->basic.user != NULL                           ? "basic"
			   : form_value(&call->form, "client_secret") != NULL ? "post"
									      : "none";

	(void)snprintf(noted.path, sizeof(noted.path), "%s", request->path);
	(void)snprintf(noted.auth, sizeof(noted.auth), "%s", auth);
	if (request->content_type != NULL)
		(void)snprintf(noted.content_type, sizeof(noted.content_type), "%s",
			       request->content_type);
	for (size_t i = 0; i < call->form.count && i < JOURNAL_FIELDS; i++) {
		const struct form_field *field = &call->form.fields[i];
		struct journal_field *to = &noted.fields[noted.count++];

		(void)snprintf(to->name, sizeof(to->name), "%s", field->name);
		if (is_safe(&call->provider->store, field))
			(void)snprintf(to->value, sizeof(to->value), "%s", field->value);
	}
	journal_form(&call->provider->journal, call->endpoint, &noted);
}

/* As sent, or NULL: also when it holds a secret, because it is shown to the test. */
static const char *client_id(const struct call *call)
{
	const char *id =
		call->basic.user != NULL ? call->basic.user : form_value(&call->form, "client_id");

	return id != NULL && store_has_secret_in(&call->provider->store, id) ? NULL : id;
}

/* An API request without a good token is 401 without WWW-Authenticate, as BlueConic answers. */
static enum outcome api(struct call *call)
{
	static const char scheme[] = "Bearer ";
	const char *authorization = call->request->authorization;
	struct store *store = &call->provider->store;

	if (strcmp(call->request->method, "GET") != 0) {
		http_answer_header(call->answer, "Allow", "GET");
		call_answer_json(call, 405, strdup("{\"error\":\"use GET\"}"));
		return OUTCOME_METHOD;
	}
	if (authorization == NULL || strncasecmp(authorization, scheme, strlen(scheme)) != 0 ||
	    store_look_up(store, authorization + strlen(scheme), call->now_ms) !=
		    STORE_TOKEN_ACTIVE) {
		call_answer_json(call, 401, strdup("{\"error\":\"unauthorized\"}"));
		return OUTCOME_UNAUTHORIZED;
	}
	call_answer_json(call, 200, strdup("{\"profiles\":[{\"id\":\"1\"},{\"id\":\"2\"}]}"));
	return OUTCOME_OK;
}

/* Whether the endpoint itself does not see the request at all. */
static bool is_answered_by_order(const struct call *call)
{
	const struct order *order = &call->order;
	bool is_lost =
		order->delivery == HTTP_DELIVERY_RESET || order->delivery == HTTP_DELIVERY_STALL;

	return order->status != 0 || order->body != NULL || order->echoes_secret ||
	       (order->odd != NULL && !odd_body_needs_token(order->odd)) ||
	       (is_lost && !order->is_processed);
}

static void echo(struct call *call)
{
	const char *secret = call->basic.user != NULL ? call->basic.password
						      : form_value(&call->form, "client_secret");

	call_answer_json(call, call->order.status != 0 ? call->order.status : 401,
			 json_text_echo(client_id(call), secret, form_value(&call->form, "token")));
}

/* The body goes over to the answer; without memory it is empty, and the test fails by that. */
static enum outcome answer_by_order(struct call *call)
{
	struct order *order = &call->order;

	call->answer->status = order->status;
	if (order->echoes_secret) {
		echo(call);
	} else if (order->odd != NULL && !odd_body_needs_token(order->odd)) {
		(void)odd_body_answer(order->odd, NULL, call->answer);
	} else {
		call->answer->body = order->body;
		call->answer->length = order->body_length;
		order->body = NULL;
	}
	if (call->answer->status == 0)
		call->answer->status = 200;
	return OUTCOME_FAULT;
}

static enum outcome process(struct call *call)
{
	switch (call->endpoint) {
	case ENDPOINT_TOKEN:
		return oauth_token(call);
	case ENDPOINT_REVOKE:
		return oauth_revoke(call);
	case ENDPOINT_API:
		return api(call);
	case ENDPOINT_COUNT:
		break;
	}
	return OUTCOME_INVALID_REQUEST;
}

static void apply_delivery(struct call *call)
{
	const struct order *order = &call->order;

	call->answer->delay_ms = order->delay_ms;
	call->answer->slow_ms = order->slow_ms;
	if (order->delivery != HTTP_DELIVERY_PLAIN)
		call->answer->delivery = order->delivery;
	for (size_t i = 0; i < order->header_count; i++)
		http_answer_header(call->answer, order->headers[i].name, order->headers[i].value);
}

static enum outcome judge(struct call *call)
{
	enum outcome outcome;

	outcome = is_answered_by_order(call) ? answer_by_order(call) : process(call);
	apply_delivery(call);
	if (call->order.odd != NULL || call->answer->delivery != HTTP_DELIVERY_PLAIN)
		return OUTCOME_FAULT;
	return outcome;
}

static void handle(struct call *call)
{
	const struct http_request *request = call->request;
	enum outcome outcome;

	if (call->endpoint != ENDPOINT_API) {
		call->is_malformed = form_parse(request->body, request->length, &call->form) < 0;
		if (request->authorization != NULL)
			(void)basic_parse(request->authorization, &call->basic);
		note_form(call);
	}
	(void)orders_take(&call->provider->orders, call->endpoint, client_id(call), &call->order);
	outcome = judge(call);
	journal_outcome(&call->provider->journal, call->endpoint, request->tag, outcome,
			client_id(call));
	order_fini(&call->order);
	basic_fini(&call->basic);
	form_fini(&call->form);
}

static void on_begin(void *context, struct http_request *request)
{
	struct provider *provider = context;
	const struct route *route = find_route(request->path);

	if (route != NULL)
		request->tag = journal_begin(&provider->journal, route->endpoint,
					     clock_monotonic_ns() / NS_PER_MS);
}

static void on_request(void *context, const struct http_request *request,
		       struct http_answer *ret_answer)
{
	const struct route *route = find_route(request->path);
	struct call call = {
		.provider = context,
		.request = request,
		.answer = ret_answer,
		.now_ms = clock_boottime_ms(),
	};

	if (route == NULL) {
		call_answer_json(&call, 404, strdup("{\"error\":\"not found\"}"));
		return;
	}
	call.endpoint = route->endpoint;
	call.is_generic = route->is_generic;
	handle(&call);
}

static void on_answer(void *context, const struct http_request *request)
{
	struct provider *provider = context;
	const struct route *route = find_route(request->path);

	if (route != NULL)
		journal_answer(&provider->journal, route->endpoint, request->tag,
			       clock_monotonic_ns());
}

static void on_end(void *context, const struct http_request *request)
{
	struct provider *provider = context;
	const struct route *route = find_route(request->path);

	if (route != NULL)
		journal_end(&provider->journal, route->endpoint);
}

struct http_service provider_service(struct provider *provider)
{
	return (struct http_service){
		.context = provider,
		.on_begin = on_begin,
		.on_request = on_request,
		.on_answer = on_answer,
		.on_end = on_end,
	};
}
