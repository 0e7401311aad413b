/* SPDX-License-Identifier: MIT */
/* One request on its way through the provider. */
#ifndef AUTH_SERVER_CALL_H
#define AUTH_SERVER_CALL_H

#include "tests/support/authorization/form.h"
#include "tests/support/authorization/provider.h"

struct call {
	struct provider *provider;
	const struct http_request *request;
	struct http_answer *answer;
	enum endpoint endpoint;
	bool is_generic;   /* /oauth2/, else BlueConic-like */
	bool is_malformed; /* the body is no form */
	struct form form;
	struct basic_credentials basic; /* zeroed without an Authorization: Basic */
	struct order order;             /* zeroed without one */
	int64_t now_ms;
};

/* The JSON text becomes the body; it is owned by the answer then. NULL: 500. */
void call_answer_json(struct call *call, unsigned status, char *text);

/* Judges the request and fills the answer; call->order says how a token looks. */
enum outcome oauth_token(struct call *call);
enum outcome oauth_revoke(struct call *call);

#endif
