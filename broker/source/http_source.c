/* SPDX-License-Identifier: MIT */
/*
 * A request stands in `active` while the transfer runs, then in `finished`, from where a deferred
 * event delivers it: so `done` never runs inside the call that started the request, nor while the
 * HTTP client is at work.
 */
#include "source/http_source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "base/ca_file.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "source/hint.h"
#include "source/http_client.h"
#include "source/oauth_request.h"
#include "source/oauth_response.h"
#include "source/redact.h"

TAILQ_HEAD(request_list, source_request);

struct http_source {
	struct token_source base;
	struct request_list active;
	struct request_list finished;
	struct http_client *client;
	sd_event_source *deliver;
	char *user_agent;
	char *credentials_directory;
	struct secret_file_rules secret_rules;
};

struct source_request {
	TAILQ_ENTRY(source_request) entry;
	struct request_list *list; /* it stands in; NULL: in none */
	struct http_source *source;
	source_known *known;
	source_done *done;
	void *userdata;
	char *provider;
	struct http_transfer *transfer; /* NULL: not started, or ended */
	struct secret *client_secret;
	struct secret *token; /* to be revoked; NULL: this is a fetch */
	struct oauth_request content;
	struct source_outcome outcome;
};

static void move(struct source_request *request, struct request_list *list)
{
	if (request->list != NULL)
		TAILQ_REMOVE(request->list, request, entry);
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, request, entry);
	request->list = list;
}

static void forget_secrets(struct source_request *request)
{
	secret_free(request->client_secret);
	request->client_secret = NULL;
	secret_free(request->token);
	request->token = NULL;
	oauth_request_fini(&request->content);
}

static void request_free(struct source_request *request)
{
	if (request == NULL)
		return;
	move(request, NULL);
	http_transfer_cancel(request->transfer);
	forget_secrets(request);
	secret_free(request->outcome.token);
	free(request->provider);
	free(request);
}

static void cleanup_request_free(struct source_request **request)
{
	request_free(*request);
}

static void finish(struct source_request *request)
{
	struct source_outcome *outcome = &request->outcome;

	outcome->finished_boottime_ns = clock_boottime_ns();
	outcome->finished_realtime_ns = clock_realtime_ns();
	outcome->duration_ms =
		(outcome->finished_boottime_ns - outcome->sent_boottime_ns) / NS_PER_MS;
	move(request, &request->source->finished);
	(void)sd_event_source_set_enabled(request->source->deliver, SD_EVENT_ONESHOT);
}

/* One per turn: a request that `done` starts and that fails at once must not hold up the loop. */
static int on_deliver(sd_event_source *event_source, void *userdata)
{
	struct http_source *source = userdata;
	struct source_request *request = TAILQ_FIRST(&source->finished);

	if (request == NULL) /* cancelled in the meantime */
		return 0;
	move(request, NULL);
	if (!TAILQ_EMPTY(&source->finished))
		(void)sd_event_source_set_enabled(event_source, SD_EVENT_ONESHOT);
	request->done(request, &request->outcome, request->userdata);
	request->outcome.token = NULL; /* the receiver's */
	request_free(request);
	return 0;
}

static void take_failure(struct source_request *request, const struct http_result *result,
			 const struct redaction *redaction)
{
	struct source_outcome *outcome = &request->outcome;

	outcome->reason = result->failure;
	outcome->http_status = result->answer->status;
	outcome->hint = hint_for(request->provider, outcome->reason, 0);
	redact(redaction, result->detail, strlen(result->detail), outcome->message.text,
	       sizeof(outcome->message.text));
}

/* What no text may show; the answer adds its own token. */
static void add_secrets(struct redaction *redaction, const struct source_request *request)
{
	const struct secret *own[] = {
		request->client_secret,
		request->token,
		request->content.credentials_raw,
		request->content.credentials_encoded,
	};

	_Static_assert(sizeof(own) / sizeof(*own) + SOURCE_KNOWN_MAX + 1 <= REDACT_SECRETS_MAX,
		       "room for all secrets of a request");
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		redaction_add_secret(redaction, own[i]);
	if (request->known != NULL)
		request->known(redaction, request->userdata);
}

static void on_transfer_done(const struct http_result *result, void *userdata)
{
	struct source_request *request = userdata;
	struct redaction redaction = {0};
	struct oauth_response_context context = {
		.provider = request->provider,
		.redaction = &redaction,
		.now_realtime_ns = clock_realtime_ns(),
	};

	request->transfer = NULL;
	request->outcome.was_tried = result->was_tried;
	add_secrets(&redaction, request);
	if (result->failure != TOKEN_OK)
		take_failure(request, result, &redaction);
	else if (request->token != NULL)
		oauth_response_to_revocation(result->answer, &context, &request->outcome);
	else
		oauth_response_to_fetch(result->answer, &context, &request->outcome);
	forget_secrets(request);
	finish(request);
}

static int request_new(struct source_request **ret, struct http_source *source,
		       const struct source_call *call)
{
	CLEANUP(request_free) struct source_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return -ENOMEM;
	request->source = source;
	request->known = call->known;
	request->done = call->done;
	request->userdata = call->userdata;
	request->outcome.epoch = call->epoch;
	request->outcome.hint = "";
	request->outcome.sent_boottime_ns = clock_boottime_ns();
	request->outcome.sent_realtime_ns = clock_realtime_ns();
	request->provider = strdup(call->config->provider);
	if (request->provider == NULL)
		return -ENOMEM;
	*ret = request;
	request = NULL;
	return 0;
}

static int send_request(struct source_request *request, const struct config_token *config)
{
	struct http_post post = {
		.url = request->token == NULL ? config->token_url : config->revoke_url,
		.proxy = config->proxy,
		.ca_file = config->ca_file,
		.user_agent = request->source->user_agent,
		.connect_timeout_s = config->connect_timeout_s,
		.request_timeout_s = config->request_timeout_s,
		.allow_http = config->allow_http,
	};
	int r;

	if (request->token == NULL)
		r = oauth_request_for_token(&request->content, config, request->client_secret);
	else
		r = oauth_request_for_revocation(&request->content, config, request->client_secret,
						 request->token);
	if (r < 0)
		return r;
	post.body = request->content.body;
	post.authorization = request->content.authorization;
	r = http_transfer_start(&request->transfer, request->source->client, &post,
				on_transfer_done, request);
	if (r == 0)
		move(request, &request->source->active);
	return r;
}

/* Takes the request over, whatever comes of it. */
static int start(struct source_request *started, const struct config_token *config,
		 struct source_request **ret)
{
	CLEANUP(request_free) struct source_request *request = started;
	struct source_outcome *outcome = &request->outcome;
	int r;

	r = secret_file_read(&request->client_secret, config->client_secret_file,
			     &request->source->secret_rules, &outcome->message);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		outcome->reason = TOKEN_SECRET_UNREADABLE;
	else if (config->ca_file[0] != '\0' &&
		 ca_file_check(config->ca_file, &outcome->message) < 0)
		outcome->reason = TOKEN_TLS;
	if (outcome->reason != TOKEN_OK) {
		outcome->hint = hint_for(request->provider, outcome->reason, 0);
		forget_secrets(request);
		finish(request);
	} else {
		r = send_request(request, config);
		secret_wipe_stack();
		if (r < 0)
			return r;
	}
	*ret = request;
	request = NULL;
	return 0;
}

static int http_source_fetch(struct token_source *base, const struct source_call *call,
			     struct source_request **ret)
{
	struct source_request *request;
	int r = request_new(&request, (struct http_source *)base, call);

	return r < 0 ? r : start(request, call->config, ret);
}

static int http_source_revoke(struct token_source *base, const struct source_call *call,
			      const char *token, size_t length, struct source_request **ret)
{
	CLEANUP(request_free) struct source_request *request = NULL;
	struct source_request *complete;
	int r;

	assert(*call->config->revoke_url != '\0');
	r = request_new(&request, (struct http_source *)base, call);
	if (r == 0)
		r = secret_new(&request->token, length, length);
	if (r < 0)
		return r;
	(void)secret_append(request->token, token, length); /* has the room */
	complete = request;
	request = NULL;
	return start(complete, call->config, ret);
}

static void http_source_cancel(struct source_request *request)
{
	assert(request->list != NULL); /* else it is being delivered */
	request_free(request);
}

static void http_source_free(struct token_source *base)
{
	struct http_source *source = (struct http_source *)base;
	struct source_request *request;

	while ((request = TAILQ_FIRST(&source->active)) != NULL)
		request_free(request);
	while ((request = TAILQ_FIRST(&source->finished)) != NULL)
		request_free(request);
	http_client_free(source->client);
	(void)sd_event_source_disable_unref(source->deliver);
	free(source->user_agent);
	free(source->credentials_directory);
	free(source);
}

static const struct token_source_ops http_source_ops = {
	.fetch = http_source_fetch,
	.revoke = http_source_revoke,
	.cancel = http_source_cancel,
	.free = http_source_free,
};

static int copy_settings(struct http_source *source, const struct http_source_settings *settings)
{
	source->secret_rules = settings->secret_rules;
	source->user_agent = strdup(settings->user_agent);
	if (source->user_agent == NULL)
		return -ENOMEM;
	if (settings->secret_rules.credentials_directory == NULL)
		return 0;
	source->credentials_directory = strdup(settings->secret_rules.credentials_directory);
	source->secret_rules.credentials_directory = source->credentials_directory;
	return source->credentials_directory == NULL ? -ENOMEM : 0;
}

int http_source_new(struct token_source **ret, struct sd_event *event,
		    const struct http_source_settings *settings)
{
	CLEANUP(token_source_free) struct token_source *base = NULL;
	struct http_source *source = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->base.ops = &http_source_ops;
	TAILQ_INIT(&source->active);
	TAILQ_INIT(&source->finished);
	base = &source->base;
	r = copy_settings(source, settings);
	if (r == 0)
		r = http_client_new(&source->client, event, &source->base.inner_events);
	if (r == 0)
		r = sd_event_add_defer(event, &source->deliver, on_deliver, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->deliver, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = base;
	base = NULL;
	return 0;
}
