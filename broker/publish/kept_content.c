/* SPDX-License-Identifier: MIT */
#include "publish/kept_content.h"

int kept_content_set(struct kept_content *ret, const struct publication_content *content)
{
	struct kept_content kept = {.is_set = true, .content = *content};
	int r;

	kept.content.token = NULL;
	if (content->length > 0) {
		r = secret_new(&kept.token, content->length, content->length);
		if (r < 0)
			return r;
		r = secret_append(kept.token, content->token, content->length);
		if (r < 0) {
			secret_free(kept.token);
			return r;
		}
		kept.content.token = kept.token->data;
	}
	kept_content_fini(ret);
	*ret = kept;
	return 0;
}

void kept_content_take(struct kept_content *to, struct kept_content *from)
{
	kept_content_fini(to);
	*to = *from;
	*from = (struct kept_content){.is_set = false};
}

void kept_content_fini(struct kept_content *kept)
{
	secret_free(kept->token);
	*kept = (struct kept_content){.is_set = false};
}
