/* SPDX-License-Identifier: MIT */
#include "source/oauth_response.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "source/answer_json.h"
#include "source/hint.h"
#include "source/retry_after.h"
#include "tokenbroker.h"

#define LIFETIME_MAX_S (INT64_C(10) * 365 * 24 * 3600)

enum {
	ERROR_BYTES = 64,
	DESCRIPTION_BYTES = 256,
	TARGET_BYTES = 300,
};

/* A string in the body; bytes is NULL when there is none. */
struct span {
	const char *bytes;
	size_t length;
};

static struct span find_string(const struct answer_json *json, const char *name)
{
	struct span span = {0};

	if (json != NULL)
		(void)answer_json_string(json, name, &span.bytes, &span.length);
	return span;
}

static bool span_is(struct span span, const char *string)
{
	return span.length == strlen(string) && memcmp(span.bytes, string, span.length) == 0;
}

/* NULL: there is no body, or it is not a JSON object, or not all of it has come. */
static struct answer_json *parse_body(const struct http_answer *answer)
{
	struct answer_json *json = NULL;

	if (answer->body != NULL && answer->excess == HTTP_ANSWER_FITS)
		(void)answer_json_parse(&json, answer->body->data, answer->body->length);
	return json;
}

static bool is_success(long status)
{
	return status >= 200 && status < 300;
}

/* RFC 9110 15.2: after 1xx the answer is still to come, so it tells of no error. */
static bool is_final(long status)
{
	return status >= 200;
}

static bool is_transient(long status, enum token_reason reason)
{
	return status == 408 || status == 425 || status == 429 || status >= 500 ||
	       reason == TOKEN_SERVER_ERROR || reason == TOKEN_TEMPORARILY_UNAVAILABLE;
}

static enum token_reason reason_of(struct span error)
{
	for (enum token_reason reason = TOKEN_INVALID_REQUEST; reason < TOKEN_OAUTH_OTHER; reason++)
		if (span_is(error, token_reason_name(reason)))
			return reason;
	return TOKEN_OAUTH_OTHER;
}

/* Scheme, host and path are shown; a query, a fragment and a user name could be anything. */
static void cut_target(char *target)
{
	size_t scheme = strcspn(target, ":/");
	char *authority;
	char *end;

	target[strcspn(target, "?#")] = '\0';
	authority = target[scheme] == ':' ? target + scheme + 1 : target;
	if (strncmp(authority, "//", 2) != 0)
		return;
	authority += 2;
	end = authority + strcspn(authority, "/");
	for (char *at = end; at > authority; at--)
		if (at[-1] == '@') {
			memmove(authority, at, strlen(at) + 1);
			return;
		}
}

/* What is known, and a token that the answer itself holds. */
static struct redaction with_token_of(const struct answer_json *json, const struct redaction *known)
{
	struct span token = find_string(json, "access_token");
	struct redaction redaction = *known;

	redaction_add(&redaction, token.bytes, token.length);
	return redaction;
}

static void describe_redirect(const struct http_answer *answer, const struct redaction *redaction,
			      struct error_text *message)
{
	char target[TARGET_BYTES];

	if (answer->location == NULL) {
		error_text_set(message, "HTTP %ld: a redirect without a target", answer->status);
		return;
	}
	redact(redaction, answer->location->data, answer->location->length, target, sizeof(target));
	cut_target(target);
	error_text_set(message, "HTTP %ld: a redirect to %s, which is not followed", answer->status,
		       target);
}

static void describe_bare_status(const struct http_answer *answer, const struct answer_json *json,
				 const struct redaction *known, struct error_text *message)
{
	struct redaction redaction = with_token_of(json, known);

	if (answer->status >= 300 && answer->status < 400)
		describe_redirect(answer, &redaction, message);
	else if (answer->body == NULL || answer->body->length == 0)
		error_text_set(message, "HTTP %ld with an empty body", answer->status);
	else if (json == NULL)
		error_text_set(message, "HTTP %ld with a body that is not a JSON object",
			       answer->status);
	else
		error_text_set(message, "HTTP %ld with JSON that names no error", answer->status);
}

static void describe_error(const struct http_answer *answer, const struct answer_json *json,
			   const struct redaction *known, struct error_text *message)
{
	struct redaction redaction = with_token_of(json, known);
	struct span error = find_string(json, "error");
	struct span description = find_string(json, "error_description");
	char error_text[ERROR_BYTES];
	char description_text[DESCRIPTION_BYTES];

	redact(&redaction, error.bytes, error.length, error_text, sizeof(error_text));
	redact(&redaction, description.bytes, description.length, description_text,
	       sizeof(description_text));
	error_text_set(message, "HTTP %ld: %s%s%s", answer->status, error_text,
		       *description_text == '\0' ? "" : ": ", description_text);
}

/* RFC 6749 5.2, whatever the media type says. */
static void take_error(const struct http_answer *answer, const struct answer_json *json,
		       const struct oauth_response_context *context, struct source_outcome *outcome)
{
	struct span error = find_string(json, "error");

	if (error.bytes == NULL) {
		outcome->reason = TOKEN_HTTP;
		describe_bare_status(answer, json, context->redaction, &outcome->message);
	} else {
		outcome->reason = reason_of(error);
		describe_error(answer, json, context->redaction, &outcome->message);
	}
	outcome->is_permanent = !is_transient(answer->status, outcome->reason);
	outcome->retry_after_ms = retry_after_parse(answer->retry_after, context->now_realtime_ns);
}

/* RFC 6750 2.1, b64token. Anything else could inject into the header that it is sent in. */
static bool is_b64token(struct span token)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-._~+/";
	size_t end = strspn(token.bytes, alphabet);

	return end > 0 && end + strspn(token.bytes + end, "=") == token.length;
}

static void refuse(struct source_outcome *outcome, const char *what)
{
	outcome->reason = TOKEN_BAD_RESPONSE;
	error_text_set(&outcome->message, "HTTP %ld, but %s", outcome->http_status, what);
}

static bool check_token(enum answer_json_member member, struct span token,
			struct source_outcome *outcome)
{
	if (member == ANSWER_JSON_ABSENT)
		refuse(outcome, "the answer has no access_token");
	else if (member == ANSWER_JSON_INVALID)
		refuse(outcome, "access_token is not a string");
	else if (token.length > TOKENBROKER_TOKEN_MAX)
		refuse(outcome, "access_token is longer than 60 KiB, the most that is supported");
	else if (!is_b64token(token))
		refuse(outcome, "access_token is empty or has characters that no HTTP header may "
				"carry (RFC 6750 2.1)");
	else
		return true;
	return false;
}

static bool check_token_type(const struct answer_json *json, const struct redaction *redaction,
			     struct source_outcome *outcome)
{
	struct span type = find_string(json, "token_type");
	char text[ERROR_BYTES];

	if (type.bytes == NULL) {
		refuse(outcome, "the answer has no token_type");
		return false;
	}
	if (type.length == strlen("Bearer") && strncasecmp(type.bytes, "Bearer", type.length) == 0)
		return true;
	redact(redaction, type.bytes, type.length, text, sizeof(text));
	outcome->reason = TOKEN_BAD_RESPONSE;
	error_text_set(&outcome->message,
		       "HTTP %ld, but token_type is \"%s\": only Bearer is supported",
		       outcome->http_status, text);
	return false;
}

/* RFC 6749 5.1: expires_in is RECOMMENDED, no more. */
static void take_lifetime(const struct answer_json *json, struct source_outcome *outcome)
{
	int64_t seconds;

	switch (answer_json_seconds(json, "expires_in", &seconds)) {
	case ANSWER_JSON_ABSENT:
		return;
	case ANSWER_JSON_INVALID:
		error_text_set(&outcome->warning, "expires_in is not a positive number of seconds: "
						  "the default lifetime is used");
		return;
	case ANSWER_JSON_VALID:
		break;
	}
	if (seconds > LIFETIME_MAX_S) {
		error_text_set(&outcome->warning, "expires_in is cut to 10 years");
		seconds = LIFETIME_MAX_S;
	}
	outcome->has_lifetime = true;
	outcome->lifetime_ms = seconds * MS_PER_S;
}

static void take_details(const struct answer_json *json, const struct redaction *redaction,
			 struct source_outcome *outcome)
{
	struct span scope = find_string(json, "scope");

	take_lifetime(json, outcome);
	redact(redaction, scope.bytes, scope.length, outcome->scope, sizeof(outcome->scope));
	(void)snprintf(outcome->token_type, sizeof(outcome->token_type), "Bearer");
	outcome->reason = TOKEN_OK;
}

/* RFC 6749 5.1. Nothing is set but reason and message unless all of it is right. */
static void take_token(const struct answer_json *json, const struct redaction *known,
		       struct source_outcome *outcome)
{
	struct redaction redaction = with_token_of(json, known);
	struct span token = {0};
	enum answer_json_member member =
		answer_json_string(json, "access_token", &token.bytes, &token.length);

	if (!check_token(member, token, outcome) || !check_token_type(json, &redaction, outcome))
		return;
	if (secret_new(&outcome->token, token.length, token.length) < 0) {
		refuse(outcome, "there is no memory for the token");
		return;
	}
	(void)secret_append(outcome->token, token.bytes, token.length); /* has the room */
	take_details(json, &redaction, outcome);
}

static void take_success(const struct http_answer *answer, const struct answer_json *json,
			 const struct oauth_response_context *context,
			 struct source_outcome *outcome)
{
	if (answer->body == NULL || answer->body->length == 0)
		refuse(outcome, "the body is empty");
	else if (json == NULL)
		refuse(outcome, "the body is not a JSON object");
	else if (find_string(json, "access_token").bytes == NULL &&
		 find_string(json, "error").bytes != NULL)
		take_error(answer, json, context, outcome); /* errors with status 200 exist, too */
	else
		take_token(json, context->redaction, outcome);
}

static void describe_excess(enum http_answer_excess excess, struct source_outcome *outcome)
{
	switch (excess) {
	case HTTP_ANSWER_FITS:
		return;
	case HTTP_ANSWER_BODY_TOO_LARGE:
		refuse(outcome, "the body is larger than 256 KiB");
		return;
	case HTTP_ANSWER_TOO_MANY_HEADERS:
		refuse(outcome, "the headers are more than 100 or larger than 64 KiB");
		return;
	case HTTP_ANSWER_NO_MEMORY:
		refuse(outcome, "there is no memory for the answer, or a header of it is longer "
				"than 100 KB");
		return;
	}
}

void oauth_response_to_fetch(const struct http_answer *answer,
			     const struct oauth_response_context *context,
			     struct source_outcome *ret_outcome)
{
	CLEANUP(answer_json_free) struct answer_json *json = parse_body(answer);

	ret_outcome->http_status = answer->status;
	if (is_final(answer->status) && !is_success(answer->status))
		take_error(answer, json, context, ret_outcome);
	else if (answer->excess != HTTP_ANSWER_FITS)
		describe_excess(answer->excess, ret_outcome);
	else
		take_success(answer, json, context, ret_outcome);
	ret_outcome->hint = hint_for(context->provider, ret_outcome->reason, answer->status);
}

/* RFC 7009 2.2.1: unsupported_token_type. */
static void take_refused_revocation(const struct http_answer *answer,
				    const struct answer_json *json,
				    const struct oauth_response_context *context,
				    struct source_outcome *outcome)
{
	struct span error = find_string(json, "error");

	take_error(answer, json, context, outcome);
	outcome->is_permanent = answer->status == 400 ||
				(error.bytes != NULL && span_is(error, "unsupported_token_type"));
}

/* RFC 7009 2.2: the body of a success is ignored. */
void oauth_response_to_revocation(const struct http_answer *answer,
				  const struct oauth_response_context *context,
				  struct source_outcome *ret_outcome)
{
	CLEANUP(answer_json_free) struct answer_json *json = parse_body(answer);

	ret_outcome->http_status = answer->status;
	ret_outcome->hint = "";
	if (is_success(answer->status)) {
		ret_outcome->reason = TOKEN_OK;
		return;
	}
	if (is_final(answer->status))
		take_refused_revocation(answer, json, context, ret_outcome);
	else if (answer->excess != HTTP_ANSWER_FITS)
		describe_excess(answer->excess, ret_outcome);
	else
		refuse(ret_outcome, "the answer never came");
	ret_outcome->hint = hint_for(context->provider, ret_outcome->reason, answer->status);
}
