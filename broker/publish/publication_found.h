/* SPDX-License-Identifier: MIT */
/* What an earlier broker left in a segment, copied out of it. */
#ifndef BROKER_PUBLISH_PUBLICATION_FOUND_H
#define BROKER_PUBLISH_PUBLICATION_FOUND_H

#include <stdbool.h>

#include "base/secret.h"
#include "publish/publication_content.h"

/* Whether it is still good (source, expiry, suspension) is for the broker to judge. */
struct publication_found {
	bool has_content;                   /* else all other members are zero */
	struct publication_content content; /* content.token points into token */
	struct secret *token;               /* NULL unless content.length > 0 */
};

/* NULL and a zeroed one are fine. Wipes the token. */
void publication_found_fini(struct publication_found *found);
static inline void cleanup_publication_found(struct publication_found *found)
{
	publication_found_fini(found);
}

#endif
