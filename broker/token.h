/* SPDX-License-Identifier: MIT */
/*
 * Plain data about a token's life that all steps of the broker share: how an attempt ended. The
 * names are a closed set: they stand in the status document and are the label of a metric.
 */
#ifndef BROKER_TOKEN_H
#define BROKER_TOKEN_H

#include <assert.h>
#include <stddef.h>

enum token_reason {
	TOKEN_OK = 0,
	/* What the token server said, RFC 6749 5.2 and 4.1.2.1, RFC 8707 2. */
	TOKEN_INVALID_REQUEST,
	TOKEN_INVALID_CLIENT,
	TOKEN_INVALID_GRANT,
	TOKEN_UNAUTHORIZED_CLIENT,
	TOKEN_UNSUPPORTED_GRANT_TYPE,
	TOKEN_INVALID_SCOPE,
	TOKEN_INVALID_TARGET,
	TOKEN_SERVER_ERROR,
	TOKEN_TEMPORARILY_UNAVAILABLE,
	TOKEN_OAUTH_OTHER, /* an "error" of another name */
	TOKEN_HTTP,        /* an HTTP status without an "error" */
	/* What the way to it did. */
	TOKEN_NETWORK,
	TOKEN_TIMEOUT,
	TOKEN_TLS,
	TOKEN_BAD_RESPONSE, /* an answer that makes no sense or is too large */
	/* What went wrong on this host. */
	TOKEN_SECRET_UNREADABLE,
	TOKEN_REJECTED_TOKEN_RETURNED, /* the server gave the token again that the API refused */
	TOKEN_PUBLISH_FAILED,
	TOKEN_STATE_DIRECTORY,
	TOKEN_REASON_COUNT,
};

/* "ok", or the name of the reason in the status document; static memory. */
static inline const char *token_reason_name(enum token_reason reason)
{
	static const char *const names[] = {
		[TOKEN_OK] = "ok",
		[TOKEN_INVALID_REQUEST] = "invalid_request",
		[TOKEN_INVALID_CLIENT] = "invalid_client",
		[TOKEN_INVALID_GRANT] = "invalid_grant",
		[TOKEN_UNAUTHORIZED_CLIENT] = "unauthorized_client",
		[TOKEN_UNSUPPORTED_GRANT_TYPE] = "unsupported_grant_type",
		[TOKEN_INVALID_SCOPE] = "invalid_scope",
		[TOKEN_INVALID_TARGET] = "invalid_target",
		[TOKEN_SERVER_ERROR] = "server_error",
		[TOKEN_TEMPORARILY_UNAVAILABLE] = "temporarily_unavailable",
		[TOKEN_OAUTH_OTHER] = "oauth_other",
		[TOKEN_HTTP] = "http",
		[TOKEN_NETWORK] = "network",
		[TOKEN_TIMEOUT] = "timeout",
		[TOKEN_TLS] = "tls",
		[TOKEN_BAD_RESPONSE] = "bad_response",
		[TOKEN_SECRET_UNREADABLE] = "secret_unreadable",
		[TOKEN_REJECTED_TOKEN_RETURNED] = "rejected_token_returned",
		[TOKEN_PUBLISH_FAILED] = "publish_failed",
		[TOKEN_STATE_DIRECTORY] = "state_directory",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == TOKEN_REASON_COUNT, "a name is missing");
	assert((unsigned)reason < TOKEN_REASON_COUNT);
	return names[reason];
}

#endif
