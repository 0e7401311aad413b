/* SPDX-License-Identifier: MIT */
/*
 * HTTPS POST requests by libcurl inside an sd-event loop; knows nothing of OAuth. libcurl stays
 * inside http_client.c and http_options.c.
 *
 * Every transfer has a connection of its own, checks certificate and host name, follows no redirect
 * and takes nothing from the environment. Names are resolved in threads of libcurl, so the process
 * blocks the signals that it handles before the first transfer.
 */
#ifndef BROKER_SOURCE_HTTP_CLIENT_H
#define BROKER_SOURCE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "source/http_answer.h"
#include "token.h"

struct sd_event;
struct http_client;
struct http_transfer;

/* Strings are non-NULL, "" for what is not wanted, and borrowed while the transfer starts. */
struct http_post {
	const char *url;
	const char *proxy;
	const char *ca_file; /* the only authorities to believe; "": the system's */
	const char *user_agent;
	const struct secret *body;          /* a form; borrowed until the transfer has ended */
	const struct secret *authorization; /* a whole header line; NULL: none */
	int64_t connect_timeout_s;
	int64_t request_timeout_s; /* all in all; nothing moving for 60 s ends it earlier */
	bool allow_http;           /* cleartext, to loopback addresses only */
};

struct http_result {
	/* TOKEN_OK: the server has answered, or said too much: answer->excess. Else TOKEN_NETWORK,
	 * TOKEN_TIMEOUT, TOKEN_TLS or TOKEN_BAD_RESPONSE. */
	enum token_reason failure;
	bool was_tried; /* somebody was asked: the server, a proxy, a name server */
	const struct http_answer *answer; /* what came of it; status is set */
	const char *detail;               /* of a failure; text of others, to be redacted */
};

/* Called once from the loop, not inside libcurl. Everything is gone when it returns, the transfer
 * included. It must not start, cancel or free anything of this client. */
typedef void http_done(const struct http_result *result, void *userdata);

/* events: grows by one with each event of the loop that the client has handled; borrowed. */
int http_client_new(struct http_client **ret, struct sd_event *event, uint64_t *events);
/* No transfer may be running. NULL is fine. */
void http_client_free(struct http_client *client);

/* 0; -ENOMEM; -EOPNOTSUPP when libcurl cannot do what is asked of it: it is not done without. */
int http_transfer_start(struct http_transfer **ret, struct http_client *client,
			const struct http_post *post, http_done *done, void *userdata);
/* done is not called. NULL is fine. */
void http_transfer_cancel(struct http_transfer *transfer);

#endif
