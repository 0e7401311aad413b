/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *text, char *data, size_t size)
{
	assert(size > 0);
	*text = (struct text){.data = data, .size = size};
	data[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->size - 1 - text->length;

	if (length > room) {
		length = room;
		text->is_cut = true;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->length;
	va_list arguments;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(text->data + text->length, room, format, arguments);
	va_end(arguments);
	if (wanted < 0 || (size_t)wanted >= room) {
		text->is_cut = true;
		text->length += strlen(text->data + text->length);
		return;
	}
	text->length += (size_t)wanted;
}
