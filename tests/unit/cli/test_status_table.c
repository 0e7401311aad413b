/* SPDX-License-Identifier: MIT */
#include "cli/status_table.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { NOW_S = 1000000 };

static char shown[4096];

static const char *show(const struct status_view *view, bool has_colours)
{
	FILE *stream = fmemopen(shown, sizeof(shown), "w");

	if (stream == NULL)
		abort();
	status_table_print(stream, view, NOW_S, has_colours);
	(void)fclose(stream);
	return shown;
}

static const char *show_token(struct status_view_token *token)
{
	const struct status_view view = {.tokens = token, .token_count = 1};

	return show(&view, false);
}

static struct status_view_token good_token(void)
{
	return (struct status_view_token){
		.name = "default",
		.state = STATUS_VIEW_VALID,
		.generation = 1795428003,
		.expires_at_s = NOW_S + 2520,
		.next_attempt_at_s = NOW_S + 1860,
	};
}

static struct status_view_error bad_client(void)
{
	static char reason[] = "invalid_client";
	static char message[] = "wrong\033[2J secret";
	static char hint[] = "check it";

	return (struct status_view_error){
		.http_status = 401,
		.reason = reason,
		.message = message,
		.hint = hint,
	};
}

static void a_good_token_is_one_plain_line(void)
{
	struct status_view_token token = good_token();

	CU_ASSERT_STRING_EQUAL(
		show_token(&token),
		"NAME     STATE  REMAINING  GENERATION  NEXT ATTEMPT  WHAT IS WRONG\n"
		"default  valid  42 min     1795428003  in 31 min     -\n");
}

static void columns_are_as_wide_as_their_widest_cell(void)
{
	struct status_view_token tokens[] = {good_token(), good_token()};
	const struct status_view view = {.tokens = tokens, .token_count = 2};

	strcpy(tokens[1].name, "a-much-longer-name");
	tokens[1].state = STATUS_VIEW_SUSPENDED;
	tokens[1].next_attempt_at_s = 0;
	CU_ASSERT_STRING_EQUAL(
		show(&view, false),
		"NAME                STATE      REMAINING  GENERATION  NEXT ATTEMPT  WHAT IS "
		"WRONG\n"
		"default             valid      42 min     1795428003  in 31 min     -\n"
		"a-much-longer-name  suspended  -          1795428003  -             suspended by "
		"an "
		"administrator until `tokenbroker resume`\n");
}

static void a_failing_token_says_why_and_escapes_it(void)
{
	struct status_view_token token = good_token();

	token.consecutive_failures = 1;
	token.has_last_error = true;
	token.last_error = bad_client();
	CU_ASSERT_PTR_NOT_NULL(strstr(show_token(&token), "invalid_client (HTTP 401): "
							  "wrong\\x1b[2J secret; check it\n"));
}

static void an_error_that_is_over_is_not_shown(void)
{
	struct status_view_token token = good_token();

	token.has_last_error = true;
	token.last_error = bad_client();
	CU_ASSERT_PTR_NULL(strstr(show_token(&token), "invalid_client"));
	token.failing_since_s = NOW_S - 5;
	CU_ASSERT_PTR_NOT_NULL(strstr(show_token(&token), "invalid_client"));
}

static void a_token_past_its_expiry_is_expired_whatever_is_written(void)
{
	struct status_view_token token = good_token();

	token.expires_at_s = NOW_S;
	token.next_attempt_at_s = NOW_S;
	token.has_last_error = true;
	token.last_error = bad_client();
	CU_ASSERT_PTR_NOT_NULL(strstr(show_token(&token),
				      "default  expired  -          1795428003  "
				      "now           invalid_client"));
}

static void a_token_that_never_was_has_dashes(void)
{
	struct status_view_token token = {.name = "crm", .state = STATUS_VIEW_PENDING};

	CU_ASSERT_PTR_NOT_NULL(strstr(show_token(&token),
				      "crm   pending  -          -           -             -\n"));
}

static void revocations_that_wait_are_counted(void)
{
	struct status_view_token token = good_token();

	token.pending_revocation_count = 1;
	CU_ASSERT_PTR_NOT_NULL(
		strstr(show_token(&token), "  1 old token not yet revoked at the server\n"));
	token.pending_revocation_count = 2;
	token.state = STATUS_VIEW_SUSPENDED;
	CU_ASSERT_PTR_NOT_NULL(
		strstr(show_token(&token), "; 2 old tokens not yet revoked at the server\n"));
}

static void colours_are_only_there_when_wanted(void)
{
	static const struct {
		enum status_view_state state;
		const char *cell;
	} table[] = {
		{STATUS_VIEW_VALID, "\033[32mvalid\033[0m"},
		{STATUS_VIEW_EXPIRED, "\033[31mexpired\033[0m"},
		{STATUS_VIEW_SUSPENDED, "\033[33msuspended\033[0m"},
		{STATUS_VIEW_PENDING, "\033[33mpending\033[0m"},
	};
	struct status_view_token token = good_token();
	const struct status_view view = {.tokens = &token, .token_count = 1};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		token.state = table[i].state;
		CU_ASSERT_PTR_NOT_NULL(strstr(show(&view, true), table[i].cell));
		CU_ASSERT_PTR_NULL(strchr(show(&view, false), '\033'));
	}
}

static void faults_of_the_configuration_follow(void)
{
	char error[] = "a.conf:3: x\n";
	char warning[] = "no user 'x'";
	char *warnings[] = {warning};
	const struct status_view view = {
		.config_error = error,
		.config_warnings = warnings,
		.config_warning_count = 1,
	};

	CU_ASSERT_STRING_EQUAL(show(&view, false),
			       "no tokens: tokenbroker.conf names none\n"
			       "configuration not taken over: a.conf:3: x\\x0a\n"
			       "warning: no user 'x'\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(show(&view, true), "\033[33mwarning\033[0m: "));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_good_token_is_one_plain_line", a_good_token_is_one_plain_line},
		{"columns_are_as_wide_as_their_widest_cell",
		 columns_are_as_wide_as_their_widest_cell},
		{"a_failing_token_says_why_and_escapes_it",
		 a_failing_token_says_why_and_escapes_it},
		{"an_error_that_is_over_is_not_shown", an_error_that_is_over_is_not_shown},
		{"a_token_past_its_expiry_is_expired_whatever_is_written",
		 a_token_past_its_expiry_is_expired_whatever_is_written},
		{"a_token_that_never_was_has_dashes", a_token_that_never_was_has_dashes},
		{"revocations_that_wait_are_counted", revocations_that_wait_are_counted},
		{"colours_are_only_there_when_wanted", colours_are_only_there_when_wanted},
		{"faults_of_the_configuration_follow", faults_of_the_configuration_follow},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_table", tests);
}
