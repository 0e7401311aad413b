/* SPDX-License-Identifier: MIT */
#include "httpd/kept_text.h"

#include <stddef.h>

struct shared_text *kept_text_get(const struct kept_text *kept, const struct kept_text_key *key)
{
	if (kept->text == NULL || kept->key.version != key->version ||
	    kept->key.now_s != key->now_s || kept->key.is_up != key->is_up)
		return NULL;
	return shared_text_hold(kept->text);
}

void kept_text_put(struct kept_text *kept, const struct kept_text_key *key,
		   struct shared_text *text)
{
	shared_text_release(kept->text);
	*kept = (struct kept_text){.text = text, .key = *key};
}
