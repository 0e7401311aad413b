/* SPDX-License-Identifier: MIT */
#include "cli/status_words.h"

#include "base/clock.h"
#include "harness.h"

static void an_error_is_a_reason_and_what_was_said(void)
{
	static char reason[] = "http";
	static char message[] = "no";
	static char nothing[] = "";
	struct status_view_error error = {
		.http_status = 503, .reason = reason, .message = message, .hint = nothing};
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	status_words_error(&text, &error);
	CU_ASSERT_STRING_EQUAL(buffer, "http (HTTP 503): no");
	error.http_status = 0;
	error.message = nothing;
	text_init(&text, buffer, sizeof(buffer));
	status_words_error(&text, &error);
	CU_ASSERT_STRING_EQUAL(buffer, "http");
}

/* What is said about a heartbeat at that time, at second 10000. */
static const char *silence(int64_t modified_ns, char buffer[static STATUS_WORDS_BYTES])
{
	const struct status_file_mark mark = {.modified_ns = modified_ns};
	struct text text;
	bool is_silent;

	text_init(&text, buffer, STATUS_WORDS_BYTES);
	is_silent = status_words_silence(&text, &mark, 10000 * NS_PER_S);
	CU_ASSERT_EQUAL(is_silent, text.length > 0);
	return buffer;
}

static void a_stopped_broker_and_a_silent_one_are_told_apart(void)
{
	char buffer[STATUS_WORDS_BYTES];

	CU_ASSERT_STRING_EQUAL(silence(10000 * NS_PER_S, buffer), "");
	CU_ASSERT_STRING_EQUAL(silence(9955 * NS_PER_S, buffer), "");
	CU_ASSERT_STRING_EQUAL(silence(9900 * NS_PER_S, buffer),
			       "tokenbrokerd has not written for 1 min 40 s: stopped or stuck");
	CU_ASSERT_STRING_EQUAL(silence(0, buffer), "tokenbrokerd was stopped");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an_error_is_a_reason_and_what_was_said", an_error_is_a_reason_and_what_was_said},
		{"a_stopped_broker_and_a_silent_one_are_told_apart",
		 a_stopped_broker_and_a_silent_one_are_told_apart},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_words", tests);
}
