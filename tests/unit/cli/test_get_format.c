/* SPDX-License-Identifier: MIT */
#include "cli/get_format.h"

#include "harness.h"

static const struct tokenbroker_info info = {
	.generation = 1795428003,
	.expires_at = 1795431601,
	.remaining_ms = 3598765,
};

static const char *formatted(enum arguments_format format)
{
	static char buffer[GET_FORMAT_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	get_format(&text, format, "abc.DEF-1~+/==", &info);
	CU_ASSERT_FALSE(text.is_cut);
	return buffer;
}

static void each_format_is_as_documented(void)
{
	CU_ASSERT_STRING_EQUAL(formatted(ARGUMENTS_FORMAT_RAW), "abc.DEF-1~+/==\n");
	CU_ASSERT_STRING_EQUAL(formatted(ARGUMENTS_FORMAT_HEADER),
			       "Authorization: Bearer abc.DEF-1~+/==\n");
	CU_ASSERT_STRING_EQUAL(formatted(ARGUMENTS_FORMAT_CURL_CONFIG),
			       "oauth2-bearer = \"abc.DEF-1~+/==\"\n");
	CU_ASSERT_STRING_EQUAL(formatted(ARGUMENTS_FORMAT_JSON),
			       "{\"access_token\":\"abc.DEF-1~+/==\",\"token_type\":\"Bearer\","
			       "\"generation\":1795428003,\"expires_at\":\"2026-11-23T11:00:01Z\","
			       "\"remaining_ms\":3598765}\n");
}

static void what_stands_around_a_token_fits_at_its_longest(void)
{
	const struct tokenbroker_info longest = {UINT64_MAX, INT64_MIN, INT64_MIN, 0, {0}};
	char buffer[GET_FORMAT_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	get_format(&text, ARGUMENTS_FORMAT_JSON, "", &longest);
	CU_ASSERT_FALSE(text.is_cut);
}

static void times_beyond_the_clock_stay_at_its_ends(void)
{
	char buffer[CLOCK_RFC3339_BYTES];

	CU_ASSERT_STRING_EQUAL(get_format_time(0, buffer), "1970-01-01T00:00:00Z");
	CU_ASSERT_STRING_EQUAL(get_format_time(INT64_MAX, buffer), "2262-04-11T23:47:16Z");
	CU_ASSERT_STRING_EQUAL(get_format_time(INT64_MIN, buffer), "1677-09-21T00:12:44Z");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"each_format_is_as_documented", each_format_is_as_documented},
		{"what_stands_around_a_token_fits_at_its_longest",
		 what_stands_around_a_token_fits_at_its_longest},
		{"times_beyond_the_clock_stay_at_its_ends",
		 times_beyond_the_clock_stay_at_its_ends},
		CU_TEST_INFO_NULL,
	};

	return harness_run("get_format", tests);
}
