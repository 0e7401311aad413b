/* SPDX-License-Identifier: MIT */
#include "source/answer_json.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

static int parse_result(const char *body, size_t length)
{
	CLEANUP(answer_json_free) struct answer_json *json = NULL;

	return answer_json_parse(&json, body, length);
}

static void one_object_and_blanks_are_accepted(void)
{
	static const char *const bodies[] = {"{}", " \r\n\t{\"a\":1}\r\n\t ",
					     "{\"a\":{\"b\":[1]}}"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		CU_ASSERT_EQUAL(parse_result(bodies[i], strlen(bodies[i])), 0);
}

static void everything_else_is_refused(void)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"\"text\"",
		"1",
		"{",
		"{\"a\":1",
		"{}{}",
		"{} x",
		"<html></html>",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"\xef\xbb\xbf{}",
		"{\"a\":nul}",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		CU_ASSERT_EQUAL(parse_result(bodies[i], strlen(bodies[i])), -EBADMSG);
	CU_ASSERT_EQUAL(parse_result("{}\0", 3), -EBADMSG);
	CU_ASSERT_EQUAL(parse_result("{}", (size_t)INT32_MAX + 1), -EBADMSG);
}

static void depth_is_bounded(void)
{
	char body[200] = "{\"a\":";

	memset(body + 5, '[', 40);
	memset(body + 45, ']', 40);
	strcpy(body + 85, "}");
	CU_ASSERT_EQUAL(parse_result(body, strlen(body)), -EBADMSG);
	memset(body + 5, ' ', 20);
	memset(body + 65, ' ', 20);
	CU_ASSERT_EQUAL(parse_result(body, strlen(body)), 0);
}

static void strings_are_found_with_their_length(void)
{
	static const char body[] =
		"{\"a\":\"x\\u0000y\",\"b\":null,\"c\":5,\"d\":\"\",\"a\":\"la\\/st\"}";
	CLEANUP(answer_json_free) struct answer_json *json = NULL;
	const char *string = "untouched";
	size_t length = 77;

	CU_ASSERT_EQUAL_FATAL(answer_json_parse(&json, body, strlen(body)), 0);
	CU_ASSERT_EQUAL(answer_json_string(json, "b", &string, &length), ANSWER_JSON_ABSENT);
	CU_ASSERT_EQUAL(answer_json_string(json, "z", &string, &length), ANSWER_JSON_ABSENT);
	CU_ASSERT_EQUAL(answer_json_string(json, "c", &string, &length), ANSWER_JSON_INVALID);
	CU_ASSERT_STRING_EQUAL(string, "untouched");
	CU_ASSERT_EQUAL(length, 77);
	CU_ASSERT_EQUAL(answer_json_string(json, "d", &string, &length), ANSWER_JSON_VALID);
	CU_ASSERT_EQUAL(length, 0);
	CU_ASSERT_EQUAL(answer_json_string(json, "a", &string, &length), ANSWER_JSON_VALID);
	CU_ASSERT_STRING_EQUAL(string, "la/st"); /* of two the last one */
	CU_ASSERT_EQUAL(length, 5);
}

static void a_nul_inside_a_string_does_not_end_it(void)
{
	static const char body[] = "{\"a\":\"x\\u0000y\"}";
	CLEANUP(answer_json_free) struct answer_json *json = NULL;
	const char *string = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL_FATAL(answer_json_parse(&json, body, strlen(body)), 0);
	CU_ASSERT_EQUAL(answer_json_string(json, "a", &string, &length), ANSWER_JSON_VALID);
	CU_ASSERT_EQUAL(length, 3);
	CU_ASSERT_EQUAL(memcmp(string, "x\0y", 4), 0);
}

static void seconds_come_in_many_shapes(void)
{
	static const struct {
		const char *body;
		enum answer_json_member member;
		int64_t seconds;
	} rows[] = {
		{"{}", ANSWER_JSON_ABSENT, -1},
		{"{\"s\":null}", ANSWER_JSON_ABSENT, -1},
		{"{\"s\":3600}", ANSWER_JSON_VALID, 3600},
		{"{\"s\":1}", ANSWER_JSON_VALID, 1},
		{"{\"s\":3600.0}", ANSWER_JSON_VALID, 3600},
		{"{\"s\":3.6e3}", ANSWER_JSON_VALID, 3600},
		{"{\"s\":3600.9}", ANSWER_JSON_VALID, 3600},
		{"{\"s\":\"3600\"}", ANSWER_JSON_VALID, 3600},
		{"{\"s\":9223372036854775806}", ANSWER_JSON_VALID, INT64_MAX - 1},
		{"{\"s\":0}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":0.5}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":-1}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":-1e300}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":1e300}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":NaN}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":1e999}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":9223372036854775807}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":99999999999999999999999}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"0\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"-1\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\" 3600\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"3600s\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"3600\\u0000\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"an hour\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":\"99999999999999999999\"}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":true}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":[3600]}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":{}}", ANSWER_JSON_INVALID, -1},
		{"{\"s\":3600,\"s\":60}", ANSWER_JSON_VALID, 60},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(answer_json_free) struct answer_json *json = NULL;
		int64_t seconds = -1;

		CU_ASSERT_EQUAL_FATAL(answer_json_parse(&json, rows[i].body, strlen(rows[i].body)),
				      0);
		CU_ASSERT_EQUAL(answer_json_seconds(json, "s", &seconds), rows[i].member);
		CU_ASSERT_EQUAL(seconds, rows[i].seconds);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"one_object_and_blanks_are_accepted", one_object_and_blanks_are_accepted},
		{"everything_else_is_refused", everything_else_is_refused},
		{"depth_is_bounded", depth_is_bounded},
		{"strings_are_found_with_their_length", strings_are_found_with_their_length},
		{"a_nul_inside_a_string_does_not_end_it", a_nul_inside_a_string_does_not_end_it},
		{"seconds_come_in_many_shapes", seconds_come_in_many_shapes},
		CU_TEST_INFO_NULL,
	};

	return harness_run("answer_json", tests);
}
