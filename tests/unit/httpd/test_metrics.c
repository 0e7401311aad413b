/* SPDX-License-Identifier: MIT */
#include "httpd/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"
#include "token.h" /* the reasons that a broker gives */

/* What the broker writes, and what becomes of it; promtool looks at the latter, too. */
#define GOLDEN_STATUS  "tests/unit/status/golden_status.json"
#define GOLDEN_METRICS "tests/unit/httpd/golden_metrics.txt"

/* 2026-11-23T10:00:00Z */
#define START_S INT64_C(1795428000)

static char version[] = "0.1.0";
static char nothing[] = "";

static char *read_file(const char *path)
{
	CLEANUP(close_file) FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL || getdelim(&text, &size, '\0', file) <= 0)
		abort();
	return text;
}

/* To be freed. */
static char *render(const struct status_view *view, bool is_up)
{
	char *text = NULL;
	size_t length = 0;

	if (metrics_render(view, is_up, START_S, &text, &length) != 0)
		abort();
	CU_ASSERT_EQUAL(length, strlen(text));
	return text;
}

static char *render_token(struct status_view_token *token)
{
	struct status_view view = {.version = version, .tokens = token, .token_count = 1};

	return render(&view, true);
}

static struct status_view_token valid_token(void)
{
	return (struct status_view_token){
		.name = "default",
		.state = STATUS_VIEW_VALID,
		.generation = 7,
		.expires_at_s = START_S + 1,
	};
}

/* How many lines are this one. */
static unsigned count_lines(const char *text, const char *line)
{
	size_t length = strlen(line);
	unsigned count = 0;

	for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
		at += *at == '\n';
		count += strncmp(at, line, length) == 0 && at[length] == '\n';
	}
	return count;
}

static bool has_line(const char *text, const char *line)
{
	return count_lines(text, line) == 1;
}

static void what_a_broker_writes_becomes_metrics(void)
{
	CLEANUP(free_memory) char *status = read_file(GOLDEN_STATUS);
	CLEANUP(free_memory) char *expected = read_file(GOLDEN_METRICS);
	CLEANUP(status_view_free) struct status_view *view = NULL;
	CLEANUP(free_memory) char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(status_view_parse(status, strlen(status), &view, NULL), 0);
	text = render(view, true);
	CU_ASSERT_STRING_EQUAL(text, expected);
	if (strcmp(text, expected) != 0)
		printf("is:\n%s", text);
}

static void without_a_document_the_broker_is_down(void)
{
	CLEANUP(free_memory) char *text = render(NULL, true);

	CU_ASSERT_TRUE(has_line(text, "tokenbroker_up 0"));
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_build_info{version=\"" TOKENBROKER_VERSION "\"} 1"));
	CU_ASSERT_PTR_NULL(strstr(text, "tokenbroker_start"));
	CU_ASSERT_PTR_NULL(strstr(text, "tokenbroker_token"));
}

static void without_a_heartbeat_the_tokens_are_told_all_the_same(void)
{
	struct status_view_token token = valid_token();
	struct status_view view = {.version = version, .tokens = &token, .token_count = 1};
	CLEANUP(free_memory) char *text = render(&view, false);

	CU_ASSERT_TRUE(has_line(text, "tokenbroker_up 0"));
	CU_ASSERT_TRUE(has_line(text, "tokenbroker_token_usable{token=\"default\"} 1"));
}

static void without_tokens_the_broker_is_told(void)
{
	struct status_view view = {.version = version, .started_at_s = START_S};
	CLEANUP(free_memory) char *text = render(&view, true);

	CU_ASSERT_TRUE(has_line(text, "tokenbroker_up 1"));
	CU_ASSERT_TRUE(has_line(text, "tokenbroker_start_timestamp_seconds 1795428000"));
	CU_ASSERT_PTR_NULL(strstr(text, "{token="));
}

static void only_a_valid_token_before_its_expiry_is_usable(void)
{
	static const struct {
		enum status_view_state state;
		int64_t expires_at_s;
		const char *line;
	} table[] = {
		{STATUS_VIEW_VALID, START_S + 1, "tokenbroker_token_usable{token=\"default\"} 1"},
		{STATUS_VIEW_VALID, START_S, "tokenbroker_token_usable{token=\"default\"} 0"},
		{STATUS_VIEW_PENDING, 0, "tokenbroker_token_usable{token=\"default\"} 0"},
		{STATUS_VIEW_EXPIRED, START_S + 1, "tokenbroker_token_usable{token=\"default\"} 0"},
		{STATUS_VIEW_SUSPENDED, START_S + 1,
		 "tokenbroker_token_usable{token=\"default\"} 0"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct status_view_token token = valid_token();
		CLEANUP(free_memory) char *text = NULL;

		token.state = table[i].state;
		token.expires_at_s = table[i].expires_at_s;
		text = render_token(&token);
		CU_ASSERT_TRUE(has_line(text, table[i].line));
	}
}

static void what_is_null_is_absent_and_not_0(void)
{
	static const char *const names[] = {
		"\ntokenbroker_start_timestamp_seconds ",
		"\ntokenbroker_token_generation{",
		"\ntokenbroker_token_expiry_timestamp_seconds{",
		"\ntokenbroker_token_obtained_timestamp_seconds{",
		"\ntokenbroker_token_next_attempt_timestamp_seconds{",
	};
	struct status_view_token token = {.name = "crm"};
	CLEANUP(free_memory) char *text = render_token(&token);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_PTR_NULL(strstr(text, names[i]));
}

static void counters_start_with_0_so_that_the_first_failure_is_seen(void)
{
	struct status_view_token token = {.name = "crm"};
	CLEANUP(free_memory) char *text = render_token(&token);

	for (unsigned reason = TOKEN_OK + 1; reason < TOKEN_REASON_COUNT; reason++) {
		char line[128];

		(void)snprintf(line, sizeof(line),
			       "tokenbroker_fetch_errors_total{token=\"crm\",reason=\"%s\"} 0",
			       token_reason_name((enum token_reason)reason));
		CU_ASSERT_TRUE(has_line(text, line));
	}
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_rejections_total{token=\"crm\",outcome=\"busy\"} 0"));
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_revocations_total{token=\"crm\",result=\"failed\"} 0"));
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_fetches_total{token=\"crm\",result=\"failed\"} 0"));
	CU_ASSERT_TRUE(has_line(text, "tokenbroker_publishes_total{token=\"crm\"} 0"));
}

static void a_reason_that_a_newer_broker_gives_is_told_once(void)
{
	struct status_view_fetch_error errors[] = {
		{.reason = "moon_phase", .count = 3},
		{.reason = "tls", .count = 2},
	};
	struct status_view_token token = valid_token();
	CLEANUP(free_memory) char *text = NULL;

	token.counters.fetch_errors = errors;
	token.counters.fetch_error_count = 2;
	text = render_token(&token);
	CU_ASSERT_TRUE(has_line(
		text, "tokenbroker_fetch_errors_total{token=\"default\",reason=\"moon_phase\"} 3"));
	CU_ASSERT_TRUE(has_line(
		text, "tokenbroker_fetch_errors_total{token=\"default\",reason=\"tls\"} 2"));
	CU_ASSERT_FALSE(has_line(
		text, "tokenbroker_fetch_errors_total{token=\"default\",reason=\"tls\"} 0"));
}

static void each_outcome_of_a_rejection_has_its_own_count(void)
{
	static const char *const lines[] = {
		"tokenbroker_rejections_total{token=\"default\",outcome=\"accepted\"} 1",
		"tokenbroker_rejections_total{token=\"default\",outcome=\"stale\"} 2",
		"tokenbroker_rejections_total{token=\"default\",outcome=\"denied\"} 3",
		"tokenbroker_rejections_total{token=\"default\",outcome=\"conflict\"} 4",
		"tokenbroker_rejections_total{token=\"default\",outcome=\"invalid\"} 5",
		"tokenbroker_rejections_total{token=\"default\",outcome=\"busy\"} 6",
	};
	struct status_view_token token = valid_token();
	CLEANUP(free_memory) char *text = NULL;

	token.counters.rejections = (struct status_view_rejections){
		.accepted = 1, .stale = 2, .denied = 3, .conflict = 4, .invalid = 5, .busy = 6};
	text = render_token(&token);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CU_ASSERT_TRUE(has_line(text, lines[i]));
}

static void a_histogram_ends_with_infinity_even_without_buckets(void)
{
	struct status_view_token token = valid_token();
	CLEANUP(free_memory) char *text = NULL;

	token.fetch_duration = (struct status_view_duration){.sum_s = 2.5, .count = 2};
	text = render_token(&token);
	CU_ASSERT_TRUE(has_line(
		text,
		"tokenbroker_fetch_duration_seconds_bucket{token=\"default\",le=\"+Inf\"} 2"));
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_fetch_duration_seconds_sum{token=\"default\"} 2.500"));
	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_fetch_duration_seconds_count{token=\"default\"} 2"));
}

static void a_label_cannot_break_out_of_its_quotes(void)
{
	char hostile[] = "1\"} 2\nx{a=\"\\";
	struct status_view view = {.version = hostile};
	CLEANUP(free_memory) char *text = render(&view, true);

	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_build_info{version=\"1\\\"} 2\\nx{a=\\\"\\\\\"} 1"));
}

static void a_broker_that_tells_no_version_has_ours(void)
{
	struct status_view view = {.version = nothing};
	CLEANUP(free_memory) char *text = render(&view, true);

	CU_ASSERT_TRUE(
		has_line(text, "tokenbroker_build_info{version=\"" TOKENBROKER_VERSION "\"} 1"));
}

static void the_largest_count_is_told_as_it_is(void)
{
	struct status_view_token token = valid_token();
	CLEANUP(free_memory) char *text = NULL;

	token.generation = INT64_MAX;
	text = render_token(&token);
	CU_ASSERT_TRUE(has_line(
		text, "tokenbroker_token_generation{token=\"default\"} 9223372036854775807"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_a_broker_writes_becomes_metrics", what_a_broker_writes_becomes_metrics},
		{"without_a_document_the_broker_is_down", without_a_document_the_broker_is_down},
		{"without_a_heartbeat_the_tokens_are_told_all_the_same",
		 without_a_heartbeat_the_tokens_are_told_all_the_same},
		{"without_tokens_the_broker_is_told", without_tokens_the_broker_is_told},
		{"only_a_valid_token_before_its_expiry_is_usable",
		 only_a_valid_token_before_its_expiry_is_usable},
		{"what_is_null_is_absent_and_not_0", what_is_null_is_absent_and_not_0},
		{"counters_start_with_0_so_that_the_first_failure_is_seen",
		 counters_start_with_0_so_that_the_first_failure_is_seen},
		{"a_reason_that_a_newer_broker_gives_is_told_once",
		 a_reason_that_a_newer_broker_gives_is_told_once},
		{"each_outcome_of_a_rejection_has_its_own_count",
		 each_outcome_of_a_rejection_has_its_own_count},
		{"a_histogram_ends_with_infinity_even_without_buckets",
		 a_histogram_ends_with_infinity_even_without_buckets},
		{"a_label_cannot_break_out_of_its_quotes", a_label_cannot_break_out_of_its_quotes},
		{"a_broker_that_tells_no_version_has_ours",
		 a_broker_that_tells_no_version_has_ours},
		{"the_largest_count_is_told_as_it_is", the_largest_count_is_told_as_it_is},
		CU_TEST_INFO_NULL,
	};

	return harness_run("metrics", tests);
}
