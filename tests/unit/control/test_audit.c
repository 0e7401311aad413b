/* SPDX-License-Identifier: MIT */
#include "control/audit.h"

#include <string.h>

#include "control/authorize.h"
#include "control/request.h"
#include "harness.h"

static struct tokenbroker_control_request request_of(unsigned command, const char *name)
{
	struct tokenbroker_control_request request = {.command = (uint16_t)command};

	memcpy(request.name, name, strlen(name));
	return request;
}

static void a_command_is_told_in_one_line(void)
{
	struct tokenbroker_control_request request =
		request_of(TOKENBROKER_CONTROL_SUSPEND, "default");
	struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_NOT_DURABLE);
	char line[AUDIT_LINE_BYTES];

	CU_ASSERT_STRING_EQUAL(
		audit_line(&request, "uid 0 via tokenbroker-httpd (uid 995)", &answer, line),
		"audit: suspend of token default by uid 0 via tokenbroker-httpd "
		"(uid 995): accepted but not durable");
}

static void a_rejection_names_its_generation(void)
{
	struct tokenbroker_control_request request =
		request_of(TOKENBROKER_CONTROL_REJECT, "default");
	struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_ACCEPTED);
	char line[AUDIT_LINE_BYTES];

	request.generation = 1795428003;
	CU_ASSERT_STRING_EQUAL(audit_line(&request, "uid 1007", &answer, line),
			       "audit: reject of token default generation 1795428003 by uid 1007: "
			       "accepted");
}

static void too_soon_says_when_to_come_again(void)
{
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REFRESH, "a");
	struct tokenbroker_control_answer answer =
		control_answer_later(TOKENBROKER_CONTROL_TOO_SOON, 800);
	char line[AUDIT_LINE_BYTES];

	CU_ASSERT_STRING_EQUAL(audit_line(&request, "uid 0", &answer, line),
			       "audit: refresh of token a by uid 0: too soon, again in 800 ms");
}

static void the_longest_line_has_room(void)
{
	struct tokenbroker_control_request request = request_of(
		TOKENBROKER_CONTROL_REJECT, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_TOO_SOON);
	char who[CONTROL_WHO_BYTES];
	char line[AUDIT_LINE_BYTES];
	const char *end = ", again in 18446744073709551615 ms";

	request.generation = UINT64_MAX;
	answer.retry_after_ms = UINT64_MAX;
	memset(who, 'w', sizeof(who) - 1);
	who[sizeof(who) - 1] = '\0';
	audit_line(&request, who, &answer, line);
	CU_ASSERT_STRING_EQUAL(line + strlen(line) - strlen(end), end);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_command_is_told_in_one_line),
		TEST(a_rejection_names_its_generation),
		TEST(too_soon_says_when_to_come_again),
		TEST(the_longest_line_has_room),
		CU_TEST_INFO_NULL,
	};

	return harness_run("audit", tests);
}
