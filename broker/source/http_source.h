/* SPDX-License-Identifier: MIT */
/*
 * The token source that asks an OAuth 2.0 token server over HTTPS, with libcurl inside an sd-event
 * loop.
 *
 * The loop never waits for it: names are resolved in threads of libcurl, so the process blocks the
 * signals that it handles before the first request. The client secret is read afresh for every
 * request and wiped when that ends. Every request has a connection of its own, checks certificate
 * and host name, follows no redirect, and takes nothing from the environment.
 */
#ifndef BROKER_SOURCE_HTTP_SOURCE_H
#define BROKER_SOURCE_HTTP_SOURCE_H

#include "base/secret_file.h"
#include "source/token_source.h"

struct sd_event;

struct http_source_settings {
	const char *user_agent;
	struct secret_file_rules secret_rules;
};

/*
 * event is referenced, the settings' strings are copied. 0 or a negative errno. The result is freed
 * with token_source_free() and its requests are started with token_source.h.
 */
int http_source_new(struct token_source **ret, struct sd_event *event,
		    const struct http_source_settings *settings);

#endif
