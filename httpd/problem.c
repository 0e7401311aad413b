/* SPDX-License-Identifier: MIT */
#include "httpd/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum { DETAIL_BYTES = 512 };

const char *problem_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{421, "Misdirected Request"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
	};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "";
}

/* RFC 8259 7. Bytes above ASCII are left out: what comes here may be no UTF-8. */
static void add_quoted(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			text_addf(text, "\\%c", c);
		else
			text_addf(text, "%c", c < 0x20 || c > 0x7e ? '?' : c);
	}
	text_add(text, "\"");
}

void problem_set(struct answer *ret, unsigned status, const char *detail, ...)
{
	char message[DETAIL_BYTES];
	char data[2 * DETAIL_BYTES + 128]; /* each byte may need a backslash */
	struct text text;
	va_list arguments;

	va_start(arguments, detail);
	(void)vsnprintf(message, sizeof(message), detail, arguments);
	va_end(arguments);

	text_init(&text, data, sizeof(data));
	text_add(&text, "{\"type\":\"about:blank\",\"title\":");
	add_quoted(&text, problem_title(status));
	text_addf(&text, ",\"status\":%u,\"detail\":", status);
	add_quoted(&text, message);
	text_add(&text, "}\n");

	shared_text_release(ret->body);
	ret->status = status;
	ret->content_type = PROBLEM_TYPE;
	ret->body = shared_text_new(text.data, text.length);
}
