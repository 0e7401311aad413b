/* SPDX-License-Identifier: MIT */
/*
 * Where tokens come from, as the broker sees it: an interface, so that another kind of source can
 * stand beside the HTTP request of http_source.h.
 *
 * A request that was started ends with exactly one call of `done`, from the event loop and never
 * from inside the starting call, or with a cancel and no call. Inside `done` new requests may be
 * started and others cancelled; the source itself must not be freed there. There is no limit on how
 * many requests run side by side: the caller queues.
 */
#ifndef BROKER_SOURCE_TOKEN_SOURCE_H
#define BROKER_SOURCE_TOKEN_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "source/redact.h"
#include "source/source_outcome.h"

struct token_source;
struct source_request;

/* request is invalid from here on; the outcome lives during the call only, but its token is the
 * receiver's to free. */
typedef void source_done(struct source_request *request, struct source_outcome *outcome,
			 void *userdata);

enum { SOURCE_KNOWN_MAX = 18 };

/* Adds what no text of the outcome may show although it is not the request's own: at most
 * SOURCE_KNOWN_MAX secrets. Called from the loop when an answer is there, before `done`; what was
 * added is used up before the call returns to the loop, and not kept. */
typedef void source_known(struct redaction *redaction, void *userdata);

struct source_call {
	const struct config_token *config; /* borrowed while the call starts, not longer */
	uint64_t epoch;                    /* comes back in the outcome */
	source_known *known;               /* NULL: there are none */
	source_done *done;
	void *userdata;
};

struct token_source_ops {
	int (*fetch)(struct token_source *source, const struct source_call *call,
		     struct source_request **ret);
	int (*revoke)(struct token_source *source, const struct source_call *call,
		      const char *token, size_t length, struct source_request **ret);
	void (*cancel)(struct source_request *request);
	void (*free)(struct token_source *source);
};

/* Base of every source: the first member of its struct. */
struct token_source {
	const struct token_source_ops *ops;
	/* Events of the loop that concerned the source alone: by none of them has anything changed
	 * for those who use it. */
	uint64_t inner_events;
};

/*
 * Starts a request for a new token. 0 or a negative errno when it could not even be started
 * (memory): then `done` is never called. Anything else, an unreadable secret included, comes as an
 * outcome.
 */
static inline int token_source_fetch(struct token_source *source, const struct source_call *call,
				     struct source_request **ret)
{
	return source->ops->fetch(source, call, ret);
}

/* Starts a revocation of token, which is copied. The configuration must have a revoke_url. */
static inline int token_source_revoke(struct token_source *source, const struct source_call *call,
				      const char *token, size_t length, struct source_request **ret)
{
	return source->ops->revoke(source, call, token, length, ret);
}

/* Ends and frees a running request; its `done` is not called. NULL is fine. */
static inline void token_source_cancel(struct token_source *source, struct source_request *request)
{
	if (request != NULL)
		source->ops->cancel(request);
}

/* Cancels all requests. NULL is fine. */
static inline void token_source_free(struct token_source *source)
{
	if (source != NULL)
		source->ops->free(source);
}
static inline void cleanup_token_source_free(struct token_source **source)
{
	token_source_free(*source);
}

#endif
