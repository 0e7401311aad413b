/* SPDX-License-Identifier: MIT */
#include "httpd/readiness.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

#define NOW_S INT64_C(1795428000)

/* One of each: what a test does not want, it leaves off the end. */
static struct status_view_token tokens[] = {
	{.name = "default", .state = STATUS_VIEW_VALID, .expires_at_s = NOW_S + 52 * 60},
	{.name = "forever", .state = STATUS_VIEW_VALID},
	{.name = "etl", .state = STATUS_VIEW_SUSPENDED},
	{.name = "crm", .state = STATUS_VIEW_VALID, .expires_at_s = NOW_S},
	{.name = "new", .state = STATUS_VIEW_PENDING},
};

enum { USABLE_COUNT = 2, TOKEN_COUNT = sizeof(tokens) / sizeof(tokens[0]) };

static struct status_view usable = {.tokens = tokens, .token_count = USABLE_COUNT};
static struct status_view mixed = {.tokens = tokens, .token_count = TOKEN_COUNT};

static struct readiness_question about(const struct status_view *view, const char *name)
{
	return (struct readiness_question){
		.view = view, .is_up = true, .name = name, .now_s = NOW_S};
}

static const char *explain(const struct readiness_question *question, struct error_text *error)
{
	error->text[0] = '\0';
	readiness_explain(question, error);
	return error->text;
}

static void check_list(const struct readiness_question *question, const char *expected)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL_FATAL(readiness_list(question, &text, &length), 0);
	CU_ASSERT_STRING_EQUAL(text, expected);
	CU_ASSERT_EQUAL(length, strlen(expected));
}

static void all_tokens_usable_is_ready(void)
{
	struct readiness_question question = about(&usable, NULL);
	struct error_text error;

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_READY);
	CU_ASSERT_STRING_EQUAL(explain(&question, &error), "");
	check_list(&question, "broker: ok\ndefault: ok, 52 min left\nforever: ok\n");
}

static void no_tokens_is_ready(void)
{
	static const struct status_view none;
	struct readiness_question question = about(&none, NULL);

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_READY);
	check_list(&question, "broker: ok\n");
}

static void one_token_that_is_not_usable_is_not_ready(void)
{
	struct readiness_question question = about(&mixed, NULL);
	struct error_text error;

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NOT_USABLE);
	CU_ASSERT_STRING_EQUAL(explain(&question, &error),
			       "3 of 5 tokens are not usable: etl is suspended, crm is expired, "
			       "new is pending");
	check_list(&question, "broker: ok\ndefault: ok, 52 min left\nforever: ok\n"
			      "etl: suspended\ncrm: expired\nnew: pending\n");
}

static void one_of_many_is_told_in_the_singular(void)
{
	struct status_view view = {.tokens = tokens, .token_count = USABLE_COUNT + 1};
	struct readiness_question question = about(&view, NULL);
	struct error_text error;

	CU_ASSERT_STRING_EQUAL(explain(&question, &error),
			       "1 of 3 tokens is not usable: etl is suspended");
}

static void a_long_list_is_cut_with_a_number(void)
{
	struct status_view_token many[8] = {0};
	struct status_view view = {.tokens = many, .token_count = 8};
	struct readiness_question question = about(&view, NULL);
	struct error_text error;

	for (size_t i = 0; i < 8; i++) {
		memset(many[i].name, 'a', TOKEN_NAME_MAX);
		many[i].state = STATUS_VIEW_SUSPENDED;
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(explain(&question, &error), "8 of 8 tokens are"));
	CU_ASSERT_STRING_EQUAL(error.text + strlen(error.text) - strlen("d and 3 more"),
			       "d and 3 more");
}

static void only_the_one_that_is_asked_about_counts(void)
{
	struct readiness_question good = about(&mixed, "default");
	struct readiness_question bad = about(&mixed, "crm");
	struct error_text error;

	CU_ASSERT_EQUAL(readiness_judge(&good), READINESS_READY);
	check_list(&good, "broker: ok\ndefault: ok, 52 min left\n");
	CU_ASSERT_EQUAL(readiness_judge(&bad), READINESS_NOT_USABLE);
	CU_ASSERT_STRING_EQUAL(explain(&bad, &error), "crm is expired");
	check_list(&bad, "broker: ok\ncrm: expired\n");
}

static void a_token_that_is_not_there_is_unknown(void)
{
	struct readiness_question question = about(&mixed, "other");
	struct error_text error;

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_UNKNOWN_TOKEN);
	question.is_up = false;
	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_UNKNOWN_TOKEN);
	CU_ASSERT_STRING_EQUAL(explain(&question, &error), "no token of that name");
}

static void a_stale_heartbeat_is_not_ready_whatever_the_tokens_are(void)
{
	struct readiness_question question = about(&usable, NULL);
	struct error_text error;

	question.is_up = false;
	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NO_HEARTBEAT);
	CU_ASSERT_STRING_EQUAL(explain(&question, &error),
			       "the broker gives no sign of life: is tokenbrokerd running?");
	check_list(&question, "broker: no sign of life\ndefault: ok, 52 min left\nforever: ok\n");
	question.name = "default";
	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NO_HEARTBEAT);
}

static void without_a_document_nothing_is_ready(void)
{
	struct readiness_question question = about(NULL, NULL);
	struct error_text error;

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NO_STATUS);
	CU_ASSERT_STRING_EQUAL(explain(&question, &error), "the broker's status cannot be read");
	check_list(&question, "broker: status cannot be read\n");
	question.name = "default";
	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NO_STATUS);
	check_list(&question, "broker: status cannot be read\n");
}

/* Ready, and yet somebody should look. */
static void a_token_whose_refresh_fails_is_told_before_it_expires(void)
{
	static char reason[] = "network", nothing[] = "";
	struct status_view_token token = {
		.name = "default",
		.state = STATUS_VIEW_VALID,
		.expires_at_s = NOW_S + 63,
		.consecutive_failures = 2,
		.has_last_error = true,
		.last_error = {.reason = reason, .message = nothing, .hint = nothing},
	};
	struct status_view view = {.tokens = &token, .token_count = 1};
	struct readiness_question question = about(&view, NULL);

	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_READY);
	check_list(&question, "broker: ok\ndefault: ok, 1 min 3 s left, failing\n");
	question.now_s = token.expires_at_s;
	CU_ASSERT_EQUAL(readiness_judge(&question), READINESS_NOT_USABLE);
	check_list(&question, "broker: ok\ndefault: expired, failing\n");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"all_tokens_usable_is_ready", all_tokens_usable_is_ready},
		{"no_tokens_is_ready", no_tokens_is_ready},
		{"one_token_that_is_not_usable_is_not_ready",
		 one_token_that_is_not_usable_is_not_ready},
		{"one_of_many_is_told_in_the_singular", one_of_many_is_told_in_the_singular},
		{"a_long_list_is_cut_with_a_number", a_long_list_is_cut_with_a_number},
		{"only_the_one_that_is_asked_about_counts",
		 only_the_one_that_is_asked_about_counts},
		{"a_token_that_is_not_there_is_unknown", a_token_that_is_not_there_is_unknown},
		{"a_stale_heartbeat_is_not_ready_whatever_the_tokens_are",
		 a_stale_heartbeat_is_not_ready_whatever_the_tokens_are},
		{"without_a_document_nothing_is_ready", without_a_document_nothing_is_ready},
		{"a_token_whose_refresh_fails_is_told_before_it_expires",
		 a_token_whose_refresh_fails_is_told_before_it_expires},
		CU_TEST_INFO_NULL,
	};

	return harness_run("readiness", tests);
}
