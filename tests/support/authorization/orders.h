/* SPDX-License-Identifier: MIT */
/*
 * Faults that a test has ordered. Orders stand in a queue; a request takes the first one that
 * matches its endpoint and client, which then counts one down and leaves the queue at 0.
 * Thread-safe.
 */
#ifndef AUTH_SERVER_ORDERS_H
#define AUTH_SERVER_ORDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/support/authorization/endpoint.h"
#include "tests/support/authorization/odd_body.h"
#include "tests/support/authorization/server.h"
#include "tests/support/authorization/store.h"

#define ORDERS_MAX 64

/* What is not ordered is 0, NULL or ODD_BODY_NONE. Strings are owned. */
struct order {
	enum endpoint endpoint;
	int count; /* -1: for ever */
	char client_id[STORE_ID_BYTES];
	unsigned status; /* answers instead of the endpoint, unless 0 */
	char *body; /* NUL-terminated; answers instead of the endpoint, with 200 if without a status
		     */
	size_t body_length;
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	const struct odd_body *odd;
	int64_t delay_ms;
	int64_t slow_ms;
	enum http_delivery delivery;
	bool is_processed; /* with a reset or stall: the request takes effect, the answer is lost */
	bool is_same_again;
	bool has_lifetime;
	int64_t lifetime_s;
	size_t token_length; /* 0: the setting */
	bool echoes_secret;
};

struct orders {
	pthread_mutex_t lock;
	struct order items[ORDERS_MAX];
	size_t count;
};

void orders_init(struct orders *orders);
void orders_clear(struct orders *orders);
void orders_fini(struct orders *orders);

void order_fini(struct order *order);
static inline void cleanup_order(struct order *order)
{
	order_fini(order);
}

/* Takes over the strings of order, which is left empty. -ENOSPC: too many are waiting. */
int orders_add(struct orders *orders, struct order *order);
/* A copy that the caller ends with order_fini(). client_id may be NULL. -ENOENT: nothing ordered;
 * -ENOMEM. */
int orders_take(struct orders *orders, enum endpoint endpoint, const char *client_id,
		struct order *ret);

#endif
