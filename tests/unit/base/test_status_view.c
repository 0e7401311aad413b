/* SPDX-License-Identifier: MIT */
#include "base/status_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status_file.h"
#include "harness.h"

static const char full[] =
	"{\"version\":\"0.1.0\",\"pid\":4711,\"started_at\":\"2026-11-23T10:00:00Z\","
	"\"published_at\":\"2026-11-23T10:00:05Z\","
	"\"config\":{\"loaded_at\":\"2026-11-23T10:00:00Z\",\"error\":\"a.conf:3: x: y\","
	"\"warnings\":[\"one\",\"two\"]},\"loop\":{\"longest_ms\":3},\"tokens\":["
	"{\"name\":\"default\",\"provider\":\"blueconic\",\"state\":\"valid\","
	"\"generation\":1795428003,\"fingerprint\":\"9f86d081884c\",\"token_type\":\"Bearer\","
	"\"scope\":null,\"obtained_at\":\"2026-11-23T10:00:01Z\","
	"\"expires_at\":\"2026-11-23T11:00:01Z\",\"next_attempt_at\":\"2026-11-23T10:45:00Z\","
	"\"failing_since\":null,\"consecutive_failures\":2,"
	"\"last_error\":{\"at\":\"2026-11-23T10:00:02Z\",\"reason\":\"invalid_client\","
	"\"http_status\":401,\"message\":\"no\",\"hint\":\"look\"},"
	"\"pending_revocations\":[{\"fingerprint\":\"0123456789ab\","
	"\"until\":\"2026-11-23T11:00:00Z\"}],\"readers\":[\"@x\"],"
	"\"counters\":{\"fetches\":{\"ok\":3,\"failed\":1},\"fetch_errors\":{},"
	"\"revocations\":{\"ok\":4,\"failed\":5},\"publishes\":3},"
	"\"history\":[{\"at\":\"2026-11-23T10:00:00Z\",\"result\":\"ok\",\"ms\":210}]},"
	"{\"name\":\"crm\",\"state\":\"pending\",\"generation\":null,\"last_error\":null}]}\n";

/* 2026-11-23T10:00:00Z */
#define START_S INT64_C(1795428000)

static int parse(const char *text, struct status_view **ret, struct error_text *error)
{
	return status_view_parse(text, strlen(text), ret, error);
}

/* The error text of a document that must be refused. */
static const char *refusal(const char *text, struct error_text *error)
{
	struct status_view *view = NULL;

	error->text[0] = '\0';
	CU_ASSERT_EQUAL(parse(text, &view, error), -EBADMSG);
	CU_ASSERT_PTR_NULL(view);
	return error->text;
}

/* The same of a document with one token that has this member besides name and state. */
static const char *refusal_of_member(const char *member, struct error_text *error)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\",%s}]}",
		       member);
	return refusal(text, error);
}

static void a_full_document_is_understood(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	const struct status_view_token *token;

	CU_ASSERT_EQUAL_FATAL(parse(full, &view, NULL), 0);
	CU_ASSERT_STRING_EQUAL(view->version, "0.1.0");
	CU_ASSERT_EQUAL(view->started_at_s, START_S);
	CU_ASSERT_EQUAL(view->published_at_s, START_S + 5);
	CU_ASSERT_STRING_EQUAL(view->config_error, "a.conf:3: x: y");
	CU_ASSERT_EQUAL_FATAL(view->config_warning_count, 2);
	CU_ASSERT_STRING_EQUAL(view->config_warnings[1], "two");
	CU_ASSERT_EQUAL_FATAL(view->token_count, 2);

	token = status_view_find(view, "default");
	CU_ASSERT_PTR_EQUAL(token, &view->tokens[0]);
	CU_ASSERT_EQUAL(token->state, STATUS_VIEW_VALID);
	CU_ASSERT_EQUAL(token->generation, 1795428003);
	CU_ASSERT_STRING_EQUAL(token->fingerprint, "9f86d081884c");
	CU_ASSERT_EQUAL(token->obtained_at_s, START_S + 1);
	CU_ASSERT_EQUAL(token->expires_at_s, START_S + 3601);
	CU_ASSERT_EQUAL(token->next_attempt_at_s, START_S + 2700);
	CU_ASSERT_EQUAL(token->failing_since_s, 0);
	CU_ASSERT_EQUAL(token->consecutive_failures, 2);
	CU_ASSERT_EQUAL(token->counters.fetches_ok, 3);
	CU_ASSERT_EQUAL(token->counters.fetches_failed, 1);
	CU_ASSERT_EQUAL(token->counters.revocations_ok, 4);
	CU_ASSERT_EQUAL(token->counters.revocations_failed, 5);
}

static void errors_and_revocations_are_understood(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	const struct status_view_token *token;

	CU_ASSERT_EQUAL_FATAL(parse(full, &view, NULL), 0);
	token = &view->tokens[0];
	CU_ASSERT_TRUE(token->has_last_error);
	CU_ASSERT_EQUAL(token->last_error.at_s, START_S + 2);
	CU_ASSERT_EQUAL(token->last_error.http_status, 401);
	CU_ASSERT_STRING_EQUAL(token->last_error.reason, "invalid_client");
	CU_ASSERT_STRING_EQUAL(token->last_error.message, "no");
	CU_ASSERT_STRING_EQUAL(token->last_error.hint, "look");
	CU_ASSERT_EQUAL_FATAL(token->pending_revocation_count, 1);
	CU_ASSERT_STRING_EQUAL(token->pending_revocations[0].fingerprint, "0123456789ab");
	CU_ASSERT_EQUAL(token->pending_revocations[0].until_s, START_S + 3600);
}

static void what_is_missing_or_null_is_zero(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	const struct status_view_token *token;

	CU_ASSERT_EQUAL_FATAL(parse(full, &view, NULL), 0);
	token = status_view_find(view, "crm");
	CU_ASSERT_PTR_NOT_NULL_FATAL(token);
	CU_ASSERT_EQUAL(token->state, STATUS_VIEW_PENDING);
	CU_ASSERT_EQUAL(token->generation, 0);
	CU_ASSERT_EQUAL(token->expires_at_s, 0);
	CU_ASSERT_STRING_EQUAL(token->fingerprint, "");
	CU_ASSERT_FALSE(token->has_last_error);
	CU_ASSERT_EQUAL(token->pending_revocation_count, 0);
	CU_ASSERT_PTR_NULL(status_view_find(view, "other"));
}

static void an_error_without_texts_has_empty_ones(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"expired\","
				    "\"last_error\":{\"message\":null}}]}",
				    &view, NULL),
			      0);
	CU_ASSERT_STRING_EQUAL(view->tokens[0].last_error.reason, "");
	CU_ASSERT_STRING_EQUAL(view->tokens[0].last_error.message, "");
	CU_ASSERT_STRING_EQUAL(view->tokens[0].last_error.hint, "");
	CU_ASSERT_EQUAL(view->tokens[0].last_error.http_status, 0);
}

static void no_tokens_is_a_document_too(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(parse("{\"tokens\":[],\"new\":[{}]}", &view, NULL), 0);
	CU_ASSERT_EQUAL(view->token_count, 0);
	CU_ASSERT_PTR_NULL(view->config_error);
	CU_ASSERT_STRING_EQUAL(view->version, "");
}

static void what_is_no_json_is_refused(void)
{
	static const char *const odd[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"{\"tokens\":[]} x",
		"{\"tokens\":[]}{}",
		"{\"tokens\":[\"\xff\"]}",
	};
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_NOT_EQUAL(strlen(refusal(odd[i], &error)), 0);
}

static void a_nul_is_refused_wherever_it_stands(void)
{
	static const char with_nul[] = "{\"tokens\":[]}\0{}";
	struct status_view *view;
	struct error_text error;

	CU_ASSERT_EQUAL(status_view_parse(with_nul, sizeof(with_nul) - 1, &view, &error), -EBADMSG);
	CU_ASSERT_STRING_EQUAL(refusal_of_member("\"last_error\":{\"hint\":\"a\\u0000b\"}", &error),
			       "tokens[0].hint: a NUL in a text");
}

static void a_document_beyond_the_bound_is_refused(void)
{
	size_t length = STATUS_FILE_BYTES_MAX + 1;
	char *text = malloc(length);
	struct status_view *view;
	struct error_text error;

	memset(text, ' ', length);
	memcpy(text, "{\"tokens\":[]}", strlen("{\"tokens\":[]}"));
	CU_ASSERT_EQUAL(status_view_parse(text, length, &view, &error), -EBADMSG);
	CU_ASSERT_EQUAL(status_view_parse(text, length - 1, &view, &error), 0);
	status_view_free(view);
	free(text);
}

static void a_document_too_deep_is_refused(void)
{
	char text[200] = "{\"tokens\":[],\"x\":";
	struct error_text error;

	for (size_t i = 0; i < 20; i++)
		strcat(text, "[");
	for (size_t i = 0; i < 20; i++)
		strcat(text, "]");
	CU_ASSERT_NOT_EQUAL(strlen(refusal(strcat(text, "}"), &error)), 0);
}

static void a_wrong_type_is_named(void)
{
	static const struct {
		const char *member;
		const char *error;
	} odd[] = {
		{"\"generation\":\"1\"", "tokens[0].generation: not a whole number"},
		{"\"generation\":1.5", "tokens[0].generation: not a whole number"},
		{"\"generation\":-1", "tokens[0].generation: negative"},
		{"\"consecutive_failures\":true",
		 "tokens[0].consecutive_failures: not a whole number"},
		{"\"fingerprint\":1", "tokens[0].fingerprint: not a string"},
		{"\"fingerprint\":\"0123456789abc\"", "tokens[0].fingerprint: not 12 hex digits"},
		{"\"fingerprint\":\"xyz\"", "tokens[0].fingerprint: not 12 hex digits"},
		{"\"last_error\":[]", "tokens[0].last_error: not an object"},
		{"\"last_error\":{\"reason\":1}", "tokens[0].reason: not a string"},
		{"\"pending_revocations\":{}", "tokens[0].pending_revocations: not an array"},
		{"\"pending_revocations\":[1]",
		 "tokens[0].pending_revocations: an entry of another type"},
		{"\"pending_revocations\":[null]",
		 "tokens[0].pending_revocations: an entry of another type"},
		{"\"pending_revocations\":[{\"until\":1}]", "tokens[0].until: not a string"},
		{"\"counters\":1", "tokens[0].counters: not an object"},
		{"\"counters\":{\"fetches\":1}", "tokens[0].fetches: not an object"},
		{"\"counters\":{\"fetches\":{\"ok\":-1}}", "tokens[0].ok: negative"},
		{"\"counters\":{\"revocations\":{\"failed\":{}}}",
		 "tokens[0].failed: not a whole number"},
	};
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_STRING_EQUAL(refusal_of_member(odd[i].member, &error), odd[i].error);
}

static void a_wrong_type_outside_of_tokens_is_named(void)
{
	static const struct {
		const char *text;
		const char *error;
	} odd[] = {
		{"{}", "tokens: missing"},
		{"{\"tokens\":{}}", "tokens: not an array"},
		{"{\"tokens\":[1]}", "tokens: an entry of another type"},
		{"{\"tokens\":[{}]}", "tokens[0].name: not a token name"},
		{"{\"tokens\":[{\"name\":\"A\"}]}", "tokens[0].name: not a token name"},
		{"{\"tokens\":[{\"name\":1}]}", "tokens[0].name: not a string"},
		{"{\"tokens\":[{\"name\":\"a\"}]}",
		 "tokens[0].state: not a state this version knows"},
		{"{\"tokens\":[{\"name\":\"a\",\"state\":\"odd\"}]}",
		 "tokens[0].state: not a state this version knows"},
		{"{\"tokens\":[{\"name\":\"a\",\"state\":1}]}", "tokens[0].state: not a string"},
		{"{\"version\":1,\"tokens\":[]}", "version: not a string"},
		{"{\"config\":1,\"tokens\":[]}", "config: not an object"},
		{"{\"config\":{\"error\":1},\"tokens\":[]}", "config.error: not a string"},
		{"{\"config\":{\"warnings\":1},\"tokens\":[]}", "config.warnings: not an array"},
		{"{\"config\":{\"warnings\":[1]},\"tokens\":[]}",
		 "config.warnings: an entry of another type"},
	};
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_STRING_EQUAL(refusal(odd[i].text, &error), odd[i].error);
}

static void only_real_times_are_times(void)
{
	static const char *const odd[] = {
		"2026-11-23 10:00:00Z",
		"2026-11-23T10:00:00",
		"2026-11-23T10:00:00+",
		"2026-02-30T10:00:00Z",
		"2026-13-01T10:00:00Z",
		"2026-11-23T24:00:00Z",
		"2026-11-23T10:60:00Z",
		"2026-11-23T10:00:61Z",
		"2026-00-01T10:00:00Z",
		"-026-11-23T10:00:00Z",
		"",
		"now",
	};
	struct error_text error;
	char member[64];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(member, sizeof(member), "\"expires_at\":\"%s\"", odd[i]);
		CU_ASSERT_STRING_EQUAL(refusal_of_member(member, &error),
				       "tokens[0].expires_at: not a time in RFC 3339, UTC");
	}
}

static void a_leap_day_is_a_day(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(
		parse("{\"started_at\":\"2028-02-29T00:00:00Z\",\"tokens\":[]}", &view, NULL), 0);
	CU_ASSERT_EQUAL(view->started_at_s, 1835395200);
}

static void a_number_beyond_64_bits_does_not_wrap(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\","
				    "\"generation\":99999999999999999999}]}",
				    &view, NULL),
			      0);
	CU_ASSERT_EQUAL(view->tokens[0].generation, INT64_MAX);
}

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

static void states_have_their_names(void)
{
	CU_ASSERT_STRING_EQUAL(status_view_state_name(STATUS_VIEW_PENDING), "pending");
	CU_ASSERT_STRING_EQUAL(status_view_state_name(STATUS_VIEW_VALID), "valid");
	CU_ASSERT_STRING_EQUAL(status_view_state_name(STATUS_VIEW_EXPIRED), "expired");
	CU_ASSERT_STRING_EQUAL(status_view_state_name(STATUS_VIEW_SUSPENDED), "suspended");
}

/* Every prefix of a good document, and every byte of it replaced: no crash, no leak, no success
 * that a cut document should not have. */
static void damage_anywhere_is_survived(void)
{
	char text[sizeof(full)];
	struct error_text error;
	size_t accepted = 0;

	for (size_t length = 0; length + 2 < sizeof(full); length++) {
		struct status_view *view;

		CU_ASSERT_EQUAL(status_view_parse(full, length, &view, &error), -EBADMSG);
	}
	for (size_t i = 0; i + 1 < sizeof(full); i++) {
		struct status_view *view = NULL;

		memcpy(text, full, sizeof(full));
		text[i] = '0';
		if (parse(text, &view, &error) == 0)
			accepted++;
		status_view_free(view);
	}
	CU_ASSERT(accepted > 0 && accepted < sizeof(full));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_full_document_is_understood", a_full_document_is_understood},
		{"errors_and_revocations_are_understood", errors_and_revocations_are_understood},
		{"what_is_missing_or_null_is_zero", what_is_missing_or_null_is_zero},
		{"an_error_without_texts_has_empty_ones", an_error_without_texts_has_empty_ones},
		{"no_tokens_is_a_document_too", no_tokens_is_a_document_too},
		{"what_is_no_json_is_refused", what_is_no_json_is_refused},
		{"a_nul_is_refused_wherever_it_stands", a_nul_is_refused_wherever_it_stands},
		{"a_document_beyond_the_bound_is_refused", a_document_beyond_the_bound_is_refused},
		{"a_document_too_deep_is_refused", a_document_too_deep_is_refused},
		{"a_wrong_type_is_named", a_wrong_type_is_named},
		{"a_wrong_type_outside_of_tokens_is_named",
		 a_wrong_type_outside_of_tokens_is_named},
		{"only_real_times_are_times", only_real_times_are_times},
		{"a_leap_day_is_a_day", a_leap_day_is_a_day},
		{"a_number_beyond_64_bits_does_not_wrap", a_number_beyond_64_bits_does_not_wrap},
		{"a_valid_token_past_its_expiry_is_expired",
		 a_valid_token_past_its_expiry_is_expired},
		{"states_have_their_names", states_have_their_names},
		{"damage_anywhere_is_survived", damage_anywhere_is_survived},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_view", tests);
}
