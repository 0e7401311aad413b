/* SPDX-License-Identifier: MIT */
/* The small modules of base/ that everything else stands on. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error_text.h"
#include "base/log.h"
#include "base/text.h"
#include "base/token_name.h"
#include "harness.h"

static void text_is_cut_at_the_end_of_its_memory(void)
{
	char data[8];
	struct text text;

	text_init(&text, data, sizeof(data));
	CU_ASSERT_STRING_EQUAL(data, "");
	text_add(&text, "abc");
	text_addf(&text, "%d", 1234);
	CU_ASSERT_STRING_EQUAL(data, "abc1234");
	CU_ASSERT_EQUAL(text.length, 7);
	CU_ASSERT_FALSE(text.is_cut);
	text_add(&text, "");
	CU_ASSERT_FALSE(text.is_cut);
	text_add(&text, "x");
	CU_ASSERT_TRUE(text.is_cut);
	CU_ASSERT_STRING_EQUAL(data, "abc1234");
}

static void formatted_text_is_cut_like_plain_text(void)
{
	char data[8];
	struct text text;

	text_init(&text, data, sizeof(data));
	text_addf(&text, "%s", "12345678");
	CU_ASSERT_TRUE(text.is_cut);
	CU_ASSERT_STRING_EQUAL(data, "1234567");
	CU_ASSERT_EQUAL(text.length, 7);
	text_addf(&text, "%s", "more");
	text_add_bytes(&text, "more", 4);
	CU_ASSERT_STRING_EQUAL(data, "1234567");
	CU_ASSERT_EQUAL(text.length, 7);
}

static void text_takes_a_part_of_a_string(void)
{
	char data[8];
	struct text text;

	text_init(&text, data, sizeof(data));
	text_add_bytes(&text, "abcdef", 3);
	CU_ASSERT_STRING_EQUAL(data, "abc");
	CU_ASSERT_FALSE(text.is_cut);
}

static void text_of_one_byte_is_always_empty(void)
{
	char data[1];
	struct text text;

	text_init(&text, data, sizeof(data));
	text_add(&text, "a");
	text_addf(&text, "%c", 'a');
	CU_ASSERT_TRUE(text.is_cut);
	CU_ASSERT_STRING_EQUAL(data, "");
}

static void times_are_written_in_utc_and_rounded_down(void)
{
	char buffer[CLOCK_RFC3339_BYTES];

	CU_ASSERT_STRING_EQUAL(clock_rfc3339(0, buffer), "1970-01-01T00:00:00Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(INT64_C(1795428003) * NS_PER_S, buffer),
			       "2026-11-23T10:00:03Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(NS_PER_S - 1, buffer), "1970-01-01T00:00:00Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(-1, buffer), "1969-12-31T23:59:59Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(-NS_PER_S, buffer), "1969-12-31T23:59:59Z");
	CU_ASSERT_STRING_EQUAL(clock_rfc3339(INT64_MAX, buffer), "2262-04-11T23:47:16Z");
}

static void clocks_go_forward(void)
{
	int64_t boottime_ns = clock_boottime_ns();
	int64_t monotonic_ns = clock_monotonic_ns();

	CU_ASSERT(boottime_ns > 0);
	CU_ASSERT(clock_boottime_ns() >= boottime_ns);
	CU_ASSERT(clock_boottime_ms() >= boottime_ns / NS_PER_MS);
	CU_ASSERT(clock_monotonic_ns() >= monotonic_ns);
	CU_ASSERT(clock_realtime_ns() > INT64_C(1577836800) * NS_PER_S); /* the year 2020 */
}

static void token_names_are_safe_in_file_names(void)
{
	static const char *const good[] = {
		"default", "a",  "0",
		"a-b_c",   "0-", "012345678901234567890123456789012345678901234567"};
	static const char *const bad[] = {"",
					  "-a",
					  "_a",
					  "A",
					  ".",
					  "..",
					  "a/b",
					  "a.b",
					  "a ",
					  "a\n",
					  "\303\274",
					  "a:b",
					  "0123456789012345678901234567890123456789012345678"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CU_ASSERT_TRUE(token_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_FALSE(token_name_is_valid(bad[i]));
}

static void digests_are_those_of_fips_180(void)
{
	/* FIPS 180-4, the example "abc" */
	static const uint8_t expected[DIGEST_BYTES] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t digest[DIGEST_BYTES];
	char fingerprint[FINGERPRINT_BYTES];

	digest_sha256("abc", 3, digest);
	CU_ASSERT_EQUAL(memcmp(digest, expected, sizeof(digest)), 0);
	CU_ASSERT_EQUAL(digest_id("abc", 3), UINT64_C(0xba7816bf8f01cfea));
	digest_fingerprint("abcd", 3, fingerprint);
	CU_ASSERT_STRING_EQUAL(fingerprint, "ba7816bf8f01");
	digest_fingerprint("", 0, fingerprint);
	CU_ASSERT_STRING_EQUAL(fingerprint, "e3b0c44298fc");
}

static void an_error_text_is_optional_and_cut(void)
{
	char long_text[2 * sizeof(struct error_text)];
	struct error_text error;

	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	error_text_set(NULL, "%s", long_text);
	error_text_set(&error, "%s", long_text);
	CU_ASSERT_EQUAL(strlen(error.text), sizeof(error.text) - 1);
	error_text_set(&error, "%d", 1);
	CU_ASSERT_STRING_EQUAL(error.text, "1");
}

enum { CAPTURE_BYTES = 8192 };

/* Stands in for stderr between begin_capture() and end_capture(). */
struct capture {
	int reader;
	int stderr_copy;
};

static struct capture begin_capture(void)
{
	struct capture capture = {.stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
	int ends[2];

	CU_ASSERT_FATAL(capture.stderr_copy >= 0);
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	CU_ASSERT_EQUAL_FATAL(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	(void)close(ends[1]);
	capture.reader = ends[0];
	return capture;
}

static void end_capture(struct capture *capture, char ret[static CAPTURE_BYTES])
{
	ssize_t length;

	CU_ASSERT_EQUAL(dup2(capture->stderr_copy, STDERR_FILENO), STDERR_FILENO);
	length = read(capture->reader, ret, CAPTURE_BYTES - 1);
	ret[length > 0 ? length : 0] = '\0';
	(void)close(capture->stderr_copy);
	(void)close(capture->reader);
}

static void nothing_forges_a_log_line(void)
{
	struct log log = {.program = "p", .level = LOG_LEVEL_INFO};
	struct capture capture = begin_capture();
	char lines[CAPTURE_BYTES];

	log_warning(&log, "a%sb", "\n<0>\r\033\177\t");
	log_info(&log, "%s", "gr\303\274n");
	end_capture(&capture, lines);
	CU_ASSERT_STRING_EQUAL(lines, "p: warning: a?<0>????b\np: gr\303\274n\n");
}

static void the_journal_gets_priorities_in_place_of_words(void)
{
	struct log log = {.program = "p", .level = LOG_LEVEL_DEBUG, .has_journal = true};
	struct capture capture = begin_capture();
	char lines[CAPTURE_BYTES];

	log_error(&log, "e");
	log_warning(&log, "w");
	log_info(&log, "i");
	log_debug(&log, "d");
	end_capture(&capture, lines);
	CU_ASSERT_STRING_EQUAL(lines, "<3>e\n<4>w\n<6>i\n<7>d\n");
}

static void what_is_above_the_level_is_not_logged(void)
{
	struct log log = {.program = "p", .level = LOG_LEVEL_WARNING};
	struct capture capture = begin_capture();
	char lines[CAPTURE_BYTES];

	log_error(&log, "e");
	log_warning(&log, "w");
	log_info(&log, "i");
	log_debug(&log, "d");
	end_capture(&capture, lines);
	CU_ASSERT_STRING_EQUAL(lines, "p: error: e\np: warning: w\n");
}

static void a_long_message_is_one_cut_line(void)
{
	struct log log = {.program = "p", .level = LOG_LEVEL_INFO};
	struct capture capture = begin_capture();
	char message[4096];
	char lines[CAPTURE_BYTES];

	memset(message, 'a', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	log_info(&log, "%s", message);
	end_capture(&capture, lines);
	CU_ASSERT(strlen(lines) < sizeof(message));
	CU_ASSERT_PTR_EQUAL(strchr(lines, '\n'), lines + strlen(lines) - 1);
}

static void a_foreign_journal_is_not_ours(void)
{
	struct log log;

	CU_ASSERT_EQUAL(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	log_init(&log, "p");
	CU_ASSERT_FALSE(log.has_journal);
	CU_ASSERT_EQUAL(log.level, LOG_LEVEL_INFO);
	CU_ASSERT_EQUAL(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
	log_init(&log, "p");
	CU_ASSERT_FALSE(log.has_journal);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"text_is_cut_at_the_end_of_its_memory", text_is_cut_at_the_end_of_its_memory},
		{"formatted_text_is_cut_like_plain_text", formatted_text_is_cut_like_plain_text},
		{"text_takes_a_part_of_a_string", text_takes_a_part_of_a_string},
		{"text_of_one_byte_is_always_empty", text_of_one_byte_is_always_empty},
		{"times_are_written_in_utc_and_rounded_down",
		 times_are_written_in_utc_and_rounded_down},
		{"clocks_go_forward", clocks_go_forward},
		{"token_names_are_safe_in_file_names", token_names_are_safe_in_file_names},
		{"digests_are_those_of_fips_180", digests_are_those_of_fips_180},
		{"an_error_text_is_optional_and_cut", an_error_text_is_optional_and_cut},
		{"nothing_forges_a_log_line", nothing_forges_a_log_line},
		{"the_journal_gets_priorities_in_place_of_words",
		 the_journal_gets_priorities_in_place_of_words},
		{"what_is_above_the_level_is_not_logged", what_is_above_the_level_is_not_logged},
		{"a_long_message_is_one_cut_line", a_long_message_is_one_cut_line},
		{"a_foreign_journal_is_not_ours", a_foreign_journal_is_not_ours},
		CU_TEST_INFO_NULL,
	};

	return harness_run("base", tests);
}
