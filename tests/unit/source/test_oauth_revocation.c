/* SPDX-License-Identifier: MIT */
#include "harness.h"
#include "response_fixture.h"

static void a_revocation_succeeds_is_retried_or_given_up(void)
{
	static const struct {
		long status;
		const char *body;
		enum token_reason reason;
		bool is_permanent;
	} rows[] = {
		{200, NULL, TOKEN_OK, false},
		{200, "{\"error\":\"whatever\"}", TOKEN_OK, false},
		{204, "<html>", TOKEN_OK, false},
		{400, NULL, TOKEN_HTTP, true},
		{400, "{\"error\":\"unsupported_token_type\"}", TOKEN_OAUTH_OTHER, true},
		{400, "{\"error\":\"invalid_request\"}", TOKEN_INVALID_REQUEST, true},
		{503, "{\"error\":\"unsupported_token_type\"}", TOKEN_OAUTH_OTHER, true},
		{401, "{\"error\":\"invalid_client\"}", TOKEN_INVALID_CLIENT, false},
		{403, NULL, TOKEN_HTTP, false},
		{301, NULL, TOKEN_HTTP, false},
		{404, NULL, TOKEN_HTTP, false},
		{429, NULL, TOKEN_HTTP, false},
		{503, NULL, TOKEN_HTTP, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(answer) struct http_answer answer = answer_of(rows[i].status, rows[i].body);
		struct redaction redaction = {0};
		struct oauth_response_context context = context_of(&redaction, "none");
		struct source_outcome outcome = {0};

		oauth_response_to_revocation(&answer, &context, &outcome);
		CU_ASSERT_EQUAL(outcome.reason, rows[i].reason);
		CU_ASSERT_EQUAL(outcome.is_permanent, rows[i].is_permanent);
		CU_ASSERT_EQUAL(outcome.http_status, rows[i].status);
		CU_ASSERT_EQUAL(*outcome.message.text == '\0', rows[i].reason == TOKEN_OK);
		CU_ASSERT_PTR_NOT_NULL(outcome.hint);
	}
}

static struct source_outcome revocation(long status, enum http_answer_excess excess)
{
	struct http_answer answer = {.status = status, .excess = excess};
	struct redaction redaction = {0};
	struct oauth_response_context context = context_of(&redaction, "none");
	struct source_outcome outcome = {0};

	oauth_response_to_revocation(&answer, &context, &outcome);
	return outcome;
}

static void of_interim_answers_and_too_many_headers_a_revocation_tells_as_a_fetch_does(void)
{
	static const struct {
		long status;
		enum http_answer_excess excess;
		const char *message;
	} rows[] = {
		{100, HTTP_ANSWER_TOO_MANY_HEADERS,
		 "HTTP 100, but the headers are more than 100 or larger than 64 KiB"},
		{103, HTTP_ANSWER_NO_MEMORY,
		 "HTTP 103, but there is no memory for the answer, or a header of it is longer "
		 "than 100 KB"},
		{101, HTTP_ANSWER_FITS, "HTTP 101, but the answer never came"},
		{0, HTTP_ANSWER_FITS, "HTTP 0, but the answer never came"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source_outcome outcome = revocation(rows[i].status, rows[i].excess);

		CU_ASSERT_EQUAL(outcome.reason, TOKEN_BAD_RESPONSE);
		CU_ASSERT_FALSE(outcome.is_permanent);
		CU_ASSERT_STRING_EQUAL(outcome.message.text, rows[i].message);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_revocation_succeeds_is_retried_or_given_up",
		 a_revocation_succeeds_is_retried_or_given_up},
		{"of_interim_answers_and_too_many_headers_a_revocation_tells_as_a_fetch_does",
		 of_interim_answers_and_too_many_headers_a_revocation_tells_as_a_fetch_does},
		CU_TEST_INFO_NULL,
	};

	return harness_run("oauth_revocation", tests);
}
