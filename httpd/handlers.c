/* SPDX-License-Identifier: MIT */
#include "httpd/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "httpd/metrics.h"
#include "httpd/problem.h"
#include "httpd/readiness.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"

static void set_body(struct answer *ret, unsigned status, const char *type,
		     struct shared_text *held)
{
	if (held == NULL) {
		problem_set(ret, 500, "out of memory");
		return;
	}
	ret->status = status;
	ret->content_type = type;
	ret->body = held;
}

static void no_document(const struct handler_context *context, struct answer *ret)
{
	problem_set(ret, 503, "%s", context->snapshot->error.text);
}

static void page(struct handler_context *context, const struct request *request,
		 const struct route_match *match, struct answer *ret)
{
	(void)request;
	(void)match;
	set_body(ret, 200, "text/html; charset=utf-8", shared_text_hold(context->page->html));
	ret->is_page = true;
}

/* RFC 9110 13.1.2: a list of tags, or any. A weak one has the same opaque part. */
static bool has_tag(const struct request *request, const char *etag)
{
	return request->if_none_match != NULL && (strcmp(request->if_none_match, "*") == 0 ||
						  strstr(request->if_none_match, etag) != NULL);
}

static void status(struct handler_context *context, const struct request *request,
		   const struct route_match *match, struct answer *ret)
{
	const struct document *document = context->snapshot->document;

	(void)match;
	ret->tells_commands = true;
	ret->has_commands = access_has_commands(context->rules, request);
	if (document == NULL) {
		no_document(context, ret);
		return;
	}
	ret->is_cacheable = true;
	memcpy(ret->etag, document->etag, sizeof(ret->etag));
	/* RFC 9110 8.6: the Content-Length of a 304, which has no content, is that of the 200. */
	set_body(ret, has_tag(request, document->etag) ? 304 : 200, JSON_TYPE,
		 shared_text_hold(document->whole));
}

static void token(struct handler_context *context, const struct request *request,
		  const struct route_match *match, struct answer *ret)
{
	const struct snapshot *snapshot = context->snapshot;
	struct shared_text *text;

	(void)request;
	if (snapshot->document == NULL) {
		no_document(context, ret);
		return;
	}
	text = document_token(snapshot->document, snapshot->view, match->name);
	if (text == NULL)
		problem_set(ret, 404, "there is no token %s", match->name);
	else
		set_body(ret, 200, JSON_TYPE, shared_text_hold(text));
}

static void events(struct handler_context *context, const struct request *request,
		   const struct route_match *match, struct answer *ret)
{
	(void)request;
	(void)match;
	ret->tells_commands = true;
	ret->has_commands = access_has_commands(context->rules, request);
	if (context->snapshot->document == NULL) {
		no_document(context, ret);
		return;
	}
	ret->status = 200;
	ret->content_type = "text/event-stream";
	ret->is_stream = true;
}

static void livez(struct handler_context *context, const struct request *request,
		  const struct route_match *match, struct answer *ret)
{
	const struct snapshot *snapshot = context->snapshot;

	(void)match;
	ret->tells_reading = true;
	ret->may_read = access_may_read(context->rules, request);
	if (snapshot_is_up(snapshot, context->now_realtime_ns))
		set_body(ret, 200, TEXT_TYPE, shared_text_new("ok\n", 3));
	else if (snapshot->has_heartbeat)
		problem_set(ret, 503,
			    "tokenbrokerd has not touched status.json for more than %lld s: it has "
			    "stopped or hangs",
			    (long long)(STATUS_FILE_STALE_NS / NS_PER_S));
	else
		no_document(context, ret);
}

static struct kept_text_key key_of(const struct handler_context *context)
{
	return (struct kept_text_key){
		.version = context->snapshot->version,
		.now_s = context->now_realtime_ns / NS_PER_S,
		.is_up = snapshot_is_up(context->snapshot, context->now_realtime_ns),
	};
}

/* Held; NULL: out of memory. */
static struct shared_text *list_of(const struct readiness_question *question)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t length;

	if (readiness_list(question, &text, &length) < 0)
		return NULL;
	return shared_text_new(text, length);
}

static void list_readiness(struct handler_context *context,
			   const struct readiness_question *question, unsigned status,
			   struct answer *ret)
{
	const struct kept_text_key key = key_of(context);
	struct kept_text *kept = &context->snapshot->readiness;
	struct shared_text *text;

	if (question->name != NULL) { /* one line */
		set_body(ret, status, TEXT_TYPE, list_of(question));
		return;
	}
	text = kept_text_get(kept, &key);
	if (text == NULL) {
		kept_text_put(kept, &key, list_of(question));
		text = kept_text_get(kept, &key);
	}
	set_body(ret, status, TEXT_TYPE, text);
}

static void readyz(struct handler_context *context, const struct request *request,
		   const struct route_match *match, struct answer *ret)
{
	const struct snapshot *snapshot = context->snapshot;
	const struct readiness_question question = {
		.view = snapshot->view,
		.is_up = snapshot_is_up(snapshot, context->now_realtime_ns),
		.now_s = context->now_realtime_ns / NS_PER_S,
		.name = match->name[0] == '\0' ? NULL : match->name,
	};
	struct error_text why = {.text = ""};

	readiness_explain(&question, &why);
	switch (readiness_judge(&question)) {
	case READINESS_READY:
		if (request->is_verbose)
			list_readiness(context, &question, 200, ret);
		else
			set_body(ret, 200, TEXT_TYPE, shared_text_new("ok\n", 3));
		return;
	case READINESS_NO_STATUS:
		no_document(context, ret);
		return;
	case READINESS_UNKNOWN_TOKEN:
		problem_set(ret, 404, "%s", why.text);
		return;
	case READINESS_NO_HEARTBEAT:
	case READINESS_NOT_USABLE:
		if (request->is_verbose)
			list_readiness(context, &question, 503, ret);
		else
			problem_set(ret, 503, "%s", why.text);
		return;
	}
}

/* Held; NULL: out of memory. */
static struct shared_text *metrics_of(const struct snapshot *snapshot,
				      const struct kept_text_key *key)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t length;

	if (metrics_render(snapshot->view, key->is_up, key->now_s, &text, &length) < 0)
		return NULL;
	return shared_text_new(text, length);
}

/* Without a status the answer is 200 with tokenbroker_up 0: what is scraped is what is alerted on.
 */
static void metrics(struct handler_context *context, const struct request *request,
		    const struct route_match *match, struct answer *ret)
{
	const struct kept_text_key key = key_of(context);
	struct kept_text *kept = &context->snapshot->metrics;
	struct shared_text *text = kept_text_get(kept, &key);

	(void)request;
	(void)match;
	if (text == NULL) {
		kept_text_put(kept, &key, metrics_of(context->snapshot, &key));
		text = kept_text_get(kept, &key);
	}
	set_body(ret, 200, METRICS_TYPE, text);
}

static const struct route routes[] = {
	{"GET", "/", ACCESS_PUBLIC, 0, page},
	{"GET", "/livez", ACCESS_PUBLIC, 0, livez},
	{"GET", "/readyz", ACCESS_READ, 0, readyz},
	{"GET", "/readyz/*", ACCESS_READ, 0, readyz},
	{"GET", "/metrics", ACCESS_READ, 0, metrics},
	{"GET", "/v1/status", ACCESS_READ, 0, status},
	{"GET", "/v1/events", ACCESS_READ, 0, events},
	{"GET", "/v1/tokens/*", ACCESS_READ, 0, token},
	{"POST", "/v1/tokens/*/refresh", ACCESS_COMMAND, TOKENBROKER_CONTROL_REFRESH, NULL},
	{"POST", "/v1/tokens/*/revoke", ACCESS_COMMAND, TOKENBROKER_CONTROL_REVOKE, NULL},
	{"POST", "/v1/tokens/*/suspend", ACCESS_COMMAND, TOKENBROKER_CONTROL_SUSPEND, NULL},
	{"POST", "/v1/tokens/*/resume", ACCESS_COMMAND, TOKENBROKER_CONTROL_RESUME, NULL},
};

static bool find_route(const struct request *request, struct route_match *match, struct answer *ret)
{
	routes_match(routes, sizeof(routes) / sizeof(routes[0]), request->method, request->path,
		     match);
	if (match->route != NULL)
		return true;
	if (match->allow == NULL) {
		problem_set(ret, 404, "there is nothing at this path; docs/http-api.md lists all");
		return false;
	}
	ret->allow = match->allow;
	problem_set(ret, 405, "here only: %s", match->allow);
	return false;
}

const struct route *handlers_run(struct handler_context *context, const struct request *request,
				 struct route_match *match, struct answer *ret)
{
	const struct route *route;

	if (!access_check_host(context->rules, request, ret) || !find_route(request, match, ret))
		return NULL;
	route = match->route;
	if (!access_check_caller(context->rules, request, route->access, ret))
		return NULL;
	if (route->access == ACCESS_COMMAND)
		return access_check_post(request, ret) ? route : NULL;
	if (request->has_body) {
		problem_set(ret, 413, "a request has no body here");
		return NULL;
	}
	route->handle(context, request, match, ret);
	return NULL;
}
