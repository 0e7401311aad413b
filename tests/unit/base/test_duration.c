/* SPDX-License-Identifier: MIT */
#include "base/duration.h"

#include "harness.h"

static void durations_have_two_units_at_most(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} table[] = {
		{-1, "0 s"},           {0, "0 s"},
		{59, "59 s"},          {60, "1 min 0 s"},
		{599, "9 min 59 s"},   {600, "10 min"},
		{3599, "59 min"},      {3600, "1 h 0 min"},
		{12000, "3 h 20 min"}, {86399, "23 h 59 min"},
		{187200, "2 d 4 h"},   {INT64_MAX, "106751991167300 d 15 h"},
	};
	char buffer[DURATION_BYTES];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CU_ASSERT_STRING_EQUAL(duration_text(table[i].seconds, buffer), table[i].text);
}

static void a_countdown_ticks_each_second(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} table[] = {
		{-1, "0:00"},
		{0, "0:00"},
		{9, "0:09"},
		{60, "1:00"},
		{3599, "59:59"},
		{3600, "1:00:00"},
		{86399, "23:59:59"},
		{86400, "1 d 0:00:00"},
		{187201, "2 d 4:00:01"},
		{INT64_MAX, "106751991167300 d 15:30:07"},
	};
	char buffer[DURATION_BYTES];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CU_ASSERT_STRING_EQUAL(duration_countdown(table[i].seconds, buffer), table[i].text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"durations_have_two_units_at_most", durations_have_two_units_at_most},
		{"a_countdown_ticks_each_second", a_countdown_ticks_each_second},
		CU_TEST_INFO_NULL,
	};

	return harness_run("duration", tests);
}
