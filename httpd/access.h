/* SPDX-License-Identifier: MIT */
/*
 * Whether a request may be answered at all: the checks that stand before every handler. Pure.
 *
 * Against other sites' pages in the browser of an administrator: a Host that is not ours is a name
 * that somebody made lead here (DNS rebinding), an Origin that is not the Host is another site's
 * form or script.
 */
#ifndef HTTPD_ACCESS_H
#define HTTPD_ACCESS_H

#include <stdbool.h>

#include "base/config.h"
#include "base/secret.h"
#include "httpd/request.h"

/* What a route asks of the caller. */
enum access {
	ACCESS_PUBLIC,  /* no data in it */
	ACCESS_READ,    /* over TCP with the access token, if there is one */
	ACCESS_COMMAND, /* over TCP only with the access token */
};

struct access_rules {
	const struct config_strings *hosts; /* further names */
	const struct secret *access_token;  /* NULL: none is configured */
};

/* Whether the request is for this server: else ret is 400 or 421. */
bool access_check_host(const struct access_rules *rules, const struct request *request,
		       struct answer *ret);
/* Whether the caller may: else ret is 401 or 403. */
bool access_check_caller(const struct access_rules *rules, const struct request *request,
			 enum access access, struct answer *ret);
/* Whether a POST comes from our own page or from no page: else ret is 403, 413 or 415. For a
 * request that has passed access_check_host(): it has a Host. */
bool access_check_post(const struct request *request, struct answer *ret);
/* Whether the caller may read what needs no more than ACCESS_READ. */
bool access_may_read(const struct access_rules *rules, const struct request *request);
/* Whether the broker would be asked at all for a command of this caller. */
bool access_has_commands(const struct access_rules *rules, const struct request *request);

#endif
