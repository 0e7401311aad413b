/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stddef.h>

#include "harness.h"

/* -1: not a time. */
static int64_t parse(const char *text)
{
	int64_t seconds = -1;

	return clock_parse_rfc3339(text, &seconds) ? seconds : -1;
}

static void what_is_written_can_be_read(void)
{
	static const int64_t moments_s[] = {0, 1, 951782400, 1795428000, INT64_C(253402300799)};
	char buffer[CLOCK_RFC3339_BYTES];

	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(parse(clock_rfc3339(moments_s[i] * NS_PER_S, buffer)),
				moments_s[i]);
	CU_ASSERT_EQUAL(parse("9999-12-31T23:59:59Z"), moments_s[4]);
}

static void a_leap_day_is_a_day(void)
{
	CU_ASSERT_EQUAL(parse("2028-02-29T00:00:00Z"), 1835395200);
	CU_ASSERT_EQUAL(parse("2027-02-29T00:00:00Z"), -1);
}

static void only_real_times_are_times(void)
{
	static const char *const odd[] = {
		"2026-11-23 10:00:00Z",
		"2026-11-23T10:00:00",
		"2026-11-23T10:00:00+",
		"2026-11-23T10:00:00Z ",
		"2026-02-30T10:00:00Z",
		"2026-13-01T10:00:00Z",
		"2026-11-23T24:00:00Z",
		"2026-11-23T10:60:00Z",
		"2026-11-23T10:00:61Z",
		"2026-00-01T10:00:00Z",
		"-026-11-23T10:00:00Z",
		"2026-11-23T10:00:0 Z",
		"",
		"now",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_EQUAL(parse(odd[i]), -1);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_is_written_can_be_read", what_is_written_can_be_read},
		{"a_leap_day_is_a_day", a_leap_day_is_a_day},
		{"only_real_times_are_times", only_real_times_are_times},
		CU_TEST_INFO_NULL,
	};

	return harness_run("clock", tests);
}
