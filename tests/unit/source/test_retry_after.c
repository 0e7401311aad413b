/* SPDX-License-Identifier: MIT */
#include "source/retry_after.h"

#include <stddef.h>

#include "base/clock.h"
#include "harness.h"

struct row {
	const char *value;
	int64_t expected_ms;
};

static void check(const struct row *rows, size_t count, int64_t now_s)
{
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_EQUAL(retry_after_parse(rows[i].value, now_s * NS_PER_S),
				rows[i].expected_ms);
}

#define CHECK(rows, now_s) check(rows, sizeof(rows) / sizeof((rows)[0]), now_s)

static void seconds_are_taken_up_to_an_hour(void)
{
	static const struct row rows[] = {
		{"0", 0},
		{"1", 1000},
		{"0120", 120000},
		{"3599", 3599000},
		{"3600", 3600000},
		{"3601", 3600000},
		{"344000000", 3600000},
		{"99999999999999999999999999999999", 3600000},
	};

	CHECK(rows, 0);
}

static void all_three_forms_of_a_date_are_understood(void)
{
	/* 784111777 is the moment that RFC 9110 5.6.7 writes in each of them. */
	static const struct row rows[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 60000},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 60000},
		{"Sun Nov  6 08:49:37 1994", 60000},
		{"Sun, 06 Nov 1994 09:49:37 GMT", 3600000},
		{"Sun, 06 Nov 2094 08:49:37 GMT", 3600000},
		{"Sun, 06 Nov 1994 08:48:37 GMT", 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	};

	CHECK(rows, 784111777 - 60);
}

static void rubbish_asks_for_no_pause(void)
{
	static const struct row rows[] = {
		{"", 0},
		{"-5", 0},
		{"5 s", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Sun, 06 Nov 1994 08:49:37 GMT+1", 0},
		{"Sun, 99 Nov 1994 08:49:37 GMT", 0},
	};

	CHECK(rows, 784111777 - 60);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"seconds_are_taken_up_to_an_hour", seconds_are_taken_up_to_an_hour},
		{"all_three_forms_of_a_date_are_understood",
		 all_three_forms_of_a_date_are_understood},
		{"rubbish_asks_for_no_pause", rubbish_asks_for_no_pause},
		CU_TEST_INFO_NULL,
	};

	return harness_run("retry_after", tests);
}
