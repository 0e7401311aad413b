/* SPDX-License-Identifier: MIT */
#include "cli/arguments.h"

#include <errno.h>
#include <string.h>

#include "cli/subcommand.h"
#include "harness.h"

enum { WORDS_MAX = 16 };

static struct arguments parsed;
static struct error_text problem;

/* Parses a copy: the parser changes the order. The strings themselves outlive the test. */
static int parse(const char *const words[])
{
	static char *argv[WORDS_MAX + 1];
	const struct subcommand *subcommand = subcommand_find(words[0]);
	int argc = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(subcommand);
	for (; words[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	argv[argc] = NULL;
	memset(&parsed, 0, sizeof(parsed));
	problem.text[0] = '\0';
	return arguments_parse(argc, argv, subcommand->takes, &parsed, &problem);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void nothing_given_means_the_defaults(void)
{
	CU_ASSERT_EQUAL(PARSE("get"), 0);
	CU_ASSERT_PTR_NULL(parsed.name);
	CU_ASSERT_EQUAL(parsed.format, ARGUMENTS_FORMAT_RAW);
	CU_ASSERT_EQUAL(parsed.min_remaining_ms, 0);
	CU_ASSERT_EQUAL(parsed.wait_ms, -1);
	CU_ASSERT_FALSE(parsed.is_help);
	CU_ASSERT_EQUAL(PARSE("wait"), 0);
	CU_ASSERT_EQUAL(parsed.timeout_ms, -1);
	CU_ASSERT_EQUAL(parsed.after, 0);
}

static void options_stand_before_and_after_the_name(void)
{
	CU_ASSERT_EQUAL(
		PARSE("get", "--format", "json", "crm", "--wait=2.5", "--min-remaining", "60"), 0);
	CU_ASSERT_STRING_EQUAL(parsed.name, "crm");
	CU_ASSERT_EQUAL(parsed.format, ARGUMENTS_FORMAT_JSON);
	CU_ASSERT_EQUAL(parsed.wait_ms, 2500);
	CU_ASSERT_EQUAL(parsed.min_remaining_ms, 60000);
}

static void every_format_has_its_word(void)
{
	CU_ASSERT_EQUAL(PARSE("get", "--format", "raw"), 0);
	CU_ASSERT_EQUAL(parsed.format, ARGUMENTS_FORMAT_RAW);
	CU_ASSERT_EQUAL(PARSE("get", "--format", "header"), 0);
	CU_ASSERT_EQUAL(parsed.format, ARGUMENTS_FORMAT_HEADER);
	CU_ASSERT_EQUAL(PARSE("get", "--format", "curl-config"), 0);
	CU_ASSERT_EQUAL(parsed.format, ARGUMENTS_FORMAT_CURL_CONFIG);
	CU_ASSERT_EQUAL(PARSE("get", "--format", "xml"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text,
			       "--format: 'xml' is not raw, header, json or curl-config");
}

static void what_a_subcommand_does_not_take_is_unknown(void)
{
	CU_ASSERT_EQUAL(PARSE("info", "--wait", "1"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "unknown option '--wait'");
	CU_ASSERT_EQUAL(PARSE("status", "-x"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "unknown option '-x'");
	CU_ASSERT_EQUAL(PARSE("status", "default"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "'default' is one word too many");
}

static void values_are_there_or_not_as_they_should(void)
{
	CU_ASSERT_EQUAL(PARSE("get", "--wait"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "--wait needs a value");
	CU_ASSERT_EQUAL(PARSE("status", "--json=yes"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "--json=yes: this option takes no value");
	CU_ASSERT_EQUAL(PARSE("get", "--wait", "-1"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "--wait: '-1' is not a number of seconds with at most "
					     "three decimals, up to 10 years");
}

static void a_bad_name_is_refused(void)
{
	CU_ASSERT_EQUAL(PARSE("get", "Not/A Name"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "'Not/A Name' is not a token name"));
	CU_ASSERT_EQUAL(PARSE("get", ""), -EINVAL);
}

static void commands_want_a_name(void)
{
	CU_ASSERT_EQUAL(PARSE("revoke"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "the NAME of a token is missing");
	CU_ASSERT_EQUAL(PARSE("revoke", "default", "--wait", "0"), 0);
	CU_ASSERT_EQUAL(parsed.wait_ms, 0);
	CU_ASSERT_EQUAL(PARSE("revoke", "a", "b"), -EINVAL);
}

static void reject_takes_the_generation_last(void)
{
	CU_ASSERT_EQUAL(PARSE("reject", "17"), 0);
	CU_ASSERT_PTR_NULL(parsed.name);
	CU_ASSERT_EQUAL(parsed.generation, 17);
	CU_ASSERT_EQUAL(PARSE("reject", "crm", "18"), 0);
	CU_ASSERT_STRING_EQUAL(parsed.name, "crm");
	CU_ASSERT_EQUAL(parsed.generation, 18);
	CU_ASSERT_EQUAL(PARSE("reject"), -EINVAL);
	CU_ASSERT_EQUAL(PARSE("reject", "crm"), -EINVAL);
	CU_ASSERT_EQUAL(PARSE("reject", "0"), -EINVAL);
	CU_ASSERT_EQUAL(PARSE("reject", "crm", "18", "19"), -EINVAL);
}

static void what_follows_the_dashes_is_the_command(void)
{
	CU_ASSERT_EQUAL(PARSE("run", "crm", "--wait", "1", "--", "ls", "--help", "--", "x"), 0);
	CU_ASSERT_STRING_EQUAL(parsed.name, "crm");
	CU_ASSERT_EQUAL(parsed.wait_ms, 1000);
	CU_ASSERT_FALSE(parsed.is_help);
	CU_ASSERT_PTR_NOT_NULL_FATAL(parsed.command);
	CU_ASSERT_STRING_EQUAL(parsed.command[0], "ls");
	CU_ASSERT_STRING_EQUAL(parsed.command[1], "--help");
	CU_ASSERT_STRING_EQUAL(parsed.command[2], "--");
	CU_ASSERT_STRING_EQUAL(parsed.command[3], "x");
	CU_ASSERT_PTR_NULL(parsed.command[4]);
}

static void a_command_without_dashes_is_explained(void)
{
	CU_ASSERT_EQUAL(PARSE("run", "ls", "x"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "the COMMAND is missing: put it behind --");
	CU_ASSERT_EQUAL(PARSE("run", "--"), -EINVAL);
	CU_ASSERT_EQUAL(PARSE("run", "--wait", "--", "ls"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(problem.text, "--wait needs a value");
}

static void help_needs_nothing_else(void)
{
	CU_ASSERT_EQUAL(PARSE("reject", "--help"), 0);
	CU_ASSERT_TRUE(parsed.is_help);
	CU_ASSERT_EQUAL(PARSE("run", "--help"), 0);
	CU_ASSERT_TRUE(parsed.is_help);
}

static void seconds_are_read_to_the_millisecond(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"0", 0},         {"35", 35000}, {"0.25", 250},
		{"1.001", 1001},  {"1.5", 1500}, {"315360000", 315360000000},
		{"0007.0", 7000},
	};
	static const char *const bad[] = {
		"",      ".",      ".5",  "5.",   "-1",  "+1",  " 1",  "1 ",        "1s",
		"1.1.1", "1.0001", "1e3", "0x10", "nan", "inf", "1,5", "315360001", "99999999999"};
	int64_t ms = -7;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_EQUAL(arguments_parse_seconds(good[i].text, &ms), 0);
		CU_ASSERT_EQUAL(ms, good[i].ms);
	}
	ms = -7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(arguments_parse_seconds(bad[i], &ms), -EINVAL);
	CU_ASSERT_EQUAL(ms, -7);
}

static void generations_fill_64_bits_and_no_more(void)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "1.0",
					  "x",
					  "18446744073709551616",
					  "99999999999999999999"};
	uint64_t value = 7;

	CU_ASSERT_EQUAL(arguments_parse_generation("18446744073709551615", &value), 0);
	CU_ASSERT_EQUAL(value, UINT64_MAX);
	CU_ASSERT_EQUAL(arguments_parse_generation("0", &value), 0);
	CU_ASSERT_EQUAL(value, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(arguments_parse_generation(bad[i], &value), -EINVAL);
	CU_ASSERT_EQUAL(value, 0);
}

static void every_option_has_a_line_of_help(void)
{
	for (unsigned bit = ARGUMENTS_FORMAT; bit <= ARGUMENTS_WATCH; bit <<= 1)
		CU_ASSERT_PTR_EQUAL(strstr(arguments_describe(bit), "  --"),
				    arguments_describe(bit));
	CU_ASSERT_STRING_EQUAL(arguments_describe(ARGUMENTS_NAME), "");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"nothing_given_means_the_defaults", nothing_given_means_the_defaults},
		{"options_stand_before_and_after_the_name",
		 options_stand_before_and_after_the_name},
		{"every_format_has_its_word", every_format_has_its_word},
		{"what_a_subcommand_does_not_take_is_unknown",
		 what_a_subcommand_does_not_take_is_unknown},
		{"values_are_there_or_not_as_they_should", values_are_there_or_not_as_they_should},
		{"a_bad_name_is_refused", a_bad_name_is_refused},
		{"commands_want_a_name", commands_want_a_name},
		{"reject_takes_the_generation_last", reject_takes_the_generation_last},
		{"what_follows_the_dashes_is_the_command", what_follows_the_dashes_is_the_command},
		{"a_command_without_dashes_is_explained", a_command_without_dashes_is_explained},
		{"help_needs_nothing_else", help_needs_nothing_else},
		{"seconds_are_read_to_the_millisecond", seconds_are_read_to_the_millisecond},
		{"generations_fill_64_bits_and_no_more", generations_fill_64_bits_and_no_more},
		{"every_option_has_a_line_of_help", every_option_has_a_line_of_help},
		CU_TEST_INFO_NULL,
	};

	return harness_run("arguments", tests);
}
