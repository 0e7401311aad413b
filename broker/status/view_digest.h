/* SPDX-License-Identifier: MIT */
/* Says whether a token's view is still what it was: what is unchanged is not built again. Pure. */
#ifndef BROKER_STATUS_VIEW_DIGEST_H
#define BROKER_STATUS_VIEW_DIGEST_H

#include <stdint.h>

#include "status/document.h"

/* Of all that the document shows of the token, what its pointers lead to included. */
uint64_t view_digest(const struct status_token_view *view);

#endif
