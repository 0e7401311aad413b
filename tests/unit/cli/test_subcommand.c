/* SPDX-License-Identifier: MIT */
#include "cli/subcommand.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const char *const names[] = {"get",    "info",    "wait",   "reject",  "run",
				    "status", "refresh", "revoke", "suspend", "resume"};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static void every_subcommand_is_found_by_its_name(void)
{
	for (size_t i = 0; i < NAME_COUNT; i++) {
		const struct subcommand *subcommand = subcommand_find(names[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(subcommand);
		CU_ASSERT_STRING_EQUAL(subcommand->name, names[i]);
	}
	CU_ASSERT_PTR_NULL(subcommand_find("gett"));
	CU_ASSERT_PTR_NULL(subcommand_find(""));
}

static char *print(const struct subcommand *subcommand)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		abort();
	if (subcommand == NULL)
		subcommand_print_overview(stream);
	else
		subcommand_print_help(stream, subcommand);
	(void)fclose(stream);
	return text;
}

static void the_overview_lists_them_all(void)
{
	char *text = print(NULL);

	for (size_t i = 0; i < NAME_COUNT; i++) {
		CU_ASSERT_PTR_NOT_NULL(strstr(text, names[i]));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, subcommand_find(names[i])->summary));
	}
	free(text);
}

static void every_help_has_usage_exit_status_and_examples(void)
{
	for (size_t i = 0; i < NAME_COUNT; i++) {
		char *text = print(subcommand_find(names[i]));
		const char *examples = strstr(text, "\nexamples:\n  tokenbroker ");

		CU_ASSERT_PTR_EQUAL(strstr(text, "usage: tokenbroker "), text);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "Exit status: "));
		CU_ASSERT_PTR_NOT_NULL_FATAL(examples);
		CU_ASSERT_PTR_NOT_NULL(strstr(examples, names[i]));
		CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
		free(text);
	}
}

static void the_help_shows_the_options_that_are_taken(void)
{
	char *get = print(subcommand_find("get"));
	char *info = print(subcommand_find("info"));

	CU_ASSERT_PTR_NOT_NULL(strstr(get, "  --min-remaining SEC "));
	CU_ASSERT_PTR_NOT_NULL(strstr(get, "  --wait SEC "));
	CU_ASSERT_PTR_NULL(strstr(get, "  --json "));
	CU_ASSERT_PTR_NOT_NULL(strstr(info, "  --json "));
	CU_ASSERT_PTR_NULL(strstr(info, "  --wait SEC "));
	free(get);
	free(info);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_subcommand_is_found_by_its_name", every_subcommand_is_found_by_its_name},
		{"the_overview_lists_them_all", the_overview_lists_them_all},
		{"every_help_has_usage_exit_status_and_examples",
		 every_help_has_usage_exit_status_and_examples},
		{"the_help_shows_the_options_that_are_taken",
		 the_help_shows_the_options_that_are_taken},
		CU_TEST_INFO_NULL,
	};

	return harness_run("subcommand", tests);
}
