/* SPDX-License-Identifier: MIT */
/*
 * Who may ask for tokens, and which tokens are out. Tokens are kept as digests, apart from the last
 * one of each client (a server may hand it out again). Thread-safe, of bounded size: beyond
 * STORE_TOKENS the oldest token is forgotten, that is, no longer valid.
 *
 * A token is base62 text, a dot, and 16 hex digits: FNV-1a-64 of what stands before the dot, so
 * that whoever holds one can tell whether it is whole.
 */
#ifndef AUTH_SERVER_STORE_H
#define AUTH_SERVER_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

#define STORE_CLIENTS          64
#define STORE_TOKENS           4096
#define STORE_ID_BYTES         256
#define STORE_CANARY_MAX       64

#define STORE_TOKEN_LENGTH_MIN 22
#define STORE_TOKEN_LENGTH_MAX 131072 /* more than any client accepts */

enum auth_method {
	AUTH_METHOD_ANY,
	AUTH_METHOD_POST,
	AUTH_METHOD_BASIC,     /* form-encoded, RFC 6749 2.3.1 */
	AUTH_METHOD_BASIC_RAW, /* as it is */
};

struct client {
	char id[STORE_ID_BYTES];
	char secret[STORE_ID_BYTES];
	enum auth_method auth; /* at the generic provider; the BlueConic-like one takes POST only */
	bool is_off;           /* the application is switched off */
	char *last_token;
};

struct stored_token {
	uint8_t digest[DIGEST_BYTES];
	char fingerprint[FINGERPRINT_BYTES];
	size_t client;
	int64_t expires_at_ms;
	bool is_revoked;
};

/* How the next token looks. */
struct token_shape {
	size_t length;      /* in bytes, check and dot included */
	int64_t lifetime_s; /* 0 or less: 1 hour */
	bool is_same_again; /* the client's last token, if it has one, with a new lifetime */
	/* How it starts, and ends before its check, where it fits. */
	char canary[STORE_CANARY_MAX + 1];
};

struct store {
	pthread_mutex_t lock;
	struct client clients[STORE_CLIENTS];
	size_t client_count;
	struct stored_token tokens[STORE_TOKENS]; /* a ring */
	uint64_t issued;
	uint64_t revoked;
};

enum store_token_state {
	STORE_TOKEN_ACTIVE,
	STORE_TOKEN_EXPIRED,
	STORE_TOKEN_REVOKED,
	STORE_TOKEN_UNKNOWN,
};

void store_init(struct store *store);
void store_fini(struct store *store);

/* Adds, or replaces the one of that id. -ENOSPC; -EINVAL: an empty or too long id or secret. */
int store_set_client(struct store *store, const char *id, const char *secret, enum auth_method auth,
		     bool is_off);
/* The client's number if id and secret are right and it is switched on, else -EACCES. */
int store_authenticate(struct store *store, const char *id, const char *secret);
enum auth_method store_client_auth(struct store *store, size_t client);
/* Whether text is, or holds, a client's secret: it must not be shown. */
bool store_has_secret_in(struct store *store, const char *text);

/* A new string that the caller frees, or NULL without memory or randomness. */
char *store_issue(struct store *store, size_t client, const struct token_shape *shape,
		  int64_t now_ms);
enum store_token_state store_look_up(struct store *store, const char *token, int64_t now_ms);
/* False: the token belongs to another client. Unknown tokens count as revoked (RFC 7009 2.2). */
bool store_revoke(struct store *store, size_t client, const char *token);
void store_revoke_all(struct store *store);
void store_expire_all(struct store *store, int64_t now_ms);
/* Forgets tokens and sums, keeps the clients. */
void store_reset(struct store *store);
/* Calls on_token for every active token while holding the lock. */
void store_each_active(struct store *store, int64_t now_ms, void *context,
		       void (*on_token)(void *context, const struct stored_token *token));

#endif
