/* SPDX-License-Identifier: MIT */
/*
 * One look at a token through libtokenbroker, or looks until it is usable.
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokenbroker.h"

/* The longest token and its NUL: a buffer for tokenbroker_get(). */
#define TOKEN_BUFFER_BYTES (TOKENBROKER_TOKEN_MAX + 1)

/* A handle that is open once there has been something to open. */
struct token {
	const char *name; /* borrowed; never NULL */
	struct tokenbroker *handle;
};

/* name: NULL means what it means to the library; TOKENBROKER_TOKEN must outlive this. */
void token_init(struct token *token, const char *name);
void token_fini(struct token *token);
static inline void cleanup_token(struct token *token)
{
	token_fini(token);
}

/* Opens it; while wait_ms (0 or less: one look) lasts, waits for one that is not there yet. As
 * tokenbroker_open(). */
int token_open(struct token *token, int64_t wait_ms);

struct token_wish {
	int64_t min_remaining_ms;
	int64_t wait_ms; /* 0 or less: one look */
};

/*
 * tokenbroker_get(), opening the token first. While wait_ms lasts it tries again on whatever time
 * may heal: no broker yet, no token yet, expired, suspended. The last look's error is the result.
 */
int token_get(struct token *token, const struct token_wish *wish, char *buffer, size_t size,
	      struct tokenbroker_info *ret_info);

/* RFC 6750 2.1, b64token: nothing else fits in a header, a quoted string or a line. */
bool token_is_clean(const char *text, size_t length);

#endif
