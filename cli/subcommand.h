/* SPDX-License-Identifier: MIT */
/*
 * The subcommands: one table gives dispatch and help. Each one gets checked arguments, prints its
 * result on stdout and what went wrong on stderr, and returns the exit status.
 */
#ifndef CLI_SUBCOMMAND_H
#define CLI_SUBCOMMAND_H

#include <stdio.h>

#include "cli/arguments.h"
#include "cli/exit_status.h"

struct subcommand {
	const char *name;
	int (*run)(const struct subcommand *subcommand, const struct arguments *arguments);
	unsigned takes;       /* ARGUMENTS_* */
	const char *usage;    /* what follows the name */
	const char *summary;  /* one line */
	const char *details;  /* full sentences, each line ends with a newline */
	const char *examples; /* indented */
};

/* NULL: there is none of that name. */
const struct subcommand *subcommand_find(const char *name);

/* All of them, for `tokenbroker --help`. */
void subcommand_print_overview(FILE *stream);

/* One of them, for `tokenbroker SUBCOMMAND --help`. */
void subcommand_print_help(FILE *stream, const struct subcommand *subcommand);

int get_run(const struct subcommand *subcommand, const struct arguments *arguments);
int info_run(const struct subcommand *subcommand, const struct arguments *arguments);
int wait_run(const struct subcommand *subcommand, const struct arguments *arguments);
int reject_run(const struct subcommand *subcommand, const struct arguments *arguments);
/* Its status can be any that COMMAND ends with. */
int run_run(const struct subcommand *subcommand, const struct arguments *arguments);
int status_run(const struct subcommand *subcommand, const struct arguments *arguments);
/* refresh, revoke, suspend, resume */
int command_run(const struct subcommand *subcommand, const struct arguments *arguments);

#endif
