/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "harness.h"
#include "response_fixture.h"
#include "tokenbroker.h"

#define TEN_YEARS_MS (INT64_C(10) * 365 * 24 * 3600 * 1000)

static struct source_outcome interpret(const struct http_answer *answer, const char *provider)
{
	struct redaction redaction = {0};
	struct oauth_response_context context = context_of(&redaction, provider);
	struct source_outcome outcome = {0};

	oauth_response_to_fetch(answer, &context, &outcome);
	return outcome;
}

static struct source_outcome fetch(long status, const char *body)
{
	CLEANUP(answer) struct http_answer answer = answer_of(status, body);

	return interpret(&answer, "none");
}

static void an_ordinary_answer_is_a_token(void)
{
	CLEANUP(outcome)
	struct source_outcome outcome =
		fetch(200, "{\"access_token\":\"abc.def-~+/==\",\"token_type\":\"bEaReR\","
			   "\"expires_in\":3600,\"scope\":\"a b\",\"refresh_token\":\"x\"}");

	CU_ASSERT_EQUAL(outcome.reason, TOKEN_OK);
	CU_ASSERT_STRING_EQUAL(outcome.token->data, "abc.def-~+/==");
	CU_ASSERT_EQUAL(outcome.token->length, 13);
	CU_ASSERT(outcome.has_lifetime);
	CU_ASSERT_EQUAL(outcome.lifetime_ms, 3600000);
	CU_ASSERT_STRING_EQUAL(outcome.token_type, "Bearer");
	CU_ASSERT_STRING_EQUAL(outcome.scope, "a b");
	CU_ASSERT_STRING_EQUAL(outcome.message.text, "");
	CU_ASSERT_STRING_EQUAL(outcome.warning.text, "");
	CU_ASSERT_STRING_EQUAL(outcome.hint, "");
	CU_ASSERT_EQUAL(outcome.http_status, 200);
	CU_ASSERT_FALSE(outcome.is_permanent);
}

static void any_shape_of_expires_in_is_survived(void)
{
	static const struct {
		const char *value;
		int64_t lifetime_ms; /* 0: treated as absent */
		const char *warning;
	} rows[] = {
		{"3600", 3600000, ""},
		{"3600.0", 3600000, ""},
		{"\"3600\"", 3600000, ""},
		{"1", 1000, ""},
		{"null", 0, ""},
		{"315360000", TEN_YEARS_MS, ""},
		{"315360001", TEN_YEARS_MS, "10 years"},
		{"9223372036854775806", TEN_YEARS_MS, "10 years"},
		{"0", 0, "default lifetime"},
		{"-3600", 0, "default lifetime"},
		{"\"soon\"", 0, "default lifetime"},
		{"99999999999999999999", 0, "default lifetime"},
		{"1e400", 0, "default lifetime"},
		{"false", 0, "default lifetime"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(outcome) struct source_outcome outcome = {0};
		char body[200];

		(void)snprintf(
			body, sizeof(body),
			"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":%s}",
			rows[i].value);
		outcome = fetch(200, body);
		CU_ASSERT_EQUAL(outcome.reason, TOKEN_OK);
		CU_ASSERT_EQUAL(outcome.has_lifetime, rows[i].lifetime_ms != 0);
		CU_ASSERT_EQUAL(outcome.lifetime_ms, rows[i].lifetime_ms);
		CU_ASSERT_PTR_NOT_NULL(strstr(outcome.warning.text, rows[i].warning));
		CU_ASSERT_EQUAL(*outcome.warning.text == '\0', *rows[i].warning == '\0');
	}
}

static void the_lifetime_may_be_missing_and_the_status_201(void)
{
	CLEANUP(outcome)
	struct source_outcome outcome =
		fetch(201, "{\"access_token\":\"t\",\"token_type\":\"Bearer\"}");

	CU_ASSERT_EQUAL(outcome.reason, TOKEN_OK);
	CU_ASSERT_FALSE(outcome.has_lifetime);
	CU_ASSERT_STRING_EQUAL(outcome.warning.text, "");
	CU_ASSERT_STRING_EQUAL(outcome.scope, "");
}

static void a_success_without_a_usable_token_is_a_transient_failure(void)
{
	static const struct {
		const char *body;
		const char *part;
	} rows[] = {
		{NULL, "body is empty"},
		{"", "body is empty"},
		{"<html>", "not a JSON object"},
		{"[]", "not a JSON object"},
		{"{\"access_token\":\"t\"", "not a JSON object"},
		{"{}", "has no access_token"},
		{"{\"access_token\":null,\"token_type\":\"Bearer\"}", "has no access_token"},
		{"{\"access_token\":5,\"token_type\":\"Bearer\"}", "is not a string"},
		{"{\"access_token\":[\"t\"],\"token_type\":\"Bearer\"}", "is not a string"},
		{"{\"access_token\":\"\",\"token_type\":\"Bearer\"}", "no HTTP header may carry"},
		{"{\"access_token\":\"=\",\"token_type\":\"Bearer\"}", "no HTTP header may carry"},
		{"{\"access_token\":\"a=b\",\"token_type\":\"Bearer\"}", "no HTTP header may"},
		{"{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", "no HTTP header may"},
		{"{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}", "no HTTP header"},
		{"{\"access_token\":\"a\\u0000\",\"token_type\":\"Bearer\"}", "no HTTP header may"},
		{"{\"access_token\":\"\\u00fc\",\"token_type\":\"Bearer\"}", "no HTTP header may"},
		{"{\"access_token\":\"t\"}", "has no token_type"},
		{"{\"access_token\":\"t\",\"token_type\":7}", "has no token_type"},
		{"{\"access_token\":\"t\",\"token_type\":\"MAC\"}", "token_type is \"MAC\""},
		{"{\"access_token\":\"t\",\"token_type\":\"Bearer \"}",
		 "token_type is \"Bearer \""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(outcome) struct source_outcome outcome = fetch(200, rows[i].body);

		CU_ASSERT_EQUAL(outcome.reason, TOKEN_BAD_RESPONSE);
		CU_ASSERT_FALSE(outcome.is_permanent);
		CU_ASSERT_PTR_NULL(outcome.token);
		CU_ASSERT_PTR_NOT_NULL(strstr(outcome.message.text, rows[i].part));
		CU_ASSERT_PTR_NOT_NULL(strstr(outcome.hint, "token endpoint"));
	}
}

static void the_last_of_two_members_counts(void)
{
	CLEANUP(outcome)
	struct source_outcome outcome =
		fetch(200, "{\"access_token\":\"one\",\"token_type\":\"MAC\","
			   "\"access_token\":\"two\",\"token_type\":\"Bearer\"}");

	CU_ASSERT_EQUAL(outcome.reason, TOKEN_OK);
	CU_ASSERT_STRING_EQUAL(outcome.token->data, "two");
}

static struct source_outcome fetch_long_token(size_t length)
{
	static const char head[] = "{\"token_type\":\"Bearer\",\"access_token\":\"";
	static char body[2 * TOKENBROKER_TOKEN_MAX];

	memcpy(body, head, strlen(head));
	memset(body + strlen(head), 'x', length);
	memcpy(body + strlen(head) + length, "\"}", sizeof("\"}"));
	return fetch(200, body);
}

static void the_longest_token_is_60_kib(void)
{
	CLEANUP(outcome) struct source_outcome fits = fetch_long_token(TOKENBROKER_TOKEN_MAX);
	CLEANUP(outcome)
	struct source_outcome too_long = fetch_long_token(TOKENBROKER_TOKEN_MAX + 1);

	CU_ASSERT_EQUAL(fits.reason, TOKEN_OK);
	CU_ASSERT_EQUAL(fits.token->length, TOKENBROKER_TOKEN_MAX);
	CU_ASSERT_EQUAL(too_long.reason, TOKEN_BAD_RESPONSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(too_long.message.text, "longer than 60 KiB"));
	CU_ASSERT_PTR_NULL(too_long.token);
}

/* A server that puts the token into other members of the same answer. */
static void neither_secret_nor_token_gets_into_a_text(void)
{
	CLEANUP(outcome)
	struct source_outcome refused = fetch(
		200, "{\"access_token\":\"t0ken\",\"token_type\":\"x t0ken s3cr\\/t s3cr%2Ft\"}");
	CLEANUP(outcome)
	struct source_outcome good =
		fetch(200, "{\"access_token\":\"t0ken\",\"token_type\":\"Bearer\","
			   "\"scope\":\"a t0ken s3cr/t\\n\"}");
	CLEANUP(outcome)
	struct source_outcome denied = fetch(
		401, "{\"error\":\"s3cr/t\",\"error_description\":\"no s3cr%2ft, \\u001b[1mno\"}");
	CLEANUP(outcome)
	struct source_outcome odd = fetch(429, "{\"error\":\"x\",\"access_token\":\"t0ken\","
					       "\"error_description\":\"t0ken is still good\"}");

	CU_ASSERT_STRING_EQUAL(
		refused.message.text,
		"HTTP 200, but token_type is \"x [redacted] [redacted] [redacted]\": "
		"only Bearer is supported");
	CU_ASSERT_STRING_EQUAL(good.scope, "a [redacted] [redacted]\\x0a");
	CU_ASSERT_STRING_EQUAL(denied.message.text,
			       "HTTP 401: [redacted]: no [redacted], \\x1b[1mno");
	CU_ASSERT_STRING_EQUAL(odd.message.text, "HTTP 429: x: [redacted] is still good");
}

struct error_row {
	long status;
	const char *body;
	enum token_reason reason;
	bool is_permanent;
	const char *message;
};

static void check_errors(const struct error_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct source_outcome outcome = fetch(rows[i].status, rows[i].body);

		CU_ASSERT_EQUAL(outcome.reason, rows[i].reason);
		CU_ASSERT_EQUAL(outcome.is_permanent, rows[i].is_permanent);
		CU_ASSERT_STRING_EQUAL(outcome.message.text, rows[i].message);
		CU_ASSERT_EQUAL(outcome.http_status, rows[i].status);
		CU_ASSERT_PTR_NULL(outcome.token);
	}
}

#define CHECK_ERRORS(rows) check_errors(rows, sizeof(rows) / sizeof((rows)[0]))

static void errors_of_the_protocol_are_named(void)
{
	static const struct error_row rows[] = {
		{400, "{\"error\":\"invalid_request\"}", TOKEN_INVALID_REQUEST, true,
		 "HTTP 400: invalid_request"},
		{401, "{\"error\":\"invalid_client\",\"error_description\":\"wrong\"}",
		 TOKEN_INVALID_CLIENT, true, "HTTP 401: invalid_client: wrong"},
		{400, "{\"error\":\"invalid_grant\",\"error_description\":5}", TOKEN_INVALID_GRANT,
		 true, "HTTP 400: invalid_grant"},
		{400, "{\"error\":\"unauthorized_client\"}", TOKEN_UNAUTHORIZED_CLIENT, true,
		 "HTTP 400: unauthorized_client"},
		{400, "{\"error\":\"unsupported_grant_type\"}", TOKEN_UNSUPPORTED_GRANT_TYPE, true,
		 "HTTP 400: unsupported_grant_type"},
		{400, "{\"error\":\"invalid_scope\"}", TOKEN_INVALID_SCOPE, true,
		 "HTTP 400: invalid_scope"},
		{400, "{\"error\":\"invalid_target\"}", TOKEN_INVALID_TARGET, true,
		 "HTTP 400: invalid_target"},
		{500, "{\"error\":\"server_error\"}", TOKEN_SERVER_ERROR, false,
		 "HTTP 500: server_error"},
		{400, "{\"error\":\"server_error\"}", TOKEN_SERVER_ERROR, false,
		 "HTTP 400: server_error"},
		{400, "{\"error\":\"temporarily_unavailable\"}", TOKEN_TEMPORARILY_UNAVAILABLE,
		 false, "HTTP 400: temporarily_unavailable"},
		{503, "{\"error\":\"invalid_client\"}", TOKEN_INVALID_CLIENT, false,
		 "HTTP 503: invalid_client"},
		{400, "{\"error\":\"Invalid_Client\"}", TOKEN_OAUTH_OTHER, true,
		 "HTTP 400: Invalid_Client"},
		{400, "{\"error\":\"http\"}", TOKEN_OAUTH_OTHER, true, "HTTP 400: http"},
		{400, "{\"error\":\"\"}", TOKEN_OAUTH_OTHER, true, "HTTP 400: "},
		{429, "{\"error\":\"slow_down\"}", TOKEN_OAUTH_OTHER, false, "HTTP 429: slow_down"},
		{200, "{\"error\":\"invalid_client\"}", TOKEN_INVALID_CLIENT, true,
		 "HTTP 200: invalid_client"},
		{200, "{\"access_token\":3,\"error\":\"server_error\"}", TOKEN_SERVER_ERROR, false,
		 "HTTP 200: server_error"},
	};

	CHECK_ERRORS(rows);
}

static void a_status_alone_says_enough(void)
{
	static const struct error_row rows[] = {
		{403, NULL, TOKEN_HTTP, true, "HTTP 403 with an empty body"},
		{403, "", TOKEN_HTTP, true, "HTTP 403 with an empty body"},
		{404, "<html>s3cr/t</html>", TOKEN_HTTP, true,
		 "HTTP 404 with a body that is not a JSON object"},
		{403, "{\"title\":\"no\",\"detail\":\"s3cr/t\"}", TOKEN_HTTP, true,
		 "HTTP 403 with JSON that names no error"},
		{400, "{\"error\":{\"code\":5}}", TOKEN_HTTP, true,
		 "HTTP 400 with JSON that names no error"},
		{400, "{\"error\":null}", TOKEN_HTTP, true,
		 "HTTP 400 with JSON that names no error"},
		{408, NULL, TOKEN_HTTP, false, "HTTP 408 with an empty body"},
		{425, NULL, TOKEN_HTTP, false, "HTTP 425 with an empty body"},
		{429, NULL, TOKEN_HTTP, false, "HTTP 429 with an empty body"},
		{409, NULL, TOKEN_HTTP, true, "HTTP 409 with an empty body"},
		{500, NULL, TOKEN_HTTP, false, "HTTP 500 with an empty body"},
		{503, "busy", TOKEN_HTTP, false, "HTTP 503 with a body that is not a JSON object"},
		{599, NULL, TOKEN_HTTP, false, "HTTP 599 with an empty body"},
		{302, NULL, TOKEN_HTTP, true, "HTTP 302: a redirect without a target"},
		{302, "{\"error\":\"server_error\"}", TOKEN_SERVER_ERROR, false,
		 "HTTP 302: server_error"},
	};

	CHECK_ERRORS(rows);
}

static void a_long_description_is_cut(void)
{
	struct source_outcome outcome;
	char body[1000] = "{\"error\":\"invalid_client\",\"error_description\":\"";
	size_t at = strlen(body);

	memset(body + at, 'd', 600);
	memcpy(body + at + 600, "\"}", 3);
	outcome = fetch(401, body);
	CU_ASSERT_EQUAL(outcome.reason, TOKEN_INVALID_CLIENT);
	CU_ASSERT_EQUAL(strlen(outcome.message.text), strlen("HTTP 401: invalid_client: ") + 255);
	CU_ASSERT_STRING_EQUAL(outcome.message.text + strlen(outcome.message.text) - 4, "d...");
}

static void check_redirect(const char *location, const char *expected)
{
	CLEANUP(answer) struct http_answer answer = {.status = 301};
	struct source_outcome outcome;
	char line[1000];
	char message[1000];

	(void)snprintf(line, sizeof(line), "Location: %s\r\n", location);
	CU_ASSERT(http_answer_add_header(&answer, line, strlen(line)));
	outcome = interpret(&answer, "none");
	(void)snprintf(message, sizeof(message),
		       "HTTP 301: a redirect to %s, which is not followed", expected);
	CU_ASSERT_STRING_EQUAL(outcome.message.text, message);
	CU_ASSERT_EQUAL(outcome.reason, TOKEN_HTTP);
	CU_ASSERT(outcome.is_permanent);
	CU_ASSERT_PTR_NOT_NULL(strstr(outcome.hint, "slash"));
}

static void a_redirect_does_not_show_the_token_of_its_answer(void)
{
	CLEANUP(answer)
	struct http_answer answer = answer_of(302, "{\"access_token\":\"of.this.answer\"}");
	static const char line[] = "Location: /t/of.this.answer/\r\n";
	struct source_outcome outcome;

	CU_ASSERT(http_answer_add_header(&answer, line, strlen(line)));
	outcome = interpret(&answer, "none");
	CU_ASSERT_STRING_EQUAL(outcome.message.text,
			       "HTTP 302: a redirect to /t/[redacted]/, which is not followed");
}

static void of_a_redirect_only_scheme_host_and_path_are_shown(void)
{
	check_redirect("https://a.example:8443/oauth/token/?x=1#y",
		       "https://a.example:8443/oauth/token/");
	check_redirect("https://user:pass@a.example/t", "https://a.example/t");
	check_redirect("https://u@ser@a.example?q=1@2", "https://a.example");
	check_redirect("//user@a.example/t@x", "//a.example/t@x");
	check_redirect("/oauth/token/?client_secret=1", "/oauth/token/");
	check_redirect("/path//with@sign", "/path//with@sign");
	check_redirect("token/#top", "token/");
	check_redirect("https://a.example/s3cr/t/s3cr%2Ft",
		       "https://a.example/[redacted]/[redacted]");
	check_redirect("https://a.example/\x1b[1m", "https://a.example/\\x1b[1m");
}

static void a_pause_asked_for_is_passed_on(void)
{
	static const struct {
		long status;
		const char *header;
		int64_t retry_after_ms;
	} rows[] = {
		{503, "Retry-After: 30", 30000},
		{429, "Retry-After: 7200", 3600000},
		{503, "Retry-After: Thu, 01 Jan 1970 00:17:00 GMT", 20000}, /* now is 1000 s */
		{401, "Retry-After: 5", 5000},
		{503, "X: y", 0},
		{200, "Retry-After: 5", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(answer) struct http_answer answer = {.status = rows[i].status};
		struct source_outcome outcome;

		CU_ASSERT(http_answer_add_header(&answer, rows[i].header, strlen(rows[i].header)));
		outcome = interpret(&answer, "none");
		CU_ASSERT_EQUAL(outcome.retry_after_ms, rows[i].retry_after_ms);
	}
}

static void an_answer_that_was_too_much_says_so(void)
{
	static const struct {
		long status;
		enum http_answer_excess excess;
		enum token_reason reason;
		const char *part;
	} rows[] = {
		{200, HTTP_ANSWER_BODY_TOO_LARGE, TOKEN_BAD_RESPONSE, "256 KiB"},
		{200, HTTP_ANSWER_TOO_MANY_HEADERS, TOKEN_BAD_RESPONSE, "headers"},
		{200, HTTP_ANSWER_NO_MEMORY, TOKEN_BAD_RESPONSE, "no memory"},
		{103, HTTP_ANSWER_TOO_MANY_HEADERS, TOKEN_BAD_RESPONSE, "headers"},
		{404, HTTP_ANSWER_BODY_TOO_LARGE, TOKEN_HTTP, "not a JSON object"},
	};
	static const char body[] = "{\"access_token\":\"t\",\"token_type\":\"Bearer\"}";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(answer)
		struct http_answer answer = answer_of(rows[i].status, body);
		struct source_outcome outcome;

		answer.excess = rows[i].excess;
		outcome = interpret(&answer, "none");
		CU_ASSERT_EQUAL(outcome.reason, rows[i].reason);
		CU_ASSERT_EQUAL(outcome.is_permanent, rows[i].reason == TOKEN_HTTP);
		CU_ASSERT_PTR_NULL(outcome.token);
		CU_ASSERT_PTR_NOT_NULL(strstr(outcome.message.text, rows[i].part));
	}
}

static void blueconic_gets_its_own_hint(void)
{
	struct http_answer answer = {.status = 403};

	CU_ASSERT_PTR_NOT_NULL(strstr(interpret(&answer, "blueconic").hint, "switched ON"));
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(an_ordinary_answer_is_a_token),
		TEST(any_shape_of_expires_in_is_survived),
		TEST(the_lifetime_may_be_missing_and_the_status_201),
		TEST(a_success_without_a_usable_token_is_a_transient_failure),
		TEST(the_last_of_two_members_counts),
		TEST(the_longest_token_is_60_kib),
		TEST(neither_secret_nor_token_gets_into_a_text),
		TEST(errors_of_the_protocol_are_named),
		TEST(a_status_alone_says_enough),
		TEST(a_long_description_is_cut),
		TEST(a_redirect_does_not_show_the_token_of_its_answer),
		TEST(of_a_redirect_only_scheme_host_and_path_are_shown),
		TEST(a_pause_asked_for_is_passed_on),
		TEST(an_answer_that_was_too_much_says_so),
		TEST(blueconic_gets_its_own_hint),
		CU_TEST_INFO_NULL,
	};

	return harness_run("oauth_response", tests);
}
