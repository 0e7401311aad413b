/* SPDX-License-Identifier: MIT */
#include "source/http_answer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Cuts blanks at both ends, and the line end. */
static void trim(const char **value, size_t *length)
{
	while (*length > 0 && strchr(" \t", **value) != NULL && **value != '\0') {
		(*value)++;
		(*length)--;
	}
	while (*length > 0 && (*value)[*length - 1] != '\0' &&
	       strchr(" \t\r\n", (*value)[*length - 1]) != NULL)
		(*length)--;
}

/* true: line is the header of this name, and its value is in the outputs. */
static bool is_header(const char *line, size_t length, const char *name, const char **ret_value,
		      size_t *ret_length)
{
	size_t name_length = strlen(name);

	if (length <= name_length || strncasecmp(line, name, name_length) != 0 ||
	    line[name_length] != ':')
		return false;
	*ret_value = line + name_length + 1;
	*ret_length = length - name_length - 1;
	trim(ret_value, ret_length);
	return true;
}

static bool fail(struct http_answer *answer, int error, enum http_answer_excess excess)
{
	answer->excess = error == -EMSGSIZE ? excess : HTTP_ANSWER_NO_MEMORY;
	return false;
}

static bool keep_location(struct http_answer *answer, const char *value, size_t length)
{
	struct secret *location;
	int r = secret_new(&location, length, length);

	if (r < 0)
		return fail(answer, r, HTTP_ANSWER_TOO_MANY_HEADERS);
	(void)secret_append(location, value, length); /* has the room */
	secret_free(answer->location);
	answer->location = location;
	return true;
}

/* What an interim answer (100, 103) said does not hold for the one that follows. */
static void forget_headers(struct http_answer *answer)
{
	answer->retry_after[0] = '\0';
	secret_free(answer->location);
	answer->location = NULL;
}

bool http_answer_add_header(struct http_answer *answer, const char *line, size_t length)
{
	const char *value;
	size_t value_length;

	answer->header_count++;
	if (answer->header_count > HTTP_ANSWER_HEADERS_MAX ||
	    length > HTTP_ANSWER_HEADER_BYTES_MAX - answer->header_bytes)
		return fail(answer, -EMSGSIZE, HTTP_ANSWER_TOO_MANY_HEADERS);
	answer->header_bytes += length;

	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
		forget_headers(answer);
	else if (is_header(line, length, "Location", &value, &value_length))
		return keep_location(answer, value, value_length);
	else if (is_header(line, length, "Retry-After", &value, &value_length) &&
		 value_length < sizeof(answer->retry_after)) {
		memcpy(answer->retry_after, value, value_length);
		answer->retry_after[value_length] = '\0';
	}
	return true;
}

bool http_answer_add_body(struct http_answer *answer, const char *bytes, size_t length)
{
	int r = 0;

	if (answer->body == NULL)
		r = secret_new(&answer->body, 0, HTTP_ANSWER_BODY_MAX);
	if (r == 0)
		r = secret_append(answer->body, bytes, length);
	return r < 0 ? fail(answer, r, HTTP_ANSWER_BODY_TOO_LARGE) : true;
}

void http_answer_fini(struct http_answer *answer)
{
	secret_free(answer->body);
	secret_free(answer->location);
	explicit_bzero(answer, sizeof(*answer));
}
