/* SPDX-License-Identifier: MIT */
/* What an administrator should check when a token request fails. Pure. */
#ifndef BROKER_SOURCE_HINT_H
#define BROKER_SOURCE_HINT_H

#include "token.h"

/* Static memory, never NULL; "" when there is nothing to do but wait. */
const char *hint_for(const char *provider, enum token_reason reason, long http_status);

#endif
