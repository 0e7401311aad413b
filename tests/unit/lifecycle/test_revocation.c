/* SPDX-License-Identifier: MIT */
#include "lifecycle/revocation.h"

#include "fixture.h"
#include "harness.h"

static void fail(struct revocation *revocation, int64_t now_ms, enum lifecycle_failure kind,
		 int64_t retry_after_ms)
{
	const struct revocation_failure failure = {
		.kind = kind,
		.retry_after_ms = retry_after_ms,
	};

	revocation_started(revocation);
	revocation_failed(revocation, &POLICY, now_ms, &failure, NO_JITTER);
}

static void it_is_sent_at_its_time(void)
{
	struct revocation revocation;
	struct revocation_step step;

	revocation_init(&revocation, START + MINUTE, START + HOUR);
	step = revocation_next(&revocation, START);
	CU_ASSERT_EQUAL(step.action, REVOCATION_WAIT);
	CU_ASSERT_EQUAL(step.at_ms, START + MINUTE);
	step = revocation_next(&revocation, START + MINUTE);
	CU_ASSERT_EQUAL(step.action, REVOCATION_SEND);
	CU_ASSERT_EQUAL(step.at_ms, START + MINUTE);
}

static void one_in_flight_is_not_sent_again(void)
{
	struct revocation revocation;
	struct revocation_step step;

	revocation_init(&revocation, START, START + HOUR);
	revocation_started(&revocation);
	step = revocation_next(&revocation, START + MINUTE);
	CU_ASSERT_EQUAL(step.action, REVOCATION_WAIT);
	CU_ASSERT_EQUAL(step.at_ms, START + HOUR);
}

static void transient_failures_double_the_pause_up_to_retry_max(void)
{
	static const int64_t PAUSES_S[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
	struct revocation revocation;
	int64_t now_ms = START;

	revocation_init(&revocation, START, START + DAY);
	for (size_t i = 0; i < sizeof(PAUSES_S) / sizeof(*PAUSES_S); i++) {
		CU_ASSERT_EQUAL(revocation_next(&revocation, now_ms).action, REVOCATION_SEND);
		fail(&revocation, now_ms, LIFECYCLE_TRANSIENT, 0);
		CU_ASSERT_EQUAL(revocation_next(&revocation, now_ms).at_ms,
				now_ms + PAUSES_S[i] * SECOND);
		CU_ASSERT_EQUAL(revocation.failures, i + 1);
		now_ms += PAUSES_S[i] * SECOND;
	}
}

static void a_permanent_failure_waits_for_retry_max(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + DAY);
	fail(&revocation, START, LIFECYCLE_PERMANENT, 0);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).at_ms, START + POLICY.retry_max_ms);
}

static void a_local_failure_backs_off_like_a_transient_one(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + DAY);
	fail(&revocation, START, LIFECYCLE_LOCAL, 0);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).at_ms, START + POLICY.retry_min_ms);
}

static void retry_after_is_a_lower_bound_of_at_most_an_hour(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + DAY);
	fail(&revocation, START, LIFECYCLE_TRANSIENT, 90 * SECOND);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).at_ms, START + 90 * SECOND);
	fail(&revocation, START, LIFECYCLE_TRANSIENT, DAY);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).at_ms, START + HOUR);
}

static void it_is_dropped_when_the_token_has_expired(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + MINUTE);
	fail(&revocation, START, LIFECYCLE_PERMANENT, 0);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).at_ms, START + MINUTE);
	CU_ASSERT_FALSE(revocation_is_over(&revocation, START + MINUTE - 1));
	CU_ASSERT_TRUE(revocation_is_over(&revocation, START + MINUTE));
	CU_ASSERT_EQUAL(revocation_next(&revocation, START + MINUTE).action, REVOCATION_DROP);
}

static void it_is_dropped_in_mid_flight_when_the_token_has_expired(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + MINUTE);
	revocation_started(&revocation);
	CU_ASSERT_EQUAL(revocation_next(&revocation, START + MINUTE).action, REVOCATION_DROP);
}

static void it_is_dropped_when_the_server_cannot_do_it(void)
{
	struct revocation revocation;

	revocation_init(&revocation, START, START + HOUR);
	revocation_started(&revocation);
	revocation_give_up(&revocation);
	CU_ASSERT_TRUE(revocation_is_over(&revocation, START));
	CU_ASSERT_EQUAL(revocation_next(&revocation, START).action, REVOCATION_DROP);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"it_is_sent_at_its_time", it_is_sent_at_its_time},
		{"one_in_flight_is_not_sent_again", one_in_flight_is_not_sent_again},
		{"transient_failures_double_the_pause_up_to_retry_max",
		 transient_failures_double_the_pause_up_to_retry_max},
		{"a_permanent_failure_waits_for_retry_max",
		 a_permanent_failure_waits_for_retry_max},
		{"a_local_failure_backs_off_like_a_transient_one",
		 a_local_failure_backs_off_like_a_transient_one},
		{"retry_after_is_a_lower_bound_of_at_most_an_hour",
		 retry_after_is_a_lower_bound_of_at_most_an_hour},
		{"it_is_dropped_when_the_token_has_expired",
		 it_is_dropped_when_the_token_has_expired},
		{"it_is_dropped_in_mid_flight_when_the_token_has_expired",
		 it_is_dropped_in_mid_flight_when_the_token_has_expired},
		{"it_is_dropped_when_the_server_cannot_do_it",
		 it_is_dropped_when_the_server_cannot_do_it},
		CU_TEST_INFO_NULL,
	};

	return harness_run("revocation", tests);
}
