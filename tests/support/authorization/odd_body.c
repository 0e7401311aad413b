/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/odd_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tokenbroker.h"

/* head, token and tail (or head alone), padding times pad, end. */
struct odd_body {
	const char *name;
	unsigned status;
	const char *type;
	const char *head;
	const char *tail; /* NULL: no token in it */
	size_t token_length;
	size_t padding;
	char pad;
	const char *end; /* NULL: none */
	unsigned filler_headers;
	enum http_delivery delivery;
};

#define JSON "application/json"
#define HEAD "{\"access_token\":\""
/* clang-format off */
#define WITH_TOKEN(name_, tail_) \
	{ .name = name_, .status = 200, .type = JSON, .head = HEAD, .tail = tail_ }
#define EXPIRES(name_, value_) \
	WITH_TOKEN(name_, "\",\"token_type\":\"Bearer\",\"expires_in\":" value_ "}")
#define WITHOUT(name_, status_, type_, text_) \
	{ .name = name_, .status = status_, .type = type_, .head = text_ }
#define GOOD_TAIL "\",\"token_type\":\"Bearer\",\"expires_in\":3600}"

static const struct odd_body odd_bodies[] = {
	WITHOUT("html", 200, "text/html", "<!doctype html><title>Sign in</title><p>Please sign in."),
	WITHOUT("html_503", 503, "text/html", "<html><h1>503 Service Unavailable</h1></html>"),
	WITHOUT("empty", 200, JSON, ""),
	WITHOUT("empty_403", 403, NULL, ""),
	WITHOUT("empty_500", 500, NULL, ""),
	WITHOUT("not_json", 200, JSON, "{\"access_token\": oops"),
	WITHOUT("array", 200, JSON, "[]"),
	WITHOUT("null", 200, JSON, "null"),
	WITHOUT("no_access_token", 200, JSON, "{\"token_type\":\"Bearer\",\"expires_in\":3600}"),
	WITHOUT("empty_token", 200, JSON, HEAD GOOD_TAIL),
	WITHOUT("number_token", 200, JSON, "{\"access_token\":12345678,\"token_type\":\"Bearer\"}"),
	WITHOUT("error_in_200", 200, JSON, "{\"error\":\"invalid_client\"}"),
	WITHOUT("unknown_error", 400, JSON, "{\"error\":\"moon_phase\"}"),
	WITHOUT("number_error", 400, JSON, "{\"error\":7}"),
	WITHOUT("problem_json", 500, "application/problem+json",
		"{\"title\":\"it broke\",\"status\":500}"),
	WITHOUT("ugly_description", 400, JSON, "{\"error\":\"invalid_request\",\"error_description\":"
		"\"\\u001b[31mred\\r\\n<3>forged line\\u0000<script>alert(1)</script>\"}"),
	{ .name = "long_description", .status = 400, .type = JSON, .padding = 100000, .pad = 'x',
	  .head = "{\"error\":\"invalid_request\",\"error_description\":\"", .end = "\"}" },
	WITH_TOKEN("token_with_space", " x" GOOD_TAIL),
	WITH_TOKEN("token_with_newline", "\\r\\nX-Injected: yes" GOOD_TAIL),
	WITH_TOKEN("token_with_nul", "\\u0000x" GOOD_TAIL),
	WITH_TOKEN("mac_type", "\",\"token_type\":\"mac\",\"expires_in\":3600}"),
	WITH_TOKEN("no_token_type", "\",\"expires_in\":3600}"),
	WITH_TOKEN("lower_case_bearer", "\",\"token_type\":\"bearer\",\"expires_in\":3600}"),
	WITH_TOKEN("with_refresh_token",
		   "\",\"refresh_token\":\"not-wanted\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
	EXPIRES("expires_text", "\"soon\""),
	EXPIRES("expires_string", "\"3600\""),
	EXPIRES("expires_float", "3600.0"),
	EXPIRES("expires_zero", "0"),
	EXPIRES("expires_negative", "-1"),
	EXPIRES("expires_huge", "99999999999999999999999"),
	EXPIRES("expires_one", "1"),
	WITH_TOKEN("expires_absent", "\",\"token_type\":\"Bearer\"}"),
	{ .name = "duplicate_member", .status = 200, .type = JSON, .tail = GOOD_TAIL,
	  .head = "{\"access_token\":\"the-first\",\"access_token\":\"" },
	{ .name = "too_long_token", .status = 200, .type = JSON, .head = HEAD, .tail = GOOD_TAIL,
	  .token_length = TOKENBROKER_TOKEN_MAX + 1 },
	{ .name = "huge_body", .status = 200, .type = JSON, .head = HEAD, .tail = GOOD_TAIL,
	  .padding = 300 * 1024, .pad = ' ' },
	{ .name = "deep", .status = 200, .type = JSON, .head = "", .padding = 20000, .pad = '[' },
	{ .name = "endless", .status = 200, .type = JSON, .head = HEAD, .tail = GOOD_TAIL,
	  .delivery = HTTP_DELIVERY_ENDLESS },
	{ .name = "many_headers", .status = 200, .type = JSON, .head = HEAD, .tail = GOOD_TAIL,
	  .filler_headers = 5000 },
	{ .name = "truncated", .status = 200, .type = JSON, .head = HEAD, .tail = GOOD_TAIL,
	  .delivery = HTTP_DELIVERY_HALF },
};
/* clang-format on */

const struct odd_body *odd_body_find(const char *name)
{
	for (size_t i = 0; i < sizeof(odd_bodies) / sizeof(odd_bodies[0]); i++) {
		if (strcmp(odd_bodies[i].name, name) == 0)
			return &odd_bodies[i];
	}
	return NULL;
}

bool odd_body_needs_token(const struct odd_body *odd)
{
	return odd->tail != NULL;
}

size_t odd_body_token_length(const struct odd_body *odd)
{
	return odd->token_length;
}

static char *make_body(const struct odd_body *odd, const char *token, size_t *ret_length)
{
	const char *end = odd->end != NULL ? odd->end : "";
	size_t length = strlen(odd->head) + odd->padding + strlen(end);
	char *body;
	char *out;

	if (odd->tail != NULL)
		length += strlen(token) + strlen(odd->tail);
	body = malloc(length + 1);
	if (body == NULL)
		return NULL;
	out = stpcpy(body, odd->head);
	if (odd->tail != NULL)
		out = stpcpy(stpcpy(out, token), odd->tail);
	memset(out, odd->pad, odd->padding);
	(void)strcpy(out + odd->padding, end);
	*ret_length = length;
	return body;
}

int odd_body_answer(const struct odd_body *odd, const char *token, struct http_answer *answer)
{
	size_t length;
	char *body = make_body(odd, token, &length);

	if (body == NULL)
		return -ENOMEM;
	answer->body = body;
	answer->length = length;
	if (answer->status == 0)
		answer->status = odd->status;
	if (odd->type != NULL)
		http_answer_header(answer, "Content-Type", odd->type);
	if (odd->delivery != HTTP_DELIVERY_PLAIN)
		answer->delivery = odd->delivery;
	answer->filler_headers = odd->filler_headers;
	return 0;
}
