/* SPDX-License-Identifier: MIT */
#include "control/request.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

static struct tokenbroker_control_request good_request(void)
{
	return (struct tokenbroker_control_request){
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REFRESH,
		.name = "default",
	};
}

static bool is_accepted(const struct tokenbroker_control_request *request)
{
	struct tokenbroker_control_request parsed;
	bool is_ok;

	memset(&parsed, 0x5a, sizeof(parsed));
	is_ok = control_request_parse(request, sizeof(*request), &parsed);
	if (is_ok) {
		CU_ASSERT_EQUAL(memcmp(&parsed, request, sizeof(parsed)), 0);
	} else {
		CU_ASSERT_EQUAL(parsed.magic, 0x5a5a5a5a);
	}
	return is_ok;
}

static void every_command_is_accepted(void)
{
	for (uint16_t command = TOKENBROKER_CONTROL_REJECT; command <= TOKENBROKER_CONTROL_RESUME;
	     command++) {
		struct tokenbroker_control_request request = good_request();

		request.command = command;
		request.generation = command == TOKENBROKER_CONTROL_REJECT ? 7 : 0;
		CU_ASSERT_TRUE(is_accepted(&request));
	}
}

static void another_length_is_refused(void)
{
	struct {
		struct tokenbroker_control_request request;
		char more;
	} message = {.request = good_request()};
	struct tokenbroker_control_request parsed;

	CU_ASSERT_FALSE(control_request_parse(&message, 0, &parsed));
	CU_ASSERT_FALSE(control_request_parse(&message, sizeof(parsed) - 1, &parsed));
	CU_ASSERT_FALSE(control_request_parse(&message, sizeof(parsed) + 1, &parsed));
	CU_ASSERT_TRUE(control_request_parse(&message, sizeof(parsed), &parsed));
}

static void another_magic_or_version_is_refused(void)
{
	struct tokenbroker_control_request request = good_request();

	request.magic ^= 1;
	CU_ASSERT_FALSE(is_accepted(&request));
	request = good_request();
	request.version = TOKENBROKER_CONTROL_VERSION + 1;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.version = 0;
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void an_unknown_command_is_refused(void)
{
	struct tokenbroker_control_request request = good_request();

	request.command = 0;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.command = TOKENBROKER_CONTROL_RESUME + 1;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.command = UINT16_MAX;
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void a_name_must_be_a_token_name_and_zero_padded(void)
{
	struct tokenbroker_control_request request = good_request();

	request.name[0] = '\0';
	CU_ASSERT_FALSE(is_accepted(&request));
	request = good_request();
	memset(request.name, 'a', sizeof(request.name)); /* without an end */
	CU_ASSERT_FALSE(is_accepted(&request));
	memset(request.name + 49, 0, sizeof(request.name) - 49);
	CU_ASSERT_FALSE(is_accepted(&request)); /* 49 characters */
	request.name[48] = '\0';
	CU_ASSERT_TRUE(is_accepted(&request));
	request = good_request();
	memcpy(request.name, "../etc", 7);
	CU_ASSERT_FALSE(is_accepted(&request));
	request = good_request();
	request.name[63] = 'x'; /* behind the NUL */
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void only_a_rejection_names_a_generation(void)
{
	struct tokenbroker_control_request request = good_request();

	request.generation = 1;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.command = TOKENBROKER_CONTROL_REJECT;
	CU_ASSERT_TRUE(is_accepted(&request));
	request.generation = 0;
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void reserved_bytes_must_be_zero(void)
{
	for (size_t i = 0; i < sizeof(good_request().reserved); i++) {
		struct tokenbroker_control_request request = good_request();

		request.reserved[i] = 1;
		CU_ASSERT_FALSE(is_accepted(&request));
	}
}

static void only_the_origin_of_a_user_has_ids(void)
{
	const uint32_t without[] = {TOKENBROKER_CONTROL_SELF, TOKENBROKER_CONTROL_ACCESS_TOKEN};

	for (size_t i = 0; i < 2; i++) {
		struct tokenbroker_control_request request = good_request();

		request.origin = without[i];
		CU_ASSERT_TRUE(is_accepted(&request));
		request.origin_uid = 1;
		CU_ASSERT_FALSE(is_accepted(&request));
		request.origin_uid = 0;
		request.origin_gid = 1;
		CU_ASSERT_FALSE(is_accepted(&request));
		request.origin_gid = 0;
		request.origin_group_count = 1;
		CU_ASSERT_FALSE(is_accepted(&request));
		request.origin_group_count = 0;
		request.origin_groups[0] = 1;
		CU_ASSERT_FALSE(is_accepted(&request));
	}
}

static void an_unknown_origin_is_refused(void)
{
	struct tokenbroker_control_request request = good_request();

	request.origin = 3;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.origin = UINT32_MAX;
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void the_groups_of_an_origin_are_bounded(void)
{
	struct tokenbroker_control_request request = good_request();

	request.origin = TOKENBROKER_CONTROL_USER;
	request.origin_uid = 1007;
	request.origin_gid = 100;
	CU_ASSERT_TRUE(is_accepted(&request));
	request.origin_group_count = TOKENBROKER_CONTROL_GROUPS;
	request.origin_groups[TOKENBROKER_CONTROL_GROUPS - 1] = 5;
	CU_ASSERT_TRUE(is_accepted(&request));
	request.origin_group_count--; /* one behind the last */
	CU_ASSERT_FALSE(is_accepted(&request));
	request.origin_group_count = TOKENBROKER_CONTROL_GROUPS + 1;
	CU_ASSERT_FALSE(is_accepted(&request));
	request.origin_group_count = UINT32_MAX;
	CU_ASSERT_FALSE(is_accepted(&request));
}

static void an_answer_holds_nothing_but_its_result(void)
{
	struct tokenbroker_control_answer expected = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.result = TOKENBROKER_CONTROL_STALE,
	};
	struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_STALE);

	CU_ASSERT_EQUAL(memcmp(&answer, &expected, sizeof(answer)), 0);
}

static void a_pause_in_an_answer_is_never_negative(void)
{
	CU_ASSERT_EQUAL(control_answer_later(TOKENBROKER_CONTROL_TOO_SOON, 1500).retry_after_ms,
			1500);
	CU_ASSERT_EQUAL(control_answer_later(TOKENBROKER_CONTROL_TOO_SOON, 0).retry_after_ms, 0);
	CU_ASSERT_EQUAL(control_answer_later(TOKENBROKER_CONTROL_BUSY, -5).retry_after_ms, 0);
	CU_ASSERT_EQUAL(control_answer_later(TOKENBROKER_CONTROL_BUSY, -5).result,
			TOKENBROKER_CONTROL_BUSY);
}

static void every_number_has_a_name(void)
{
	CU_ASSERT_STRING_EQUAL(control_command_name(0), "unknown");
	CU_ASSERT_STRING_EQUAL(control_command_name(TOKENBROKER_CONTROL_REJECT), "reject");
	CU_ASSERT_STRING_EQUAL(control_command_name(TOKENBROKER_CONTROL_RESUME), "resume");
	CU_ASSERT_STRING_EQUAL(control_command_name(6), "unknown");
	CU_ASSERT_STRING_EQUAL(control_result_name(0), "unknown");
	for (unsigned i = TOKENBROKER_CONTROL_ACCEPTED; i <= TOKENBROKER_CONTROL_BUSY; i++)
		CU_ASSERT_STRING_NOT_EQUAL(control_result_name(i), "unknown");
	CU_ASSERT_STRING_EQUAL(control_result_name(TOKENBROKER_CONTROL_BUSY + 1), "unknown");
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(every_command_is_accepted),
		TEST(another_length_is_refused),
		TEST(another_magic_or_version_is_refused),
		TEST(an_unknown_command_is_refused),
		TEST(a_name_must_be_a_token_name_and_zero_padded),
		TEST(only_a_rejection_names_a_generation),
		TEST(reserved_bytes_must_be_zero),
		TEST(only_the_origin_of_a_user_has_ids),
		TEST(an_unknown_origin_is_refused),
		TEST(the_groups_of_an_origin_are_bounded),
		TEST(an_answer_holds_nothing_but_its_result),
		TEST(a_pause_in_an_answer_is_never_negative),
		TEST(every_number_has_a_name),
		CU_TEST_INFO_NULL,
	};

	return harness_run("request", tests);
}
