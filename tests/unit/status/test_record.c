/* SPDX-License-Identifier: MIT */
#include "status/record.h"

#include <string.h>

#include "harness.h"

static void a_new_record_is_empty(void)
{
	struct status_record record;

	memset(&record, 0xff, sizeof(record));
	status_record_init(&record);
	CU_ASSERT_EQUAL(record.fetches_ok + record.fetches_failed + record.publishes, 0);
	CU_ASSERT_EQUAL(status_record_history_count(&record), 0);
	CU_ASSERT_FALSE(record.has_last_error);
}

static void a_success_counts_and_leaves_the_last_error(void)
{
	struct status_record record;
	const struct status_error error = {.at_realtime_ns = 1, .reason = TOKEN_HTTP};

	status_record_init(&record);
	status_record_fetch_failed(&record, &error, 10);
	status_record_fetch_succeeded(&record, 2, 210);
	CU_ASSERT_EQUAL(record.fetches_ok, 1);
	CU_ASSERT_TRUE(record.has_last_error);
	CU_ASSERT_EQUAL(status_record_history_count(&record), 2);
	CU_ASSERT_EQUAL(status_record_history(&record, 1)->reason, TOKEN_OK);
	CU_ASSERT_EQUAL(status_record_history(&record, 1)->at_realtime_ns, 2);
	CU_ASSERT_EQUAL(status_record_history(&record, 1)->duration_ms, 210);
	CU_ASSERT_EQUAL(record.fetch_errors[TOKEN_OK], 0);
}

static void a_failure_is_counted_by_its_reason_and_remembered(void)
{
	struct status_record record;
	struct status_error error = {
		.at_realtime_ns = 5,
		.reason = TOKEN_INVALID_CLIENT,
		.http_status = 401,
		.message = {"no such client"},
		.hint = "check the id",
	};

	status_record_init(&record);
	status_record_fetch_failed(&record, &error, 30);
	error.message.text[0] = 'X'; /* it was copied */
	CU_ASSERT_EQUAL(record.fetches_failed, 1);
	CU_ASSERT_EQUAL(record.fetch_errors[TOKEN_INVALID_CLIENT], 1);
	CU_ASSERT_EQUAL(record.last_error.at_realtime_ns, 5);
	CU_ASSERT_EQUAL(record.last_error.http_status, 401);
	CU_ASSERT_STRING_EQUAL(record.last_error.message.text, "no such client");
	CU_ASSERT_STRING_EQUAL(record.last_error.hint, "check the id");
	CU_ASSERT_EQUAL(status_record_history(&record, 0)->reason, TOKEN_INVALID_CLIENT);
	CU_ASSERT_EQUAL(status_record_history(&record, 0)->duration_ms, 30);
}

static void a_problem_is_no_outcome_of_a_fetch(void)
{
	struct status_record record;
	const struct status_error error = {.at_realtime_ns = 7, .reason = TOKEN_PUBLISH_FAILED};

	status_record_init(&record);
	status_record_problem(&record, &error);
	CU_ASSERT_EQUAL(record.fetch_errors[TOKEN_PUBLISH_FAILED], 1);
	CU_ASSERT_EQUAL(record.last_error.reason, TOKEN_PUBLISH_FAILED);
	CU_ASSERT_EQUAL(record.fetches_failed, 0);
	CU_ASSERT_EQUAL(record.duration_count, 0);
	CU_ASSERT_EQUAL(status_record_history_count(&record), 0);
}

static void the_history_keeps_the_last_sixty_in_order(void)
{
	struct status_record record;

	status_record_init(&record);
	for (int64_t i = 0; i < 60; i++)
		status_record_fetch_succeeded(&record, i, 1);
	CU_ASSERT_EQUAL(status_record_history_count(&record), 60);
	CU_ASSERT_EQUAL(status_record_history(&record, 0)->at_realtime_ns, 0);
	for (int64_t i = 60; i < 145; i++)
		status_record_fetch_succeeded(&record, i, 1);
	CU_ASSERT_EQUAL(status_record_history_count(&record), 60);
	for (size_t i = 0; i < 60; i++)
		CU_ASSERT_EQUAL(status_record_history(&record, i)->at_realtime_ns,
				(int64_t)(85 + i));
}

static void buckets_are_cumulative_and_include_their_bound(void)
{
	const int64_t durations[] = {0, 100, 101, 500, 501, 1000, 1001, 5000, 5001, 15000, 15001};
	const uint64_t expected[] = {2, 4, 6, 8, 10};
	struct status_record record;

	status_record_init(&record);
	for (size_t i = 0; i < 11; i++)
		status_record_fetch_succeeded(&record, 1, durations[i]);
	for (size_t i = 0; i < STATUS_DURATION_BUCKETS; i++)
		CU_ASSERT_EQUAL(status_record_duration_count(&record, i), expected[i]);
	CU_ASSERT_EQUAL(record.duration_count, 11);
	CU_ASSERT_EQUAL(record.duration_sum_ms, 43205);
}

static void a_negative_duration_counts_as_none(void)
{
	const struct status_error error = {.reason = TOKEN_TIMEOUT};
	struct status_record record;

	status_record_init(&record);
	status_record_fetch_succeeded(&record, 1, -5);
	status_record_fetch_failed(&record, &error, INT64_MIN);
	CU_ASSERT_EQUAL(record.duration_sum_ms, 0);
	CU_ASSERT_EQUAL(status_record_duration_count(&record, 0), 2);
	CU_ASSERT_EQUAL(status_record_history(&record, 0)->duration_ms, 0);
	CU_ASSERT_EQUAL(status_record_history(&record, 1)->duration_ms, 0);
}

static void rejections_are_counted_by_their_answer(void)
{
	struct status_record record;

	status_record_init(&record);
	for (int i = TOKENBROKER_CONTROL_ACCEPTED; i <= TOKENBROKER_CONTROL_BUSY; i++)
		for (int times = 0; times < i; times++)
			status_record_rejection(&record, (enum tokenbroker_control_result)i);
	CU_ASSERT_EQUAL(record.rejections.accepted, TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(record.rejections.stale, TOKENBROKER_CONTROL_STALE);
	CU_ASSERT_EQUAL(record.rejections.conflict, TOKENBROKER_CONTROL_CONFLICT);
	CU_ASSERT_EQUAL(record.rejections.denied, TOKENBROKER_CONTROL_DENIED);
	CU_ASSERT_EQUAL(record.rejections.invalid, TOKENBROKER_CONTROL_INVALID);
	CU_ASSERT_EQUAL(record.rejections.busy, TOKENBROKER_CONTROL_BUSY);
}

static void revocations_and_publishes_are_counted(void)
{
	struct status_record record;

	status_record_init(&record);
	status_record_revocation(&record, true);
	status_record_revocation(&record, false);
	status_record_revocation(&record, false);
	status_record_publish(&record);
	CU_ASSERT_EQUAL(record.revocations_ok, 1);
	CU_ASSERT_EQUAL(record.revocations_failed, 2);
	CU_ASSERT_EQUAL(record.publishes, 1);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_new_record_is_empty),
		TEST(a_success_counts_and_leaves_the_last_error),
		TEST(a_failure_is_counted_by_its_reason_and_remembered),
		TEST(a_problem_is_no_outcome_of_a_fetch),
		TEST(the_history_keeps_the_last_sixty_in_order),
		TEST(buckets_are_cumulative_and_include_their_bound),
		TEST(a_negative_duration_counts_as_none),
		TEST(rejections_are_counted_by_their_answer),
		TEST(revocations_and_publishes_are_counted),
		CU_TEST_INFO_NULL,
	};

	return harness_run("record", tests);
}
