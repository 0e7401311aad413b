/* SPDX-License-Identifier: MIT */
#include "httpd/shared_text.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct shared_text *shared_text_new(const char *data, size_t length)
{
	struct shared_text *text = malloc(sizeof(*text) + length + 1);

	if (text == NULL)
		return NULL;
	text->holders = 1;
	text->length = length;
	memcpy(text->data, data, length);
	text->data[length] = '\0';
	return text;
}

struct shared_text *shared_text_hold(struct shared_text *text)
{
	assert(text->holders > 0 && text->holders < UINT_MAX);
	text->holders++;
	return text;
}

void shared_text_release(struct shared_text *text)
{
	if (text == NULL)
		return;
	assert(text->holders > 0);
	if (--text->holders == 0)
		free(text);
}
