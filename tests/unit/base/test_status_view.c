/* SPDX-License-Identifier: MIT */
/* What a status document means: tokens made by hand. */
#include "base/status_view.h"

#include <string.h>

#include "harness.h"

enum { NOW_S = 1000 };

static void a_valid_token_past_its_expiry_is_expired(void)
{
	struct status_view_token token = {.state = STATUS_VIEW_VALID, .expires_at_s = 100};

	CU_ASSERT_EQUAL(status_view_state_at(&token, 99), STATUS_VIEW_VALID);
	CU_ASSERT_EQUAL(status_view_state_at(&token, 100), STATUS_VIEW_EXPIRED);
	token.state = STATUS_VIEW_SUSPENDED;
	CU_ASSERT_EQUAL(status_view_state_at(&token, 100), STATUS_VIEW_SUSPENDED);
	token = (struct status_view_token){.state = STATUS_VIEW_VALID};
	CU_ASSERT_EQUAL(status_view_state_at(&token, 100), STATUS_VIEW_VALID);
}

static void only_a_valid_token_before_its_expiry_is_usable(void)
{
	static const struct {
		enum status_view_state state;
		int64_t expires_at_s;
		bool is_usable;
	} table[] = {
		{STATUS_VIEW_VALID, NOW_S + 1, true},      {STATUS_VIEW_VALID, NOW_S, false},
		{STATUS_VIEW_VALID, NOW_S - 1, false},     {STATUS_VIEW_VALID, 0, true},
		{STATUS_VIEW_PENDING, 0, false},           {STATUS_VIEW_EXPIRED, NOW_S + 1, false},
		{STATUS_VIEW_SUSPENDED, NOW_S + 1, false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct status_view_token token = {
			.state = table[i].state,
			.expires_at_s = table[i].expires_at_s,
		};

		CU_ASSERT_EQUAL(status_view_is_usable_at(&token, NOW_S), table[i].is_usable);
	}
}

static void an_error_is_current_while_something_is_wrong(void)
{
	static char network[] = "network";
	static char returned[] = "rejected_token_returned";
	static const struct {
		struct status_view_token token;
		bool is_current;
	} table[] = {
		{{.state = STATUS_VIEW_VALID}, false},
		{{.state = STATUS_VIEW_SUSPENDED}, false},
		{{.state = STATUS_VIEW_PENDING}, true},
		{{.state = STATUS_VIEW_EXPIRED}, true},
		{{.state = STATUS_VIEW_VALID, .expires_at_s = NOW_S}, true},
		{{.state = STATUS_VIEW_VALID, .consecutive_failures = 1}, true},
		{{.state = STATUS_VIEW_VALID, .failing_since_s = NOW_S - 5}, true},
		{{.state = STATUS_VIEW_SUSPENDED, .failing_since_s = NOW_S - 5}, true},
		{{.state = STATUS_VIEW_VALID, .obtained_at_s = 10, .last_error.at_s = 10}, false},
		{{.state = STATUS_VIEW_VALID,
		  .obtained_at_s = 10,
		  .last_error = {.at_s = 10, .reason = returned}},
		 true},
		{{.state = STATUS_VIEW_VALID,
		  .obtained_at_s = 11,
		  .last_error = {.at_s = 10, .reason = returned}},
		 false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct status_view_token token = table[i].token;

		CU_ASSERT_PTR_NULL(status_view_current_error(&token, NOW_S));
		token.has_last_error = true;
		if (token.last_error.reason == NULL)
			token.last_error.reason = network;
		CU_ASSERT_PTR_EQUAL(status_view_current_error(&token, NOW_S),
				    table[i].is_current ? &token.last_error : NULL);
	}
}

static void a_token_is_found_by_its_name(void)
{
	struct status_view_token tokens[] = {{.name = "a"}, {.name = "ab"}};
	const struct status_view view = {.tokens = tokens, .token_count = 2};

	CU_ASSERT_PTR_EQUAL(status_view_find(&view, "a"), &tokens[0]);
	CU_ASSERT_PTR_EQUAL(status_view_find(&view, "ab"), &tokens[1]);
	CU_ASSERT_PTR_NULL(status_view_find(&view, "b"));
	CU_ASSERT_PTR_NULL(status_view_find(&view, ""));
}

static void states_have_their_names(void)
{
	static const char *const names[] = {
		[STATUS_VIEW_PENDING] = "pending",
		[STATUS_VIEW_VALID] = "valid",
		[STATUS_VIEW_EXPIRED] = "expired",
		[STATUS_VIEW_SUSPENDED] = "suspended",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum status_view_state state = STATUS_VIEW_PENDING;

		CU_ASSERT_STRING_EQUAL(status_view_state_name((enum status_view_state)i), names[i]);
		CU_ASSERT_TRUE(status_view_state_parse(names[i], &state));
		CU_ASSERT_EQUAL(state, i);
	}
}

static void another_word_is_no_state(void)
{
	enum status_view_state state = STATUS_VIEW_EXPIRED;

	CU_ASSERT_FALSE(status_view_state_parse("Valid", &state));
	CU_ASSERT_FALSE(status_view_state_parse("", &state));
	CU_ASSERT_EQUAL(state, STATUS_VIEW_EXPIRED);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_valid_token_past_its_expiry_is_expired",
		 a_valid_token_past_its_expiry_is_expired},
		{"only_a_valid_token_before_its_expiry_is_usable",
		 only_a_valid_token_before_its_expiry_is_usable},
		{"an_error_is_current_while_something_is_wrong",
		 an_error_is_current_while_something_is_wrong},
		{"a_token_is_found_by_its_name", a_token_is_found_by_its_name},
		{"states_have_their_names", states_have_their_names},
		{"another_word_is_no_state", another_word_is_no_state},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_view", tests);
}
