/* SPDX-License-Identifier: MIT */
#include "httpd/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { WORDS_MAX = 8 };

/* Parses a copy: the parser changes the order. */
static int parse(const char *const words[], struct options *ret, struct error_text *error)
{
	char *argv[WORDS_MAX + 1];
	int argc = 0;

	for (; words[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	argv[argc] = NULL;
	error->text[0] = '\0';
	return options_parse(ret, argc, argv, error);
}

#define PARSE(...) parse((const char *const[]){"tokenbroker-httpd", __VA_ARGS__}, &options, &error)

static void nothing_given_serves_with_the_defaults(void)
{
	struct options options = {.config_file = "x"};
	struct error_text error;

	CU_ASSERT_EQUAL(PARSE(NULL), 0);
	CU_ASSERT_EQUAL(options.mode, OPTIONS_RUN);
	CU_ASSERT_PTR_NULL(options.config_file);
	CU_ASSERT_PTR_NULL(options.runtime_dir);
}

static void places_are_taken_with_or_without_an_equals_sign(void)
{
	struct options options;
	struct error_text error;

	CU_ASSERT_EQUAL(PARSE("--config", "./c.conf", "--runtime-dir=/run/x", NULL), 0);
	CU_ASSERT_STRING_EQUAL(options.config_file, "./c.conf");
	CU_ASSERT_STRING_EQUAL(options.runtime_dir, "/run/x");
	CU_ASSERT_EQUAL(options.mode, OPTIONS_RUN);
}

static void one_thing_is_done_instead_of_serving(void)
{
	struct options options;
	struct error_text error;

	CU_ASSERT_EQUAL(PARSE("--check-config", "--config", "c", NULL), 0);
	CU_ASSERT_EQUAL(options.mode, OPTIONS_CHECK_CONFIG);
	CU_ASSERT_EQUAL(PARSE("--version", NULL), 0);
	CU_ASSERT_EQUAL(options.mode, OPTIONS_VERSION);
	CU_ASSERT_EQUAL(PARSE("--help", NULL), 0);
	CU_ASSERT_EQUAL(options.mode, OPTIONS_HELP);
	CU_ASSERT_EQUAL(PARSE("--help", "--version", NULL), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "exclude each other"));
}

static void check_refusal(const char *const words[], const char *expected)
{
	struct options options = {.config_file = "untouched"};
	struct error_text error;

	CU_ASSERT_EQUAL(parse(words, &options, &error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error.text, expected);
	CU_ASSERT_STRING_EQUAL(options.config_file, "untouched");
}

#define REFUSE(expected, ...)                                                                      \
	check_refusal((const char *const[]){"tokenbroker-httpd", __VA_ARGS__, NULL}, expected)

static void a_mistake_is_named_as_it_was_typed(void)
{
	REFUSE("unknown option --loud", "--loud");
	REFUSE("unknown option --loud=1", "--config", "c", "--loud=1");
	REFUSE("unknown option --help=me", "--help=me");
	REFUSE("unknown option -x", "-x");
	REFUSE("unknown option -x", "--config", "c", "-xyz");
	REFUSE("--config needs a value", "--config");
	REFUSE("--runtime-dir needs a value", "--config", "c", "--runtime-dir");
	REFUSE("--runtime-dir run: not an absolute path", "--runtime-dir", "run");
	REFUSE("--runtime-dir : not an absolute path", "--runtime-dir=");
	REFUSE("unexpected argument serve", "serve");
	REFUSE("unexpected argument serve", "--config", "c", "serve", "--version");
	REFUSE("unexpected argument --version", "--", "--version");
}

static void the_usage_names_every_option(void)
{
	static const char *const names[] = {"--config FILE", "--runtime-dir DIR", "--check-config",
					    "--version", "--help"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(options_usage(), names[i]));
}

/* --- paths ------------------------------------------------------------------------------------ */

static const struct paths_facts system_facts = {
	.has_system_dir = true, .home = "/home/me", .xdg_runtime_dir = "/run/user/7"};
static const struct paths_facts user_facts = {.home = "/home/me", .xdg_runtime_dir = "/run/user/7"};
static const struct options no_options;

static void check_paths(const struct options *options, const struct paths_facts *facts,
			const struct paths *expected)
{
	struct error_text error;
	struct paths paths;

	CU_ASSERT_EQUAL_FATAL(paths_choose(&paths, options, facts, &error), 0);
	CU_ASSERT_STRING_EQUAL(paths.config_file, expected->config_file);
	CU_ASSERT_STRING_EQUAL(paths.runtime_dir, expected->runtime_dir);
	CU_ASSERT_STRING_EQUAL(paths.unix_socket, expected->unix_socket);
}

static void where_a_system_broker_is_its_places_are_taken(void)
{
	static const struct paths expected = {
		.config_file = "/etc/tokenbroker/tokenbroker.conf",
		.runtime_dir = "/run/tokenbroker",
		.unix_socket = "/run/tokenbroker-httpd/http.sock",
	};

	check_paths(&no_options, &system_facts, &expected);
}

static void a_broker_of_the_user_has_places_of_the_user(void)
{
	static const struct paths expected = {
		.config_file = "/home/me/.config/tokenbroker/tokenbroker.conf",
		.runtime_dir = "/run/user/7/tokenbroker",
		.unix_socket = "/run/user/7/tokenbroker-httpd/http.sock",
	};
	static const struct paths elsewhere = {
		.config_file = "/conf/tokenbroker/tokenbroker.conf",
		.runtime_dir = "/run/user/7/tokenbroker",
		.unix_socket = "/run/user/7/tokenbroker-httpd/http.sock",
	};
	struct paths_facts facts = user_facts;

	check_paths(&no_options, &facts, &expected);
	facts.xdg_config_home = "relative";
	check_paths(&no_options, &facts, &expected);
	facts.xdg_config_home = "/conf";
	check_paths(&no_options, &facts, &elsewhere);
}

static void what_is_given_goes_first(void)
{
	static const struct options options = {.config_file = "c.conf", .runtime_dir = "/x"};
	static const struct options only_config = {.config_file = "c.conf"};
	static const struct paths given = {
		.config_file = "c.conf",
		.runtime_dir = "/x",
		.unix_socket = "/run/tokenbroker-httpd/http.sock",
	};
	static const struct paths of_user = {
		.config_file = "c.conf",
		.runtime_dir = "/run/user/7/tokenbroker",
		.unix_socket = "/run/user/7/tokenbroker-httpd/http.sock",
	};
	static const struct paths_facts nothing;
	const struct paths_facts no_home = {.xdg_runtime_dir = "/run/user/7"};

	check_paths(&options, &system_facts, &given);
	check_paths(&options, &user_facts, &given);
	check_paths(&options, &nothing, &given);
	check_paths(&only_config, &no_home, &of_user);
}

static void check_no_paths(const struct options *options, const struct paths_facts *facts, int r,
			   const char *words)
{
	struct paths paths = {.config_file = "untouched"};
	struct error_text error = {.text = ""};

	CU_ASSERT_EQUAL(paths_choose(&paths, options, facts, &error), r);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, words));
	CU_ASSERT_STRING_EQUAL(paths.config_file, "untouched");
}

static void what_cannot_be_found_is_named_with_the_way_out(void)
{
	const struct paths_facts no_runtime = {.home = "/home/me"};
	const struct paths_facts odd_runtime = {.home = "/home/me", .xdg_runtime_dir = "run"};
	const struct paths_facts no_home = {.xdg_runtime_dir = "/run/user/7"};
	const struct paths_facts odd_home = {.home = "me", .xdg_runtime_dir = "/run/user/7"};

	check_no_paths(&no_options, &no_runtime, -ENOENT, "set it to a private directory");
	check_no_paths(&no_options, &odd_runtime, -ENOENT, "set it to a private directory");
	check_no_paths(&no_options, &no_home, -ENOENT, "--config");
	check_no_paths(&no_options, &odd_home, -ENOENT, "--config");
}

static void a_path_too_long_is_refused_wherever_it_comes_from(void)
{
	static char path[PATH_MAX + 1];
	const struct options config = {.config_file = path};
	const struct options runtime = {.runtime_dir = path};
	const struct paths_facts user = {.home = "/home/me", .xdg_runtime_dir = path};
	const struct paths_facts home = {.home = path, .xdg_runtime_dir = "/run/user/7"};

	memset(path, '/', sizeof(path) - 1);
	check_no_paths(&config, &system_facts, -ENAMETOOLONG, "too long");
	check_no_paths(&runtime, &system_facts, -ENAMETOOLONG, "too long");
	check_no_paths(&no_options, &user, -ENAMETOOLONG, "too long");
	check_no_paths(&no_options, &home, -ENAMETOOLONG, "too long");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"nothing_given_serves_with_the_defaults", nothing_given_serves_with_the_defaults},
		{"places_are_taken_with_or_without_an_equals_sign",
		 places_are_taken_with_or_without_an_equals_sign},
		{"one_thing_is_done_instead_of_serving", one_thing_is_done_instead_of_serving},
		{"a_mistake_is_named_as_it_was_typed", a_mistake_is_named_as_it_was_typed},
		{"the_usage_names_every_option", the_usage_names_every_option},
		{"where_a_system_broker_is_its_places_are_taken",
		 where_a_system_broker_is_its_places_are_taken},
		{"a_broker_of_the_user_has_places_of_the_user",
		 a_broker_of_the_user_has_places_of_the_user},
		{"what_is_given_goes_first", what_is_given_goes_first},
		{"what_cannot_be_found_is_named_with_the_way_out",
		 what_cannot_be_found_is_named_with_the_way_out},
		{"a_path_too_long_is_refused_wherever_it_comes_from",
		 a_path_too_long_is_refused_wherever_it_comes_from},
		CU_TEST_INFO_NULL,
	};

	return harness_run("options", tests);
}
