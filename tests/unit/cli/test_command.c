/* SPDX-License-Identifier: MIT */
/* refresh, revoke, suspend and resume against a broker that is played. */
#include "capture.h"
#include "fake_broker.h"
#include "harness.h"

#define ERROR_NOW                                                                                  \
	"{\"at\":\"2200-01-01T00:00:00Z\",\"reason\":\"invalid_client\",\"message\":\"no\","       \
	"\"hint\":\"check the secret\"}"

static const struct fake_status before = {.state = "valid", .generation = 7, .fetches_ok = 1};

static struct capture got;

/* The command's end with this answer and this document after it. */
static void play(enum tokenbroker_control_result result, const struct fake_status *after,
		 const char *verb)
{
	const char *const words[] = {verb, "default", "--wait", "5", NULL};
	ON_STAGE(stage);
	struct fake_broker broker = {
		.stage = &stage, .answer = fake_answer(result), .after = after};

	if (strcmp(verb, "resume") == 0)
		broker.answer.state = TOKENBROKER_SEGMENT_NONE;
	broker.answer.retry_after_ms = 1500;
	fake_show_status(&stage, &before);
	fake_start(&broker);
	capture_run(&got, words);
	fake_stop(&broker);
	CU_ASSERT_STRING_EQUAL(got.out, "");
	CU_ASSERT_STRING_EQUAL(broker.request.name, "default");
}

static void a_refresh_ends_with_the_newer_token(void)
{
	const struct fake_status after = {.state = "valid", .generation = 8, .fetches_ok = 2};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "refresh");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.err, "");
}

static void the_same_token_is_told(void)
{
	const struct fake_status after = {.state = "valid", .generation = 7, .fetches_ok = 2};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "refresh");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "same token 'default'"));
}

static void a_failed_fetch_shows_reason_and_hint(void)
{
	const struct fake_status after = {.state = "valid",
					  .generation = 7,
					  .fetches_ok = 1,
					  .fetches_failed = 1,
					  .last_error = ERROR_NOW};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "refresh");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(got.err, "tokenbroker: invalid_client: no; check the secret\n"));
	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "resume");
	CU_ASSERT_EQUAL(got.status, 1);
}

static void a_revoked_token_is_replaced(void)
{
	const struct fake_status after = {
		.state = "valid", .generation = 8, .fetches_ok = 2, .revocations_ok = 1};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "revoke");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.err, "");
}

static void a_revoked_token_without_successor_is_told(void)
{
	const struct fake_status after = {.state = "pending",
					  .generation = 7,
					  .fetches_ok = 1,
					  .fetches_failed = 1,
					  .revocations_ok = 1,
					  .last_error = ERROR_NOW};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "revoke");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "there is no new one yet"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "check the secret"));
}

static void a_server_that_does_not_revoke_is_a_failure(void)
{
	const struct fake_status after = {
		.state = "valid", .generation = 8, .fetches_ok = 2, .revocations_failed = 1};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "revoke");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "has not confirmed"));
}

static void a_token_that_disappears_ends_the_wait(void)
{
	const struct fake_status after = {0};

	play(TOKENBROKER_CONTROL_ACCEPTED, &after, "refresh");
	CU_ASSERT_EQUAL(got.status, 3);
}

static void the_answer_to_a_suspend_is_enough(void)
{
	play(TOKENBROKER_CONTROL_ACCEPTED, NULL, "suspend");
	CU_ASSERT_EQUAL(got.status, 0);
	play(TOKENBROKER_CONTROL_NOT_DURABLE, NULL, "suspend");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "will not survive a restart"));
}

static void a_refusal_ends_it_at_once(void)
{
	play(TOKENBROKER_CONTROL_TOO_SOON, NULL, "refresh");
	CU_ASSERT_EQUAL(got.status, 10);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "try again in 1500 ms"));
	play(TOKENBROKER_CONTROL_DENIED, NULL, "revoke");
	CU_ASSERT_EQUAL(got.status, 7);
	play(TOKENBROKER_CONTROL_UNKNOWN, NULL, "resume");
	CU_ASSERT_EQUAL(got.status, 3);
	play(TOKENBROKER_CONTROL_CONFLICT, NULL, "revoke");
	CU_ASSERT_EQUAL(got.status, 10);
}

static void an_outcome_that_does_not_show_times_out(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage,
				     .answer = fake_answer(TOKENBROKER_CONTROL_ACCEPTED)};

	fake_show_status(&stage, &before);
	fake_start(&broker);
	capture_words(&got, "refresh", "default", "--wait", "0.25");
	fake_stop(&broker);
	CU_ASSERT_EQUAL(got.status, 9);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "was accepted"));
}

static void not_waiting_needs_no_document(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage,
				     .answer = fake_answer(TOKENBROKER_CONTROL_ACCEPTED)};

	fake_start(&broker);
	capture_words(&got, "revoke", "default", "--wait", "0");
	fake_stop(&broker);
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.err, "");
}

static void a_command_goes_out_even_if_its_outcome_cannot_be_seen(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage,
				     .answer = fake_answer(TOKENBROKER_CONTROL_ACCEPTED)};

	fake_start(&broker);
	capture_words(&got, "revoke", "default");
	fake_stop(&broker);
	CU_ASSERT_EQUAL(broker.request.command, TOKENBROKER_CONTROL_REVOKE);
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "was accepted, but its outcome cannot be seen"));
}

static void without_a_broker_there_is_nobody_to_command(void)
{
	ON_STAGE(stage);

	fake_show_status(&stage, &before);
	capture_words(&got, "suspend", "default");
	CU_ASSERT_EQUAL(got.status, 8);
	(void)setenv("TOKENBROKER_RUNTIME_DIR", "/nowhere", 1);
	capture_words(&got, "suspend", "default");
	CU_ASSERT_EQUAL(got.status, 8);
	(void)setenv("TOKENBROKER_RUNTIME_DIR", "nowhere", 1);
	capture_words(&got, "suspend", "default");
	CU_ASSERT_EQUAL(got.status, 2);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_refresh_ends_with_the_newer_token", a_refresh_ends_with_the_newer_token},
		{"the_same_token_is_told", the_same_token_is_told},
		{"a_failed_fetch_shows_reason_and_hint", a_failed_fetch_shows_reason_and_hint},
		{"a_revoked_token_is_replaced", a_revoked_token_is_replaced},
		{"a_revoked_token_without_successor_is_told",
		 a_revoked_token_without_successor_is_told},
		{"a_server_that_does_not_revoke_is_a_failure",
		 a_server_that_does_not_revoke_is_a_failure},
		{"a_token_that_disappears_ends_the_wait", a_token_that_disappears_ends_the_wait},
		{"the_answer_to_a_suspend_is_enough", the_answer_to_a_suspend_is_enough},
		{"a_refusal_ends_it_at_once", a_refusal_ends_it_at_once},
		{"an_outcome_that_does_not_show_times_out",
		 an_outcome_that_does_not_show_times_out},
		{"not_waiting_needs_no_document", not_waiting_needs_no_document},
		{"a_command_goes_out_even_if_its_outcome_cannot_be_seen",
		 a_command_goes_out_even_if_its_outcome_cannot_be_seen},
		{"without_a_broker_there_is_nobody_to_command",
		 without_a_broker_there_is_nobody_to_command},
		CU_TEST_INFO_NULL,
	};

	return harness_run("command", tests);
}
