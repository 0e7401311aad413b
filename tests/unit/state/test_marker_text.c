/* SPDX-License-Identifier: MIT */
#include "state/marker_text.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

static bool parses(const char *text)
{
	struct suspend_marker marker = {.fingerprint = "untouched"};
	bool is_ok = marker_text_parse(text, strlen(text), &marker);

	if (!is_ok)
		CU_ASSERT_STRING_EQUAL(marker.fingerprint, "untouched");
	return is_ok;
}

static void check_round_trip(const struct suspend_marker *marker, const char *expected)
{
	struct suspend_marker parsed = {.fingerprint = "x"};
	char text[MARKER_TEXT_BYTES];
	size_t length = marker_text_format(marker, text);

	CU_ASSERT_EQUAL(length, strlen(text));
	CU_ASSERT_STRING_EQUAL(text, expected);
	CU_ASSERT_TRUE_FATAL(marker_text_parse(text, length, &parsed));
	CU_ASSERT_STRING_EQUAL(parsed.fingerprint, marker->fingerprint);
	CU_ASSERT_EQUAL(parsed.expires_realtime_ns, marker->expires_realtime_ns);
	CU_ASSERT_EQUAL(parsed.revocation, marker->revocation);
}

static void what_is_written_is_read_again(void)
{
	struct suspend_marker marker = {"9f86d081884c", 1795428003000000000,
					SUSPEND_REVOCATION_UNKNOWN};

	check_round_trip(&marker, "tokenbroker suspend marker 1\nfingerprint 9f86d081884c\n"
				  "expires_realtime_ns 1795428003000000000\nrevocation unknown\n");
	marker.revocation = SUSPEND_REVOCATION_DONE;
	check_round_trip(&marker, "tokenbroker suspend marker 1\nfingerprint 9f86d081884c\n"
				  "expires_realtime_ns 1795428003000000000\nrevocation done\n");
}

static void a_suspension_without_a_token_can_be_told(void)
{
	const struct suspend_marker marker = {"", 0, SUSPEND_REVOCATION_FAILED};

	check_round_trip(&marker, "tokenbroker suspend marker 1\nfingerprint none\n"
				  "expires_realtime_ns 0\nrevocation failed\n");
}

static void the_widest_numbers_fit(void)
{
	struct suspend_marker marker = {"000000000000", INT64_MIN, SUSPEND_REVOCATION_UNKNOWN};

	check_round_trip(&marker, "tokenbroker suspend marker 1\nfingerprint 000000000000\n"
				  "expires_realtime_ns -9223372036854775808\nrevocation unknown\n");
	marker.expires_realtime_ns = INT64_MAX;
	check_round_trip(&marker, "tokenbroker suspend marker 1\nfingerprint 000000000000\n"
				  "expires_realtime_ns 9223372036854775807\nrevocation unknown\n");
}

#define BEFORE "tokenbroker suspend marker 1\nfingerprint 9f86d081884c\n"
#define AFTER  "\nrevocation done\n"

static void every_cut_text_is_refused(void)
{
	const char *whole = BEFORE "expires_realtime_ns 5" AFTER;
	struct suspend_marker marker;

	CU_ASSERT_TRUE(parses(whole));
	for (size_t length = 0; length < strlen(whole); length++)
		CU_ASSERT_FALSE(marker_text_parse(whole, length, &marker));
}

static void a_text_that_goes_on_is_refused(void)
{
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 5" AFTER "\n"));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 5" AFTER "x"));
}

static void another_version_is_refused(void)
{
	CU_ASSERT_FALSE(parses("tokenbroker suspend marker 2\nfingerprint 9f86d081884c\n"
			       "expires_realtime_ns 5\nrevocation done\n"));
}

static void a_fingerprint_is_twelve_lower_hex_digits(void)
{
	const char *rest = "\nexpires_realtime_ns 5\nrevocation done\n";
	const char *wrong[] = {"9f86d081884",  "9f86d081884cc", "9F86D081884C", "9f86d081884g", "",
			       "/f86d081884c", ":f86d081884c",  "`f86d081884c"};
	char text[MARKER_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(text, sizeof(text), "tokenbroker suspend marker 1\nfingerprint %s%s",
			       wrong[i], rest);
		CU_ASSERT_FALSE(parses(text));
	}
}

static void a_number_must_be_one(void)
{
	CU_ASSERT_TRUE(parses(BEFORE "expires_realtime_ns -1" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns " AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns -" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns +1" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 1 " AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 0x1" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 9223372036854775808" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns -9223372036854775809" AFTER));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 92233720368547758070" AFTER));
}

static void an_unknown_outcome_is_refused(void)
{
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 5\nrevocation maybe\n"));
	CU_ASSERT_FALSE(parses(BEFORE "expires_realtime_ns 5\nrevocation \n"));
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(what_is_written_is_read_again),
		TEST(a_suspension_without_a_token_can_be_told),
		TEST(the_widest_numbers_fit),
		TEST(every_cut_text_is_refused),
		TEST(a_text_that_goes_on_is_refused),
		TEST(another_version_is_refused),
		TEST(a_fingerprint_is_twelve_lower_hex_digits),
		TEST(a_number_must_be_one),
		TEST(an_unknown_outcome_is_refused),
		CU_TEST_INFO_NULL,
	};

	return harness_run("marker_text", tests);
}
