/* SPDX-License-Identifier: MIT */
/*
 * A text of the snapshot that is made anew at most once a second and for each change, however many
 * ask for it: clients that do not take their answers share one copy. One thread only.
 */
#ifndef HTTPD_KEPT_TEXT_H
#define HTTPD_KEPT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "httpd/shared_text.h"

/* What the text was made from. */
struct kept_text_key {
	uint64_t version; /* of the snapshot's document */
	int64_t now_s;    /* Unix time */
	bool is_up;
};

/* A zeroed one keeps nothing. */
struct kept_text {
	struct shared_text *text;
	struct kept_text_key key;
};

/* Held for the caller. NULL: there is none of this key. */
struct shared_text *kept_text_get(const struct kept_text *kept, const struct kept_text_key *key);
/* Takes over text (held once; NULL is fine) in the place of the former one. */
void kept_text_put(struct kept_text *kept, const struct kept_text_key *key,
		   struct shared_text *text);

#endif
