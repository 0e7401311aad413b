/* SPDX-License-Identifier: MIT */
/*
 * Orders as a test writes them: one object, or a list of them.
 *
 * endpoint         "token", "revoke" or "api"
 * count            how many requests, 1 by default; -1: for ever
 * client_id        only this client's
 * status, body, headers     an answer of one's own
 * odd              the name of an odd body (odd_body.c)
 * echo_secret      401 with the credentials in its error_description
 * delay_ms         before the answer
 * fault            "reset", "stall", "stall_headers" or "half"
 * slow_ms          between any two bytes of the body
 * processed        with reset or stall: the request takes effect all the same
 * same_token, expires_in, token_length      of a token that is issued
 */
#ifndef AUTH_SERVER_ORDER_JSON_H
#define AUTH_SERVER_ORDER_JSON_H

#include "base/error_text.h"
#include "tests/support/authorization/orders.h"

/* Adds all orders of text, or some and -EINVAL with error filled. */
int order_json_add(struct orders *orders, const char *text, struct error_text *error);

#endif
