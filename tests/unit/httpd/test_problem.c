/* SPDX-License-Identifier: MIT */
#include "httpd/problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

#define NOT_FOUND "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":"

static void check_detail(const char *detail, const char *expected)
{
	CLEANUP(answer) struct answer answer = {.status = 0};

	problem_set(&answer, 404, "%s", detail);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.body);
	CU_ASSERT_STRING_EQUAL(answer.body->data, expected);
	CU_ASSERT_EQUAL(answer.body->length, strlen(answer.body->data));
}

static void it_has_type_title_status_and_detail(void)
{
	CLEANUP(answer) struct answer answer = {.status = 0};

	problem_set(&answer, 429, "again in %d s", 7);
	CU_ASSERT_EQUAL(answer.status, 429);
	CU_ASSERT_STRING_EQUAL(answer.content_type, "application/problem+json");
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.body);
	CU_ASSERT_STRING_EQUAL(answer.body->data,
			       "{\"type\":\"about:blank\",\"title\":\"Too Many Requests\","
			       "\"status\":429,\"detail\":\"again in 7 s\"}\n");
}

static void what_would_break_the_text_is_escaped_or_replaced(void)
{
	check_detail("", NOT_FOUND "\"\"}\n");
	check_detail("a \"b\" \\c", NOT_FOUND "\"a \\\"b\\\" \\\\c\"}\n");
	check_detail("a\nb\tc\x7f\x1b", NOT_FOUND "\"a?b?c??\"}\n");
	check_detail("d\xc3\xa9\xff", NOT_FOUND "\"d???\"}\n");
	check_detail("<b>&'/", NOT_FOUND "\"<b>&'/\"}\n");
}

/* Every byte needs an escape, and it still ends as JSON has to. */
static void a_long_detail_is_cut_and_the_text_stays_whole(void)
{
	static const char end[] = "\\\"\"}\n";
	CLEANUP(answer) struct answer answer = {.status = 0};
	char detail[4096];

	memset(detail, '"', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	problem_set(&answer, 500, "%s", detail);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.body);
	CU_ASSERT(answer.body->length > 1000 && answer.body->length < 1200);
	CU_ASSERT_STRING_EQUAL(answer.body->data + answer.body->length - strlen(end), end);
}

static void the_last_one_counts_and_the_rest_of_the_answer_stays(void)
{
	CLEANUP(answer) struct answer answer = {.retry_after_s = 3};

	problem_set(&answer, 404, "first");
	problem_set(&answer, 503, "second");
	CU_ASSERT_EQUAL(answer.status, 503);
	CU_ASSERT_EQUAL(answer.retry_after_s, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.body);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.body->data, "\"detail\":\"second\""));
}

static void every_status_of_ours_has_its_title(void)
{
	static const unsigned statuses[] = {400, 401, 403, 404, 405, 409,
					    413, 415, 421, 429, 500, 503};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		CU_ASSERT(strlen(problem_title(statuses[i])) > 0);
	CU_ASSERT_STRING_EQUAL(problem_title(421), "Misdirected Request");
	CU_ASSERT_STRING_EQUAL(problem_title(200), "");
	CU_ASSERT_STRING_EQUAL(problem_title(0), "");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"it_has_type_title_status_and_detail", it_has_type_title_status_and_detail},
		{"what_would_break_the_text_is_escaped_or_replaced",
		 what_would_break_the_text_is_escaped_or_replaced},
		{"a_long_detail_is_cut_and_the_text_stays_whole",
		 a_long_detail_is_cut_and_the_text_stays_whole},
		{"the_last_one_counts_and_the_rest_of_the_answer_stays",
		 the_last_one_counts_and_the_rest_of_the_answer_stays},
		{"every_status_of_ours_has_its_title", every_status_of_ours_has_its_title},
		CU_TEST_INFO_NULL,
	};

	return harness_run("problem", tests);
}
