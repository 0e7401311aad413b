/* SPDX-License-Identifier: MIT */
#include "cli/outcome.h"

#include <string.h>

#include "harness.h"
#include "tokenbroker_segment.h"

enum { NOW_S = 1000, START_S = 500, OLD = 7 };

/* A broker with one token, as it was before the command. */
struct scene {
	struct status_view view;
	struct status_view_token token;
	struct status_view_revocation revocation;
	struct outcome_baseline baseline;
};

static void set(struct scene *scene, enum tokenbroker_control_command command)
{
	const struct tokenbroker_control_answer answer = {
		.result = TOKENBROKER_CONTROL_ACCEPTED,
		.generation = OLD,
		.state = command == TOKENBROKER_CONTROL_RESUME ? TOKENBROKER_SEGMENT_NONE
							       : TOKENBROKER_SEGMENT_VALID,
	};

	memset(scene, 0, sizeof(*scene));
	scene->token = (struct status_view_token){
		.name = "crm",
		.state = command == TOKENBROKER_CONTROL_RESUME ? STATUS_VIEW_SUSPENDED
							       : STATUS_VIEW_VALID,
		.generation = OLD,
		.fingerprint = "0123456789ab",
		.expires_at_s = NOW_S + 3600,
		.has_last_error = true,
		.last_error = {.at_s = NOW_S - 1},
		.counters = {.fetches_ok = 3,
			     .fetches_failed = 2,
			     .revocations_ok = 1,
			     .revocations_failed = 1},
	};
	scene->view = (struct status_view){
		.started_at_s = START_S, .tokens = &scene->token, .token_count = 1};
	outcome_baseline_init(&scene->baseline, command, &scene->view, "crm", NOW_S);
	outcome_baseline_accepted(&scene->baseline, &answer);
}

static enum outcome judge(const struct scene *scene)
{
	return outcome_judge(&scene->baseline, &scene->view, "crm", NOW_S);
}

static void nothing_has_happened_yet(void)
{
	static const enum tokenbroker_control_command commands[] = {TOKENBROKER_CONTROL_REFRESH,
								    TOKENBROKER_CONTROL_REVOKE,
								    TOKENBROKER_CONTROL_RESUME};
	struct scene scene;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		set(&scene, commands[i]);
		CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	}
}

static void a_newer_token_ends_a_refresh(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.token.generation = OLD + 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
	scene.token.expires_at_s = NOW_S;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
}

static void the_answer_may_know_a_newer_token_than_the_document(void)
{
	const struct tokenbroker_control_answer answer = {.generation = OLD + 1};
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	outcome_baseline_accepted(&scene.baseline, &answer);
	scene.token.generation = OLD + 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	scene.token.generation = OLD + 2;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void the_same_token_again_ends_a_refresh_too(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.token.counters.fetches_ok++;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE_SAME_TOKEN);
}

static void a_failed_fetch_ends_a_refresh(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.token.counters.fetches_failed++;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN); /* the error is older than the command */
	scene.token.last_error.at_s = NOW_S;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_FETCH_FAILED);
	scene.token.has_last_error = false;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
}

static void a_restarted_broker_counts_from_zero(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.view.started_at_s = NOW_S + 1;
	scene.token.last_error.at_s = NOW_S + 1;
	scene.token.counters.fetches_ok = 0;
	scene.token.counters.fetches_failed = 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_FETCH_FAILED);
	scene.token.counters.fetches_failed = 0;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
}

static void a_resumed_token_is_fetched_anew(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_RESUME);
	scene.token.state = STATUS_VIEW_PENDING;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	scene.token.state = STATUS_VIEW_VALID;
	scene.token.generation = OLD + 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void resuming_what_is_not_suspended_is_done(void)
{
	const struct tokenbroker_control_answer answer = {.generation = OLD,
							  .state = TOKENBROKER_SEGMENT_VALID};
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_RESUME);
	outcome_baseline_accepted(&scene.baseline, &answer);
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void a_revoked_token_is_replaced_and_dead_at_the_server(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REVOKE);
	scene.token.generation = OLD + 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN); /* the server has not answered yet */
	scene.token.counters.revocations_ok++;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void another_tokens_revocation_does_not_count(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REVOKE);
	scene.token.generation = OLD + 1;
	scene.token.counters.revocations_ok++;
	scene.token.pending_revocations = &scene.revocation;
	scene.token.pending_revocation_count = 1;
	strcpy(scene.revocation.fingerprint, "0123456789ab");
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	strcpy(scene.revocation.fingerprint, "ba9876543210");
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void a_token_revoked_without_successor_is_gone_all_the_same(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REVOKE);
	scene.token.counters.fetches_failed++;
	scene.token.last_error.at_s = NOW_S;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN); /* the broker has not withdrawn it yet */
	scene.token.state = STATUS_VIEW_PENDING;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	scene.token.counters.revocations_ok++;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE_NO_TOKEN);
}

static void a_server_that_will_not_revoke_is_a_failure(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REVOKE);
	scene.token.counters.revocations_failed++;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN); /* not this token: it is still published */
	scene.token.generation = OLD + 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_REVOCATION_FAILED);
}

static void a_token_that_leaves_the_configuration_is_gone(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.view.token_count = 0;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_GONE);
}

static void a_token_that_was_not_there_before_counts_from_zero(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_REFRESH);
	scene.view.token_count = 0;
	outcome_baseline_init(&scene.baseline, TOKENBROKER_CONTROL_REFRESH, &scene.view, "crm",
			      NOW_S);
	scene.view.token_count = 1;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

static void a_suspension_ends_when_the_document_shows_it(void)
{
	struct scene scene;

	set(&scene, TOKENBROKER_CONTROL_SUSPEND);
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_OPEN);
	scene.token.state = STATUS_VIEW_SUSPENDED;
	CU_ASSERT_EQUAL(judge(&scene), OUTCOME_DONE);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"nothing_has_happened_yet", nothing_has_happened_yet},
		{"a_newer_token_ends_a_refresh", a_newer_token_ends_a_refresh},
		{"the_answer_may_know_a_newer_token_than_the_document",
		 the_answer_may_know_a_newer_token_than_the_document},
		{"the_same_token_again_ends_a_refresh_too",
		 the_same_token_again_ends_a_refresh_too},
		{"a_failed_fetch_ends_a_refresh", a_failed_fetch_ends_a_refresh},
		{"a_restarted_broker_counts_from_zero", a_restarted_broker_counts_from_zero},
		{"a_resumed_token_is_fetched_anew", a_resumed_token_is_fetched_anew},
		{"resuming_what_is_not_suspended_is_done", resuming_what_is_not_suspended_is_done},
		{"a_revoked_token_is_replaced_and_dead_at_the_server",
		 a_revoked_token_is_replaced_and_dead_at_the_server},
		{"another_tokens_revocation_does_not_count",
		 another_tokens_revocation_does_not_count},
		{"a_token_revoked_without_successor_is_gone_all_the_same",
		 a_token_revoked_without_successor_is_gone_all_the_same},
		{"a_server_that_will_not_revoke_is_a_failure",
		 a_server_that_will_not_revoke_is_a_failure},
		{"a_token_that_leaves_the_configuration_is_gone",
		 a_token_that_leaves_the_configuration_is_gone},
		{"a_token_that_was_not_there_before_counts_from_zero",
		 a_token_that_was_not_there_before_counts_from_zero},
		{"a_suspension_ends_when_the_document_shows_it",
		 a_suspension_ends_when_the_document_shows_it},
		CU_TEST_INFO_NULL,
	};

	return harness_run("outcome", tests);
}
