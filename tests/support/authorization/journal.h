/* SPDX-License-Identifier: MIT */
/*
 * What happened, for the test to ask: sums by endpoint and outcome, when token requests came, how
 * many were in progress at once, and what the last request of each endpoint looked like. Holds no
 * secret and no token. Thread-safe, of bounded size.
 */
#ifndef AUTH_SERVER_JOURNAL_H
#define AUTH_SERVER_JOURNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/authorization/endpoint.h"
#include "tests/support/authorization/store.h"

#define JOURNAL_REQUESTS 4096
#define JOURNAL_FIELDS   32

enum outcome {
	OUTCOME_PENDING,
	OUTCOME_OK,
	OUTCOME_FAULT, /* an order decided the answer */
	OUTCOME_INVALID_REQUEST,
	OUTCOME_INVALID_CLIENT,
	OUTCOME_UNSUPPORTED_GRANT_TYPE,
	OUTCOME_METHOD,
	OUTCOME_MEDIA_TYPE,
	OUTCOME_UNAUTHORIZED,
	OUTCOME_COUNT,
};

/* In the order of the enum, for an initialiser. */
#define OUTCOME_NAMES                                                                              \
	"pending", "ok", "fault", "invalid_request", "invalid_client", "unsupported_grant_type",   \
		"method", "media_type", "unauthorized"

struct journal_request {
	int64_t at_ms;       /* CLOCK_MONOTONIC, when the headers were in */
	int64_t answered_ns; /* the same clock, before the first byte of the answer; 0: never */
	enum outcome outcome;
	char client_id[STORE_ID_BYTES]; /* as sent; "": none */
};

struct journal_field {
	char name[64];
	char value[512]; /* "" for what may be secret */
};

struct journal_form {
	char path[128];
	char auth[16]; /* "post", "basic", "none" */
	char content_type[128];
	struct journal_field fields[JOURNAL_FIELDS];
	size_t count;
};

struct journal_endpoint {
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t requests;
	unsigned in_progress;
	unsigned peak;
	struct journal_form last;
};

struct journal {
	pthread_mutex_t lock;
	struct journal_endpoint endpoints[ENDPOINT_COUNT];
	struct journal_request token_requests[JOURNAL_REQUESTS]; /* a ring */
	uint64_t token_request_count;
};

void journal_init(struct journal *journal);
void journal_fini(struct journal *journal);
/* Sums start again; requests in progress stay counted as such. */
void journal_reset(struct journal *journal);

/* Returns a number for the calls below. */
uint64_t journal_begin(struct journal *journal, enum endpoint endpoint, int64_t now_ms);
void journal_form(struct journal *journal, enum endpoint endpoint, const struct journal_form *form);
/* client_id may be NULL. */
void journal_outcome(struct journal *journal, enum endpoint endpoint, uint64_t number,
		     enum outcome outcome, const char *client_id);
void journal_answer(struct journal *journal, enum endpoint endpoint, uint64_t number,
		    int64_t now_ns);
void journal_end(struct journal *journal, enum endpoint endpoint);

#endif
