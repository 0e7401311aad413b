/* SPDX-License-Identifier: MIT */
/* Every member of the status document, as the broker writes it. */
#include "status_fixture.h"

/* 2026-11-23T10:00:00Z */
#define START_S INT64_C(1795428000)

static struct status_view *parse_golden(void)
{
	CLEANUP(free_memory) char *text = status_read_golden();
	struct status_view *view;

	if (status_parse(text, &view, NULL) != 0)
		abort();
	return view;
}

/* The broker's golden document for the rest of the scope. */
#define WITH_GOLDEN(name)                                                                          \
	__attribute__((cleanup(cleanup_status_view_free))) struct status_view *name = parse_golden()

static void the_broker_describes_itself(void)
{
	WITH_GOLDEN(view);

	CU_ASSERT_STRING_EQUAL(view->version, "0.1.0");
	CU_ASSERT_EQUAL(view->pid, 4711);
	CU_ASSERT_EQUAL(view->started_at_s, START_S);
	CU_ASSERT_EQUAL(view->published_at_s, START_S + 5);
	CU_ASSERT_EQUAL(view->config_loaded_at_s, START_S);
	CU_ASSERT_STRING_EQUAL(view->config_error, "tokenbroker.conf:3: retry_min: not a number");
	CU_ASSERT_EQUAL_FATAL(view->config_warning_count, 1);
	CU_ASSERT_STRING_EQUAL(view->config_warnings[0], "admins: no user \"otto\"");
	CU_ASSERT_EQUAL(view->loop_longest_ms, 3);
	CU_ASSERT_EQUAL(view->token_count, 2);
}

static void a_token_is_described(void)
{
	WITH_GOLDEN(view);
	const struct status_view_token *token = status_view_find(view, "default");

	CU_ASSERT_PTR_EQUAL_FATAL(token, &view->tokens[0]);
	CU_ASSERT_STRING_EQUAL(token->provider, "blueconic");
	CU_ASSERT_EQUAL(token->state, STATUS_VIEW_VALID);
	CU_ASSERT_EQUAL(token->generation, 1795428003);
	CU_ASSERT_STRING_EQUAL(token->fingerprint, "9f86d081884c");
	CU_ASSERT_STRING_EQUAL(token->token_type, "Bearer");
	CU_ASSERT_STRING_EQUAL(token->scope, "read write");
	CU_ASSERT_STRING_EQUAL(token->segment, "/tokenbroker.default.0123456789abcdef");
	CU_ASSERT_EQUAL(token->obtained_at_s, START_S + 3);
	CU_ASSERT_EQUAL(token->expires_at_s, START_S + 3603);
	CU_ASSERT_EQUAL(token->next_attempt_at_s, START_S + 2700);
	CU_ASSERT_EQUAL(token->failing_since_s, START_S + 4);
	CU_ASSERT_EQUAL(token->consecutive_failures, 1);
	CU_ASSERT_EQUAL_FATAL(token->reader_count, 3);
	CU_ASSERT_STRING_EQUAL(token->readers[0], "@www-data");
	CU_ASSERT_STRING_EQUAL(token->readers[2], "1007");
}

static void errors_and_revocations_are_understood(void)
{
	WITH_GOLDEN(view);
	const struct status_view_token *token = &view->tokens[0];

	CU_ASSERT_TRUE(token->has_last_error);
	CU_ASSERT_EQUAL(token->last_error.at_s, START_S + 4);
	CU_ASSERT_EQUAL(token->last_error.http_status, 401);
	CU_ASSERT_STRING_EQUAL(token->last_error.reason, "invalid_client");
	CU_ASSERT_PTR_NOT_NULL(strstr(token->last_error.message, "unknown: \xef\xbf\xbd\\ <"));
	CU_ASSERT_PTR_NOT_NULL(strstr(token->last_error.hint, "switched ON"));
	CU_ASSERT_EQUAL_FATAL(token->pending_revocation_count, 2);
	CU_ASSERT_STRING_EQUAL(token->pending_revocations[0].fingerprint, "aaaaaaaaaaaa");
	CU_ASSERT_EQUAL(token->pending_revocations[0].until_s, START_S + 3600);
	CU_ASSERT_EQUAL(token->pending_revocations[1].until_s, 0);
}

static void counters_are_understood(void)
{
	WITH_GOLDEN(view);
	const struct status_view_counters *counters = &view->tokens[0].counters;

	CU_ASSERT_EQUAL(counters->fetches_ok, 3);
	CU_ASSERT_EQUAL(counters->fetches_failed, 1);
	CU_ASSERT_EQUAL(counters->revocations_ok, 1);
	CU_ASSERT_EQUAL(counters->revocations_failed, 1);
	CU_ASSERT_EQUAL(counters->publishes, 1);
	CU_ASSERT_EQUAL(counters->rejections.accepted, 1);
	CU_ASSERT_EQUAL(counters->rejections.stale, 1);
	CU_ASSERT_EQUAL(counters->rejections.denied, 0);
	CU_ASSERT_EQUAL_FATAL(counters->fetch_error_count, 1);
	CU_ASSERT_STRING_EQUAL(counters->fetch_errors[0].reason, "invalid_client");
	CU_ASSERT_EQUAL(counters->fetch_errors[0].count, 1);
}

/* Six of a kind are easily mixed up. */
static void each_rejection_goes_where_it_belongs(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	const struct status_view_rejections *rejections;

	CU_ASSERT_EQUAL_FATAL(
		status_parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\",\"counters\":"
			     "{\"rejections\":{\"accepted\":1,\"stale\":2,\"denied\":3,"
			     "\"conflict\":4,\"invalid\":5,\"busy\":6}}}]}",
			     &view, NULL),
		0);
	rejections = &view->tokens[0].counters.rejections;
	CU_ASSERT_EQUAL(rejections->accepted, 1);
	CU_ASSERT_EQUAL(rejections->stale, 2);
	CU_ASSERT_EQUAL(rejections->denied, 3);
	CU_ASSERT_EQUAL(rejections->conflict, 4);
	CU_ASSERT_EQUAL(rejections->invalid, 5);
	CU_ASSERT_EQUAL(rejections->busy, 6);
}

static void durations_and_outcomes_are_understood(void)
{
	static const double bounds_s[] = {0.1, 0.5, 1, 5, 15};
	WITH_GOLDEN(view);
	const struct status_view_token *token = &view->tokens[0];
	const struct status_view_duration *duration = &token->fetch_duration;

	CU_ASSERT_EQUAL_FATAL(duration->bucket_count, 5);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(duration->buckets[i].bound_s, bounds_s[i]);
	CU_ASSERT_STRING_EQUAL(duration->buckets[1].bound, "0.5");
	CU_ASSERT_EQUAL(duration->buckets[1].count, 3);
	CU_ASSERT_EQUAL(duration->buckets[4].count, 4);
	CU_ASSERT_DOUBLE_EQUAL(duration->sum_s, 1.9, 1e-9);
	CU_ASSERT_EQUAL(duration->count, 4);
	CU_ASSERT_EQUAL_FATAL(token->history_count, 4);
	CU_ASSERT_EQUAL(token->history[0].at_s, START_S + 1);
	CU_ASSERT_STRING_EQUAL(token->history[0].result, "ok");
	CU_ASSERT_EQUAL(token->history[3].duration_ms, 1500);
	CU_ASSERT_STRING_EQUAL(token->history[3].result, "invalid_client");
}

static void check_empty(const struct status_view_token *token)
{
	CU_ASSERT_EQUAL(token->state, STATUS_VIEW_PENDING);
	CU_ASSERT_EQUAL(token->generation, 0);
	CU_ASSERT_EQUAL(token->expires_at_s, 0);
	CU_ASSERT_STRING_EQUAL(token->fingerprint, "");
	CU_ASSERT_STRING_EQUAL(token->token_type, "");
	CU_ASSERT_STRING_EQUAL(token->scope, "");
	CU_ASSERT_STRING_EQUAL(token->segment, "");
	CU_ASSERT_FALSE(token->has_last_error);
	CU_ASSERT_EQUAL(token->pending_revocation_count, 0);
	CU_ASSERT_EQUAL(token->reader_count, 0);
	CU_ASSERT_EQUAL(token->counters.fetch_error_count, 0);
	CU_ASSERT_EQUAL(token->fetch_duration.count, 0);
	CU_ASSERT_EQUAL(token->history_count, 0);
}

static void what_is_missing_or_null_is_zero(void)
{
	CLEANUP(status_view_free) struct status_view *small = NULL;
	WITH_GOLDEN(view);

	check_empty(&view->tokens[1]);
	CU_ASSERT_EQUAL_FATAL(
		status_parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"pending\"}]}", &small, NULL),
		0);
	check_empty(&small->tokens[0]);
	CU_ASSERT_STRING_EQUAL(small->tokens[0].provider, "");
}

static void an_error_without_texts_has_empty_ones(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(status_parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"expired\","
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

	CU_ASSERT_EQUAL_FATAL(status_parse("{\"tokens\":[],\"new\":[{}]}", &view, NULL), 0);
	CU_ASSERT_EQUAL(view->token_count, 0);
	CU_ASSERT_PTR_NULL(view->config_error);
	CU_ASSERT_STRING_EQUAL(view->version, "");
}

static void of_a_long_history_the_newest_are_kept(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	CLEANUP(free_memory) char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)fputs("{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\",\"history\":[", stream);
	for (unsigned i = 0; i < 100; i++)
		(void)fprintf(stream, "%s{\"result\":\"ok\",\"ms\":%u}", i == 0 ? "" : ",", i);
	(void)fputs("]}]}", stream);
	(void)fclose(stream);
	CU_ASSERT_EQUAL_FATAL(status_parse(text, &view, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(view->tokens[0].history_count, STATUS_VIEW_HISTORY_MAX);
	CU_ASSERT_EQUAL(view->tokens[0].history[0].duration_ms, 40);
	CU_ASSERT_EQUAL(view->tokens[0].history[59].duration_ms, 99);
}

static void a_number_beyond_64_bits_does_not_wrap(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;

	CU_ASSERT_EQUAL_FATAL(status_parse("{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\","
					   "\"generation\":99999999999999999999}]}",
					   &view, NULL),
			      0);
	CU_ASSERT_EQUAL(view->tokens[0].generation, INT64_MAX);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_broker_describes_itself", the_broker_describes_itself},
		{"a_token_is_described", a_token_is_described},
		{"errors_and_revocations_are_understood", errors_and_revocations_are_understood},
		{"counters_are_understood", counters_are_understood},
		{"each_rejection_goes_where_it_belongs", each_rejection_goes_where_it_belongs},
		{"durations_and_outcomes_are_understood", durations_and_outcomes_are_understood},
		{"what_is_missing_or_null_is_zero", what_is_missing_or_null_is_zero},
		{"an_error_without_texts_has_empty_ones", an_error_without_texts_has_empty_ones},
		{"no_tokens_is_a_document_too", no_tokens_is_a_document_too},
		{"of_a_long_history_the_newest_are_kept", of_a_long_history_the_newest_are_kept},
		{"a_number_beyond_64_bits_does_not_wrap", a_number_beyond_64_bits_does_not_wrap},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_parse", tests);
}
