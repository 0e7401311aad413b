/* SPDX-License-Identifier: MIT */
/* Answers of a server, and what they are interpreted with. */
#ifndef TESTS_UNIT_SOURCE_RESPONSE_FIXTURE_H
#define TESTS_UNIT_SOURCE_RESPONSE_FIXTURE_H

#include "source/oauth_response.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SECRET "s3cr/t"

static inline void cleanup_answer(struct http_answer *answer)
{
	http_answer_fini(answer);
}

static inline void cleanup_outcome(struct source_outcome *outcome)
{
	secret_free(outcome->token);
}

static inline struct http_answer answer_of(long status, const char *body)
{
	struct http_answer answer = {.status = status};

	if (body != NULL && !http_answer_add_body(&answer, body, strlen(body)))
		abort();
	return answer;
}

static inline struct oauth_response_context context_of(struct redaction *redaction,
						       const char *provider)
{
	redaction_add(redaction, SECRET, strlen(SECRET));
	return (struct oauth_response_context){
		.provider = provider,
		.redaction = redaction,
		.now_realtime_ns = 1000 * NS_PER_S,
	};
}

#endif
