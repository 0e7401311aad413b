/* SPDX-License-Identifier: MIT */
/*
 * An HTTP answer as it comes over the wire, taken apart by the letter; what has a control character
 * in a header, a header twice or one that is none of ours fails.
 */
#ifndef TESTS_FUZZ_HTTP_ANSWER_H
#define TESTS_FUZZ_HTTP_ANSWER_H

#include <stdbool.h>
#include <strings.h>

#include "fuzz.h"

struct http_answer {
	unsigned status;
	const char *head; /* with its status line and the empty line at its end */
	size_t head_length;
	const char *body;
	size_t body_length;
	bool is_stream; /* its body is as long as was read */
	bool is_ours;   /* not one of the HTTP library's own */
};

static inline bool http_is_name(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncasecmp(name, wanted, length) == 0;
}

/*
 * How often a header is in head, whose lines end with CR LF and whose first is none; the last one's
 * value without white space around it. Both outputs are left alone if there is none.
 */
static inline unsigned http_find(const char *head, size_t head_length, const char *name,
				 const char **ret_value, size_t *ret_length)
{
	const char *end = head + head_length;
	const char *line = memmem(head, head_length, "\r\n", 2);
	unsigned count = 0;

	while (line != NULL && (line += 2) < end) {
		const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
		const char *stop = line_end == NULL ? end : line_end;
		const char *colon = memchr(line, ':', (size_t)(stop - line));

		if (colon != NULL && http_is_name(line, (size_t)(colon - line), name)) {
			for (colon++; colon < stop && (*colon == ' ' || *colon == '\t');)
				colon++;
			while (stop > colon && (stop[-1] == ' ' || stop[-1] == '\t'))
				stop--;
			*ret_value = colon;
			*ret_length = (size_t)(stop - colon);
			count++;
		}
		line = line_end;
	}
	return count;
}

static inline bool http_has(const struct http_answer *answer, const char *name, const char *wanted)
{
	const char *value = NULL;
	size_t length = 0;

	return http_find(answer->head, answer->head_length, name, &value, &length) == 1 &&
	       (wanted == NULL || (length == strlen(wanted) && memcmp(value, wanted, length) == 0));
}

static inline void http_check_header(const struct http_answer *answer, const char *line,
				     size_t length)
{
	static const char *const names[] = {
		"Allow",
		"Cache-Control",
		"Connection",
		"Content-Length",
		"Content-Security-Policy",
		"Content-Type",
		"Cross-Origin-Opener-Policy",
		"Cross-Origin-Resource-Policy",
		"Date",
		"ETag",
		"Referrer-Policy",
		"Retry-After",
		"Tokenbroker-Commands",
		"Tokenbroker-Reading",
		"Transfer-Encoding",
		"WWW-Authenticate",
		"X-Content-Type-Options",
		"X-Frame-Options",
	};
	const char *colon = memchr(line, ':', length);
	bool is_known = false;

	FUZZ_MUST(colon != NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_is_name(line, (size_t)(colon - line), names[i]))
			is_known = http_has(answer, names[i], NULL);
	FUZZ_MUST(is_known);
	for (size_t i = 0; i < length; i++)
		FUZZ_MUST(line[i] >= ' ' && line[i] <= '~');
}

static inline void http_check_headers(const struct http_answer *answer)
{
	const char *end = answer->head + answer->head_length - 2;
	const char *line = strstr(answer->head, "\r\n") + 2;

	while (line < end) {
		const char *line_end = strstr(line, "\r\n");

		http_check_header(answer, line, (size_t)(line_end - line));
		line = line_end + 2;
	}
}

static inline bool http_take_body(struct http_answer *answer, size_t left, bool is_head)
{
	const char *value = NULL;
	size_t length = 0;

	if (is_head || answer->status == 304 || answer->status < 200)
		return true;
	answer->is_stream = http_has(answer, "Content-Type", "text/event-stream");
	if (answer->is_stream) {
		answer->body_length = left;
		return left > 4 && strcmp(answer->body + left - 4, "\n\n\r\n") == 0;
	}
	FUZZ_MUST(http_find(answer->head, answer->head_length, "Content-Length", &value, &length) ==
		  1);
	answer->body_length = strtoul(value, NULL, 10);
	return answer->body_length <= left;
}

/* The first answer of a text that ends with a NUL; false: it is not there as a whole. */
static inline bool http_take_answer(const char *text, size_t size, bool is_head,
				    struct http_answer *ret)
{
	const char *head_end = strstr(text, "\r\n\r\n");

	if (head_end == NULL)
		return false;
	*ret = (struct http_answer){.head = text, .body = head_end + 4};
	ret->head_length = (size_t)(ret->body - text);
	FUZZ_MUST(sscanf(text, "HTTP/1.%*1[01] %3u ", &ret->status) == 1);
	ret->is_ours = http_has(ret, "X-Content-Type-Options", "nosniff");
	return http_take_body(ret, size - ret->head_length, is_head);
}

#endif
