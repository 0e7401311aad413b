/* SPDX-License-Identifier: MIT */
#include "source/hint.h"

#include <stdbool.h>
#include <string.h>

#include "harness.h"

static bool has(const char *provider, enum token_reason reason, long status, const char *part)
{
	return strstr(hint_for(provider, reason, status), part) != NULL;
}

static void blueconic_is_asked_about_its_application(void)
{
	CU_ASSERT(has("blueconic", TOKEN_INVALID_CLIENT, 401, "switched ON"));
	CU_ASSERT(has("blueconic", TOKEN_INVALID_CLIENT, 401, "client_id and secret"));
	CU_ASSERT(has("blueconic", TOKEN_INVALID_CLIENT, 401, "allowed addresses"));
	CU_ASSERT(has("blueconic", TOKEN_HTTP, 401, "switched ON"));
	CU_ASSERT(has("blueconic", TOKEN_HTTP, 403, "switched ON"));
	CU_ASSERT(has("blueconic", TOKEN_UNAUTHORIZED_CLIENT, 400, "switched ON"));
	CU_ASSERT(has("blueconic", TOKEN_INVALID_SCOPE, 400, "leave scope out"));
}

static void other_servers_get_hints_without_blueconic(void)
{
	for (enum token_reason reason = TOKEN_OK; reason < TOKEN_REASON_COUNT; reason++)
		for (long status = 0; status < 600; status++)
			CU_ASSERT_FALSE(has("none", reason, status, "BlueConic"));
	CU_ASSERT(has("none", TOKEN_INVALID_CLIENT, 401, "client_auth"));
	CU_ASSERT(has("none", TOKEN_HTTP, 403, "address"));
	CU_ASSERT(has("none", TOKEN_TLS, 0, "ca_file"));
}

static void every_redirect_has_the_hint_about_redirects(void)
{
	CU_ASSERT(has("none", TOKEN_HTTP, 301, "Redirects are not followed"));
	CU_ASSERT(has("blueconic", TOKEN_HTTP, 399, "Redirects are not followed"));
	CU_ASSERT_FALSE(has("none", TOKEN_HTTP, 400, "Redirects"));
	CU_ASSERT_FALSE(has("none", TOKEN_HTTP, 299, "Redirects"));
}

static void there_is_nothing_to_do_about_a_busy_server(void)
{
	CU_ASSERT_STRING_EQUAL(hint_for("blueconic", TOKEN_HTTP, 503), "");
	CU_ASSERT_STRING_EQUAL(hint_for("none", TOKEN_TEMPORARILY_UNAVAILABLE, 503), "");
	CU_ASSERT_STRING_EQUAL(hint_for("none", TOKEN_OK, 200), "");
}

static void reasons_have_names_of_their_own(void)
{
	CU_ASSERT_STRING_EQUAL(token_reason_name(TOKEN_OK), "ok");
	CU_ASSERT_STRING_EQUAL(token_reason_name(TOKEN_STATE_DIRECTORY), "state_directory");
	for (enum token_reason a = TOKEN_OK; a < TOKEN_REASON_COUNT; a++)
		for (enum token_reason b = TOKEN_OK; b < a; b++)
			CU_ASSERT_STRING_NOT_EQUAL(token_reason_name(a), token_reason_name(b));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"blueconic_is_asked_about_its_application",
		 blueconic_is_asked_about_its_application},
		{"other_servers_get_hints_without_blueconic",
		 other_servers_get_hints_without_blueconic},
		{"every_redirect_has_the_hint_about_redirects",
		 every_redirect_has_the_hint_about_redirects},
		{"there_is_nothing_to_do_about_a_busy_server",
		 there_is_nothing_to_do_about_a_busy_server},
		{"reasons_have_names_of_their_own", reasons_have_names_of_their_own},
		CU_TEST_INFO_NULL,
	};

	return harness_run("hint", tests);
}
