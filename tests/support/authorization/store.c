/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tokenbroker_segment.h"

#define CHECK_BYTES        17 /* a dot and 16 hex digits */
#define RANDOM_BYTES_MIN   4  /* of the text before the dot, what no canary takes */
#define DEFAULT_LIFETIME_S 3600

void store_init(struct store *store)
{
	memset(store, 0, sizeof(*store));
	pthread_mutex_init(&store->lock, NULL);
}

void store_fini(struct store *store)
{
	for (size_t i = 0; i < store->client_count; i++)
		free(store->clients[i].last_token);
	pthread_mutex_destroy(&store->lock);
}

static struct client *find_client(struct store *store, const char *id)
{
	for (size_t i = 0; i < store->client_count; i++) {
		if (strcmp(store->clients[i].id, id) == 0)
			return &store->clients[i];
	}
	return NULL;
}

int store_set_client(struct store *store, const char *id, const char *secret, enum auth_method auth,
		     bool is_off)
{
	struct client *client;
	int r = 0;

	if (*id == '\0' || *secret == '\0' || strlen(id) >= sizeof(client->id) ||
	    strlen(secret) >= sizeof(client->secret))
		return -EINVAL;
	pthread_mutex_lock(&store->lock);
	client = find_client(store, id);
	if (client == NULL && store->client_count < STORE_CLIENTS)
		client = &store->clients[store->client_count++];
	if (client == NULL) {
		r = -ENOSPC;
	} else {
		(void)snprintf(client->id, sizeof(client->id), "%s", id);
		(void)snprintf(client->secret, sizeof(client->secret), "%s", secret);
		client->auth = auth;
		client->is_off = is_off;
	}
	pthread_mutex_unlock(&store->lock);
	return r;
}

int store_authenticate(struct store *store, const char *id, const char *secret)
{
	const struct client *client;
	int r = -EACCES;

	pthread_mutex_lock(&store->lock);
	client = find_client(store, id);
	if (client != NULL && !client->is_off && strcmp(client->secret, secret) == 0)
		r = (int)(client - store->clients);
	pthread_mutex_unlock(&store->lock);
	return r;
}

enum auth_method store_client_auth(struct store *store, size_t client)
{
	enum auth_method auth;

	pthread_mutex_lock(&store->lock);
	auth = store->clients[client].auth;
	pthread_mutex_unlock(&store->lock);
	return auth;
}

bool store_has_secret_in(struct store *store, const char *text)
{
	bool found = false;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->client_count; i++)
		found |= strstr(text, store->clients[i].secret) != NULL;
	pthread_mutex_unlock(&store->lock);
	return found;
}

static int random_text(char *text, size_t length)
{
	static const char letters[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const unsigned bound = 256 / 62 * 62; /* above it the letters would not be equally likely */
	size_t filled = 0;

	while (filled < length) {
		unsigned char bytes[256];

		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return -EIO;
		for (size_t i = 0; i < sizeof(bytes) && filled < length; i++) {
			if (bytes[i] < bound)
				text[filled++] = letters[bytes[i] % 62];
		}
	}
	return 0;
}

/* At both ends, where they fit: an allocator overwrites the start of what is freed. */
static void put_canary(char *text, size_t length, const char *canary)
{
	size_t canary_length = strlen(canary);

	if (canary_length + RANDOM_BYTES_MIN <= length)
		memcpy(text, canary, canary_length);
	if (2 * canary_length + RANDOM_BYTES_MIN <= length)
		memcpy(text + length - canary_length, canary, canary_length);
}

static char *make_token(const struct token_shape *shape)
{
	size_t length = shape->length;
	CLEANUP(free_memory) char *token = NULL;
	char *made;

	assert(length >= STORE_TOKEN_LENGTH_MIN && length <= STORE_TOKEN_LENGTH_MAX);
	token = malloc(length + 1);
	if (token == NULL || random_text(token, length - CHECK_BYTES) < 0)
		return NULL;
	put_canary(token, length - CHECK_BYTES, shape->canary);
	(void)snprintf(token + length - CHECK_BYTES, CHECK_BYTES + 1, ".%016llx",
		       (unsigned long long)tokenbroker_segment_sum(TOKENBROKER_SEGMENT_SUM_START,
								   token, length - CHECK_BYTES));
	made = token;
	token = NULL;
	return made;
}

static struct stored_token *find_token(struct store *store, const char *token)
{
	uint8_t digest[DIGEST_BYTES];

	digest_sha256(token, strlen(token), digest);
	for (size_t i = 0; i < STORE_TOKENS; i++) {
		struct stored_token *stored = &store->tokens[i];

		if (stored->fingerprint[0] != '\0' &&
		    memcmp(stored->digest, digest, sizeof(digest)) == 0)
			return stored;
	}
	return NULL;
}

static void remember(struct store *store, size_t client, const char *token, int64_t expires_at_ms)
{
	struct stored_token *stored = find_token(store, token);
	/* The same token again stays revoked: no client may rely on a fetch to heal it. */
	bool is_revoked = stored != NULL && stored->is_revoked;

	if (stored == NULL)
		stored = &store->tokens[store->issued % STORE_TOKENS];
	*stored = (struct stored_token){
		.client = client, .expires_at_ms = expires_at_ms, .is_revoked = is_revoked};
	digest_sha256(token, strlen(token), stored->digest);
	digest_fingerprint(token, strlen(token), stored->fingerprint);
	store->issued++;
}

static char *next_token(const struct client *client, const struct token_shape *shape)
{
	if (shape->is_same_again && client->last_token != NULL)
		return strdup(client->last_token);
	return make_token(shape);
}

char *store_issue(struct store *store, size_t client, const struct token_shape *shape,
		  int64_t now_ms)
{
	int64_t lifetime_s = shape->lifetime_s > 0 ? shape->lifetime_s : DEFAULT_LIFETIME_S;
	struct client *owner = &store->clients[client];
	char *token;
	char *copy;

	pthread_mutex_lock(&store->lock);
	token = next_token(owner, shape);
	copy = token == NULL ? NULL : strdup(token);
	if (copy != NULL) {
		free(owner->last_token);
		owner->last_token = copy;
		remember(store, client, token, now_ms + lifetime_s * MS_PER_S);
	}
	pthread_mutex_unlock(&store->lock);
	if (copy != NULL)
		return token;
	free(token);
	return NULL;
}

static enum store_token_state state_of(const struct stored_token *token, int64_t now_ms)
{
	if (token == NULL)
		return STORE_TOKEN_UNKNOWN;
	if (token->is_revoked)
		return STORE_TOKEN_REVOKED;
	return token->expires_at_ms <= now_ms ? STORE_TOKEN_EXPIRED : STORE_TOKEN_ACTIVE;
}

enum store_token_state store_look_up(struct store *store, const char *token, int64_t now_ms)
{
	enum store_token_state state;

	pthread_mutex_lock(&store->lock);
	state = state_of(find_token(store, token), now_ms);
	pthread_mutex_unlock(&store->lock);
	return state;
}

static void revoke_one(struct store *store, struct stored_token *token)
{
	if (!token->is_revoked)
		store->revoked++;
	token->is_revoked = true;
}

bool store_revoke(struct store *store, size_t client, const char *token)
{
	struct stored_token *stored;
	bool is_own;

	pthread_mutex_lock(&store->lock);
	stored = find_token(store, token);
	is_own = stored == NULL || stored->client == client;
	if (stored != NULL && is_own)
		revoke_one(store, stored);
	pthread_mutex_unlock(&store->lock);
	return is_own;
}

void store_revoke_all(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < STORE_TOKENS; i++) {
		if (store->tokens[i].fingerprint[0] != '\0')
			revoke_one(store, &store->tokens[i]);
	}
	pthread_mutex_unlock(&store->lock);
}

void store_expire_all(struct store *store, int64_t now_ms)
{
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < STORE_TOKENS; i++) {
		if (store->tokens[i].expires_at_ms > now_ms)
			store->tokens[i].expires_at_ms = now_ms;
	}
	pthread_mutex_unlock(&store->lock);
}

void store_reset(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->client_count; i++) {
		free(store->clients[i].last_token);
		store->clients[i].last_token = NULL;
	}
	memset(store->tokens, 0, sizeof(store->tokens));
	store->issued = 0;
	store->revoked = 0;
	pthread_mutex_unlock(&store->lock);
}

void store_each_active(struct store *store, int64_t now_ms, void *context,
		       void (*on_token)(void *context, const struct stored_token *token))
{
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < STORE_TOKENS; i++) {
		const struct stored_token *token = &store->tokens[i];

		if (token->fingerprint[0] != '\0' && state_of(token, now_ms) == STORE_TOKEN_ACTIVE)
			on_token(context, token);
	}
	pthread_mutex_unlock(&store->lock);
}
