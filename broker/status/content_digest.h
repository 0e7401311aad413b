/* SPDX-License-Identifier: MIT */
/* Whether a token's content is still what it was: what is unchanged is not built again. Pure. */
#ifndef BROKER_STATUS_CONTENT_DIGEST_H
#define BROKER_STATUS_CONTENT_DIGEST_H

#include <stdint.h>

#include "status/document.h"

/* Of all that the document shows of the token, what its pointers lead to included. */
uint64_t content_digest(const struct status_content_token *token);

#endif
