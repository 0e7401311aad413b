/* SPDX-License-Identifier: MIT */
/* Answers that are wrong in a way that has a name. */
#ifndef AUTH_SERVER_ODD_BODY_H
#define AUTH_SERVER_ODD_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/authorization/server.h"

struct odd_body;

/* NULL: no such name. */
const struct odd_body *odd_body_find(const char *name);
/* Whether the body is made around a token that the server really issues. */
bool odd_body_needs_token(const struct odd_body *odd);
/* Length of the token that it wants, or 0 for the usual one. */
size_t odd_body_token_length(const struct odd_body *odd);
/* Fills body, length, content type, delivery and, unless one is set, the status. token may be NULL
 * where none is needed. 0 or -ENOMEM. */
int odd_body_answer(const struct odd_body *odd, const char *token, struct http_answer *answer);

#endif
