/* SPDX-License-Identifier: MIT */
/* A content with a copy of its token in memory that is wiped. */
#ifndef BROKER_PUBLISH_KEPT_CONTENT_H
#define BROKER_PUBLISH_KEPT_CONTENT_H

#include <stdbool.h>

#include "base/secret.h"
#include "publish/publication_content.h"

struct kept_content {
	bool is_set;
	struct publication_content content; /* content.token points into token */
	struct secret *token;               /* NULL unless content.length > 0 */
};

/* content may be one that is kept already, *ret's own included. -ENOMEM: *ret is as before. */
int kept_content_set(struct kept_content *ret, const struct publication_content *content);
/* Moves; from is empty afterwards. */
void kept_content_take(struct kept_content *to, struct kept_content *from);
/* Wipes the token. A zeroed one is fine. */
void kept_content_fini(struct kept_content *kept);

#endif
