/* SPDX-License-Identifier: MIT */
/*
 * What is sent to a token server: bodies and Authorization header, RFC 6749 4.4.2 and 2.3.1, RFC
 * 8707, RFC 7009 2.1. Pure: no I/O. Everything that holds a secret is written into secret memory
 * directly.
 */
#ifndef BROKER_SOURCE_OAUTH_REQUEST_H
#define BROKER_SOURCE_OAUTH_REQUEST_H

#include <stddef.h>

#include "base/config.h"
#include "base/secret.h"

struct oauth_request {
	struct secret *body;          /* application/x-www-form-urlencoded */
	struct secret *authorization; /* a whole header line; NULL with client_auth = post */
	/* base64 of id:secret, plain and each form-encoded: what a server could repeat in an
	 * answer. */
	struct secret *credentials_raw;
	struct secret *credentials_encoded;
};

/* Both return 0, -EMSGSIZE beyond 256 KiB or -ENOMEM; *ret is untouched on failure. */
int oauth_request_for_token(struct oauth_request *ret, const struct config_token *config,
			    const struct secret *client_secret);
int oauth_request_for_revocation(struct oauth_request *ret, const struct config_token *config,
				 const struct secret *client_secret, const struct secret *token);

/* Wipes and frees the parts; a zeroed request is fine. */
void oauth_request_fini(struct oauth_request *request);
static inline void cleanup_oauth_request_fini(struct oauth_request *request)
{
	oauth_request_fini(request);
}

#endif
