/* SPDX-License-Identifier: MIT */
/*
 * What an answer of a token server means: RFC 6749 5, RFC 6750 2.1, RFC 7009 2.2, and what real
 * servers do instead. Pure: no I/O, no clock.
 */
#ifndef BROKER_SOURCE_OAUTH_RESPONSE_H
#define BROKER_SOURCE_OAUTH_RESPONSE_H

#include <stdint.h>

#include "source/http_answer.h"
#include "source/redact.h"
#include "source/source_outcome.h"

struct oauth_response_context {
	const char *provider; /* chooses the hints: "blueconic", or any other */
	const struct redaction *redaction;
	int64_t now_realtime_ns; /* for a Retry-After that is a date */
};

/*
 * Both fill what the answer decides: reason, is_permanent, http_status, retry_after_ms, the token
 * and what came with it, and the texts; the times and was_tried are the caller's. *ret_outcome
 * starts zeroed.
 */
void oauth_response_to_fetch(const struct http_answer *answer,
			     const struct oauth_response_context *context,
			     struct source_outcome *ret_outcome);
void oauth_response_to_revocation(const struct http_answer *answer,
				  const struct oauth_response_context *context,
				  struct source_outcome *ret_outcome);

#endif
