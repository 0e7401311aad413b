/* SPDX-License-Identifier: MIT */
/*
 * How one request to a token source ended. All texts are made for people: no secret and no token is
 * in them, no control character, and only valid UTF-8.
 */
#ifndef BROKER_SOURCE_SOURCE_OUTCOME_H
#define BROKER_SOURCE_SOURCE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/secret.h"
#include "token.h"

enum {
	SOURCE_TOKEN_TYPE_BYTES = 16,
	SOURCE_SCOPE_BYTES = 256,
};

struct source_outcome {
	/* TOKEN_OK: there is a token, or (revoke) the server knows the token no more. */
	enum token_reason reason;
	/* fetch: will not heal by itself, go on at retry_max; revoke: give up. */
	bool is_permanent;
	/* Somebody was asked: the server, a proxy, a name server. Then it counts as a request. */
	bool was_tried;
	long http_status;       /* 0: no answer */
	int64_t retry_after_ms; /* the pause the server asks for, at most an hour; 0: none */
	uint64_t epoch;         /* of the call */

	int64_t sent_boottime_ns; /* before anything was sent: a lifetime counts from here */
	int64_t sent_realtime_ns;
	int64_t finished_boottime_ns;
	int64_t finished_realtime_ns;
	int64_t duration_ms;

	/* Meaningful when a fetch ended with TOKEN_OK. */
	struct secret *token; /* else NULL; belongs to whoever receives the outcome */
	bool has_lifetime;    /* else default_lifetime applies */
	int64_t lifetime_ms;  /* 1 s to 10 years */
	char token_type[SOURCE_TOKEN_TYPE_BYTES];
	char scope[SOURCE_SCOPE_BYTES]; /* "": the server named none */

	struct error_text message; /* what went wrong; "" with TOKEN_OK */
	struct error_text warning; /* what was odd about a good answer; "": nothing */
	const char *hint;          /* what an administrator should check; "", never NULL; static */
};

#endif
