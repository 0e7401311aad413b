/* SPDX-License-Identifier: MIT */
#include "httpd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"
#include "tokenbroker_segment.h"

#define OBJECT "{\"name\":\"default\",\"state\":\"valid\"}\n"

static struct answer ask(const struct tokenbroker_control_answer *answer, const char *object)
{
	CLEANUP(shared_text) struct shared_text *accepted = NULL;
	struct answer ret = {.status = 0};

	if (object != NULL)
		accepted = shared_text_new(object, strlen(object));
	command_answer("default", 0, answer, accepted, &ret);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ret.body);
	return ret;
}

static struct answer ask_result(enum tokenbroker_control_result result)
{
	const struct tokenbroker_control_answer answer = {.result = (uint16_t)result};

	return ask(&answer, OBJECT);
}

static bool has_detail(const struct answer *answer, const char *words)
{
	return strcmp(answer->content_type, "application/problem+json") == 0 &&
	       strstr(answer->body->data, words) != NULL;
}

static void accepted_is_202_with_the_token(void)
{
	CLEANUP(answer) struct answer answer = ask_result(TOKENBROKER_CONTROL_ACCEPTED);

	CU_ASSERT_EQUAL(answer.status, 202);
	CU_ASSERT_STRING_EQUAL(answer.content_type, "application/json");
	CU_ASSERT_STRING_EQUAL(answer.body->data, OBJECT);
	CU_ASSERT_EQUAL(answer.retry_after_s, 0);
}

static void without_a_document_the_name_is_what_is_known(void)
{
	const struct tokenbroker_control_answer accepted = {.result = TOKENBROKER_CONTROL_ACCEPTED};
	const struct tokenbroker_control_answer weak = {.result = TOKENBROKER_CONTROL_NOT_DURABLE};
	CLEANUP(answer) struct answer plain = ask(&accepted, NULL);
	CLEANUP(answer) struct answer warned = ask(&weak, NULL);

	CU_ASSERT_EQUAL(plain.status, 202);
	CU_ASSERT_STRING_EQUAL(plain.body->data, "{\"name\":\"default\"}\n");
	CU_ASSERT_EQUAL(warned.status, 202);
	CU_ASSERT_PTR_NOT_NULL(strstr(warned.body->data, "broker\",\"name\":\"default\"}\n"));
}

static void not_durable_is_202_with_a_warning_as_a_member(void)
{
	CLEANUP(answer) struct answer answer = ask_result(TOKENBROKER_CONTROL_NOT_DURABLE);

	CU_ASSERT_EQUAL(answer.status, 202);
	CU_ASSERT_STRING_EQUAL(answer.content_type, "application/json");
	CU_ASSERT_STRING_EQUAL(
		answer.body->data,
		"{\"warning\":\"accepted, but not saved: it will not survive a "
		"restart of the broker\",\"name\":\"default\",\"state\":\"valid\"}\n");
	CU_ASSERT_EQUAL(answer.body->length, strlen(answer.body->data));
}

static unsigned retry_after(enum tokenbroker_control_result result, uint64_t ms, unsigned status)
{
	const struct tokenbroker_control_answer answer = {.result = (uint16_t)result,
							  .retry_after_ms = ms};
	CLEANUP(answer) struct answer ret = ask(&answer, OBJECT);

	CU_ASSERT_EQUAL(ret.status, status);
	return ret.retry_after_s;
}

static void too_soon_is_429_and_says_when_in_whole_seconds(void)
{
	const enum tokenbroker_control_result too_soon = TOKENBROKER_CONTROL_TOO_SOON;

	CU_ASSERT_EQUAL(retry_after(too_soon, 0, 429), 1);
	CU_ASSERT_EQUAL(retry_after(too_soon, 1, 429), 1);
	CU_ASSERT_EQUAL(retry_after(too_soon, 1000, 429), 1);
	CU_ASSERT_EQUAL(retry_after(too_soon, 1001, 429), 2);
	CU_ASSERT_EQUAL(retry_after(too_soon, 86400000, 429), 86400);
	CU_ASSERT_EQUAL(retry_after(too_soon, 86400001, 429), 86400);
	CU_ASSERT_EQUAL(retry_after(too_soon, UINT64_MAX, 429), 86400);
}

static void busy_is_503_and_says_when(void)
{
	CU_ASSERT_EQUAL(retry_after(TOKENBROKER_CONTROL_BUSY, 0, 503), 1);
	CU_ASSERT_EQUAL(retry_after(TOKENBROKER_CONTROL_BUSY, 2500, 503), 3);
}

static void check_conflict(const struct tokenbroker_control_answer *answer, const char *words)
{
	CLEANUP(answer) struct answer ret = ask(answer, OBJECT);

	CU_ASSERT_EQUAL(ret.status, 409);
	CU_ASSERT(has_detail(&ret, words));
}

static void a_conflict_is_409_and_says_with_what(void)
{
	const struct tokenbroker_control_answer suspended = {
		.result = TOKENBROKER_CONTROL_CONFLICT,
		.state = TOKENBROKER_SEGMENT_SUSPENDED,
		.flags = TOKENBROKER_CONTROL_NO_REVOKE_URL,
	};
	const struct tokenbroker_control_answer no_address = {
		.result = TOKENBROKER_CONTROL_CONFLICT,
		.state = TOKENBROKER_SEGMENT_VALID,
		.flags = TOKENBROKER_CONTROL_NO_REVOKE_URL,
	};
	const struct tokenbroker_control_answer none = {.result = TOKENBROKER_CONTROL_CONFLICT};
	const struct tokenbroker_control_answer stale = {.result = TOKENBROKER_CONTROL_STALE};

	check_conflict(&suspended, "token default is suspended: resume it first");
	check_conflict(&no_address, "no revocation address");
	check_conflict(&none, "no current token to revoke");
	check_conflict(&stale, "no current token to revoke");
}

static void check_refusal(unsigned result, unsigned status, const char *words)
{
	const struct tokenbroker_control_answer answer = {.result = (uint16_t)result};
	CLEANUP(answer) struct answer ret = ask(&answer, OBJECT);

	CU_ASSERT_EQUAL(ret.status, status);
	CU_ASSERT(has_detail(&ret, words));
	CU_ASSERT_EQUAL(ret.retry_after_s, 0);
}

static void every_other_result_is_an_error_with_a_reason(void)
{
	check_refusal(TOKENBROKER_CONTROL_DENIED, 403, "administrators");
	check_refusal(TOKENBROKER_CONTROL_UNKNOWN, 404, "there is no token default");
	check_refusal(TOKENBROKER_CONTROL_INVALID, 400, "did not understand");
	check_refusal(0, 503, "another version");
	check_refusal(10, 503, "another version");
	check_refusal(UINT16_MAX, 503, "another version");
}

static void check_error(int error, const char *words)
{
	CLEANUP(answer) struct answer ret = {.status = 0};

	command_answer("default", error, NULL, NULL, &ret);
	CU_ASSERT_EQUAL(ret.status, 503);
	CU_ASSERT_EQUAL(ret.retry_after_s, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ret.body);
	CU_ASSERT(has_detail(&ret, words));
}

static void a_broker_that_does_not_answer_is_503_with_a_reason(void)
{
	check_error(-ECONNREFUSED, "no broker is running: start tokenbrokerd");
	check_error(-EAGAIN, "the broker is busy");
	check_error(-ETIMEDOUT, "has not answered in time");
	check_error(-EPROTO, "cannot be asked: Protocol error");
	check_error(-ECONNRESET, "cannot be asked: Connection reset");
}

/* --- the request ------------------------------------------------------------------------------ */

static void a_command_over_tcp_is_the_access_tokens(void)
{
	const struct peer peer = {.address = "127.0.0.1", .uid = 7, .gid = 8, .group_count = 1};
	const struct tokenbroker_control_request request =
		command_request(TOKENBROKER_CONTROL_REVOKE, "default", &peer);

	CU_ASSERT_EQUAL(request.magic, TOKENBROKER_CONTROL_MAGIC);
	CU_ASSERT_EQUAL(request.command, TOKENBROKER_CONTROL_REVOKE);
	CU_ASSERT_STRING_EQUAL(request.name, "default");
	CU_ASSERT_EQUAL(request.origin, TOKENBROKER_CONTROL_ACCESS_TOKEN);
	CU_ASSERT_EQUAL(request.origin_uid, 0);
	CU_ASSERT_EQUAL(request.origin_group_count, 0);
}

static void a_command_over_the_unix_socket_is_its_callers(void)
{
	struct peer peer = {.is_unix = true, .uid = 1000, .gid = 1001};
	struct tokenbroker_control_request request;

	peer.group_count = TOKENBROKER_CONTROL_GROUPS;
	for (size_t i = 0; i < TOKENBROKER_CONTROL_GROUPS; i++)
		peer.groups[i] = (gid_t)(2000 + i);
	request = command_request(TOKENBROKER_CONTROL_SUSPEND, "etl", &peer);
	CU_ASSERT_EQUAL(request.origin, TOKENBROKER_CONTROL_USER);
	CU_ASSERT_EQUAL(request.origin_uid, 1000);
	CU_ASSERT_EQUAL(request.origin_gid, 1001);
	CU_ASSERT_EQUAL(request.origin_group_count, TOKENBROKER_CONTROL_GROUPS);
	CU_ASSERT_EQUAL(request.origin_groups[0], 2000);
	CU_ASSERT_EQUAL(request.origin_groups[TOKENBROKER_CONTROL_GROUPS - 1],
			2000 + TOKENBROKER_CONTROL_GROUPS - 1);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"accepted_is_202_with_the_token", accepted_is_202_with_the_token},
		{"without_a_document_the_name_is_what_is_known",
		 without_a_document_the_name_is_what_is_known},
		{"not_durable_is_202_with_a_warning_as_a_member",
		 not_durable_is_202_with_a_warning_as_a_member},
		{"too_soon_is_429_and_says_when_in_whole_seconds",
		 too_soon_is_429_and_says_when_in_whole_seconds},
		{"busy_is_503_and_says_when", busy_is_503_and_says_when},
		{"a_conflict_is_409_and_says_with_what", a_conflict_is_409_and_says_with_what},
		{"every_other_result_is_an_error_with_a_reason",
		 every_other_result_is_an_error_with_a_reason},
		{"a_broker_that_does_not_answer_is_503_with_a_reason",
		 a_broker_that_does_not_answer_is_503_with_a_reason},
		{"a_command_over_tcp_is_the_access_tokens",
		 a_command_over_tcp_is_the_access_tokens},
		{"a_command_over_the_unix_socket_is_its_callers",
		 a_command_over_the_unix_socket_is_its_callers},
		CU_TEST_INFO_NULL,
	};

	return harness_run("command_answer", tests);
}
