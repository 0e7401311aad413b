/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/subcommand.h"

static int refuse(const char *what, const char *word)
{
	output_message("%s '%s': `tokenbroker --help` shows what there is", what, word);
	return EXIT_STATUS_USAGE;
}

/* The options that stand in place of a subcommand; next is the word behind, or NULL. */
static int run_option(const char *option, const char *next)
{
	bool is_help = strcmp(option, "--help") == 0;

	if (!is_help && strcmp(option, "--version") != 0)
		return refuse("unknown option", option);
	if (next != NULL)
		return refuse("one word too many:", next);
	if (is_help)
		subcommand_print_overview(stdout);
	else
		printf("tokenbroker %s\n", TOKENBROKER_VERSION);
	return output_finish(EXIT_STATUS_OK);
}

static int run_subcommand(const struct subcommand *subcommand, int argc, char **argv)
{
	struct arguments arguments;
	struct error_text error;

	if (arguments_parse(argc, argv, subcommand->takes, &arguments, &error) < 0) {
		output_message("%s: %s; see `tokenbroker %s --help`", subcommand->name, error.text,
			       subcommand->name);
		return EXIT_STATUS_USAGE;
	}
	if (arguments.is_help) {
		subcommand_print_help(stdout, subcommand);
		return output_finish(EXIT_STATUS_OK);
	}
	/* A closed pipe is an error with a message; but COMMAND must not inherit that. */
	if ((subcommand->takes & ARGUMENTS_COMMAND) == 0)
		(void)signal(SIGPIPE, SIG_IGN);
	return subcommand->run(subcommand, &arguments);
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2) {
		subcommand_print_overview(stderr);
		return EXIT_STATUS_USAGE;
	}
	if (argv[1][0] == '-')
		return run_option(argv[1], argv[2]);
	subcommand = subcommand_find(argv[1]);
	if (subcommand == NULL)
		return refuse("unknown subcommand", argv[1]);
	return run_subcommand(subcommand, argc - 1, argv + 1);
}
