/* SPDX-License-Identifier: MIT */
/*
 * The authorization server and the API behind it.
 *
 * BlueConic-like: POST /rest/v2/oauth/token and /rest/v2/oauth/revoke with the credentials in the
 * body; GET /rest/v2/profiles for the bearer of a token.
 * Generic: POST /oauth2/token and /oauth2/revoke, each client by its own method of authentication.
 *
 * It is strict: a field that is missing, empty or there twice is refused.
 */
#ifndef AUTH_SERVER_PROVIDER_H
#define AUTH_SERVER_PROVIDER_H

#include <pthread.h>

#include "tests/support/authorization/journal.h"
#include "tests/support/authorization/orders.h"
#include "tests/support/authorization/server.h"
#include "tests/support/authorization/store.h"

struct provider {
	struct store store;
	struct orders orders;
	struct journal journal;
	pthread_mutex_t lock;     /* of shape */
	struct token_shape shape; /* what tokens look like unless an order says otherwise */
};

void provider_init(struct provider *provider);
void provider_fini(struct provider *provider);

struct token_shape provider_shape(struct provider *provider);
void provider_set_shape(struct provider *provider, const struct token_shape *shape);

/* service->context is provider. */
struct http_service provider_service(struct provider *provider);

#endif
