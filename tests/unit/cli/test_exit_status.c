/* SPDX-License-Identifier: MIT */
#include "cli/exit_status.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "tokenbroker_segment.h"

static void every_error_of_the_library_has_its_status(void)
{
	static const struct {
		int error;
		int status;
	} table[] = {
		{0, 0},        {-ENOENT, 3},       {-EACCES, 7},      {-EPERM, 1},
		{-EPROTO, 1},  {-ENOKEY, 4},       {-EKEYEXPIRED, 5}, {-EKEYREVOKED, 6},
		{-ENOBUFS, 1}, {-ETIMEDOUT, 9},    {-EINTR, 1},       {-EINVAL, 2},
		{-ENOMEM, 1},  {-ECONNREFUSED, 8}, {-EAGAIN, 1},      {-ECONNRESET, 1},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CU_ASSERT_EQUAL(exit_status_of_error(table[i].error), table[i].status);
}

static void every_answer_of_the_broker_has_its_status(void)
{
	static const int statuses[] = {
		[TOKENBROKER_CONTROL_ACCEPTED] = 0,  [TOKENBROKER_CONTROL_NOT_DURABLE] = 1,
		[TOKENBROKER_CONTROL_STALE] = 0,     [TOKENBROKER_CONTROL_TOO_SOON] = 10,
		[TOKENBROKER_CONTROL_CONFLICT] = 10, [TOKENBROKER_CONTROL_DENIED] = 7,
		[TOKENBROKER_CONTROL_UNKNOWN] = 3,   [TOKENBROKER_CONTROL_INVALID] = 1,
		[TOKENBROKER_CONTROL_BUSY] = 1,
	};

	for (unsigned i = TOKENBROKER_CONTROL_ACCEPTED; i <= TOKENBROKER_CONTROL_BUSY; i++)
		CU_ASSERT_EQUAL(exit_status_of_result(i), statuses[i]);
	CU_ASSERT_EQUAL(exit_status_of_result(0), 1);
	CU_ASSERT_EQUAL(exit_status_of_result(77), 1);
}

static void an_error_names_the_token_and_what_to_do(void)
{
	struct error_text text;

	exit_status_explain_error(-ENOENT, "crm", &text);
	CU_ASSERT_STRING_EQUAL(text.text,
			       "no token 'crm' here: is tokenbrokerd running, and is the "
			       "name right? `tokenbroker status` lists them");
	exit_status_explain_error(-EKEYREVOKED, "crm", &text);
	CU_ASSERT_STRING_EQUAL(text.text, "token 'crm' is suspended by an administrator: "
					  "`tokenbroker resume crm` brings it back");
	exit_status_explain_error(-ENOMEM, "crm", &text);
	CU_ASSERT_PTR_EQUAL(strstr(text.text, "token 'crm': "), text.text);
}

static void an_invalid_argument_names_the_variable_it_came_from(void)
{
	struct error_text text;

	exit_status_explain_error(-EINVAL, "crm", &text);
	CU_ASSERT_STRING_EQUAL(text.text, "TOKENBROKER_RUNTIME_DIR is not an absolute path");
	exit_status_explain_error(-EINVAL, "Not A Name", &text);
	CU_ASSERT_STRING_EQUAL(text.text, "TOKENBROKER_TOKEN: 'Not A Name' is not a token name");
}

static struct tokenbroker_control_answer answer_of(uint16_t result, uint32_t state, uint32_t flags)
{
	return (struct tokenbroker_control_answer){
		.result = result,
		.state = state,
		.flags = flags,
		.retry_after_ms = 1234,
	};
}

/* What is said about an answer to the command. */
static const char *explain(const struct tokenbroker_control_answer *answer, const char *command)
{
	static struct error_text text;

	text.text[0] = '\0';
	exit_status_explain_answer(answer, command, "crm", &text);
	return text.text;
}

static void every_refusal_names_command_and_token(void)
{
	for (uint16_t result = TOKENBROKER_CONTROL_TOO_SOON; result <= TOKENBROKER_CONTROL_BUSY + 1;
	     result++) {
		const struct tokenbroker_control_answer answer = answer_of(result, 0, 0);

		CU_ASSERT_PTR_NOT_NULL(strstr(explain(&answer, "revoke"), "'crm'"));
		if (result != TOKENBROKER_CONTROL_UNKNOWN)
			CU_ASSERT_PTR_NOT_NULL(strstr(explain(&answer, "revoke"), "revoke"));
	}
}

static void too_soon_says_how_long(void)
{
	const struct tokenbroker_control_answer answer =
		answer_of(TOKENBROKER_CONTROL_TOO_SOON, 0, 0);

	CU_ASSERT_STRING_EQUAL(explain(&answer, "refresh"),
			       "too soon to refresh 'crm': try again in 1234 ms");
}

static void a_conflict_says_with_what(void)
{
	static const struct {
		const char *command;
		uint32_t state;
		uint32_t flags;
		const char *word;
	} table[] = {
		{"refresh", TOKENBROKER_SEGMENT_SUSPENDED, 0,
		 "is suspended; `tokenbroker resume crm`"},
		{"resume", TOKENBROKER_SEGMENT_SUSPENDED, 0, "state directory"},
		{"revoke", TOKENBROKER_SEGMENT_VALID, TOKENBROKER_CONTROL_NO_REVOKE_URL,
		 "revoke_url"},
		{"revoke", TOKENBROKER_SEGMENT_EXPIRED, 0, "no current token"},
		{"revoke", TOKENBROKER_SEGMENT_VALID, 0, "something else"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct tokenbroker_control_answer answer =
			answer_of(TOKENBROKER_CONTROL_CONFLICT, table[i].state, table[i].flags);

		CU_ASSERT_PTR_NOT_NULL(strstr(explain(&answer, table[i].command), table[i].word));
	}
}

static void not_durable_and_stale_are_explained(void)
{
	const struct tokenbroker_control_answer loose =
		answer_of(TOKENBROKER_CONTROL_NOT_DURABLE, 0, 0);
	const struct tokenbroker_control_answer stale = answer_of(TOKENBROKER_CONTROL_STALE, 0, 0);

	CU_ASSERT_PTR_NOT_NULL(strstr(explain(&loose, "suspend"), "will not survive a restart"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explain(&stale, "reject"), "read it again"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_error_of_the_library_has_its_status",
		 every_error_of_the_library_has_its_status},
		{"every_answer_of_the_broker_has_its_status",
		 every_answer_of_the_broker_has_its_status},
		{"an_error_names_the_token_and_what_to_do",
		 an_error_names_the_token_and_what_to_do},
		{"an_invalid_argument_names_the_variable_it_came_from",
		 an_invalid_argument_names_the_variable_it_came_from},
		{"every_refusal_names_command_and_token", every_refusal_names_command_and_token},
		{"too_soon_says_how_long", too_soon_says_how_long},
		{"a_conflict_says_with_what", a_conflict_says_with_what},
		{"not_durable_and_stale_are_explained", not_durable_and_stale_are_explained},
		CU_TEST_INFO_NULL,
	};

	return harness_run("exit_status", tests);
}
