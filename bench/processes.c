/* SPDX-License-Identifier: MIT */
/*
 * How long processes take from their start to their end: the commands in turn, ROUNDS times.
 *
 *   processes ROUNDS COMMAND... [-- COMMAND...]...
 *
 * Their output goes nowhere. Prints a line of JSON, {"1": figures of the first command, "2": ...},
 * in nanoseconds. One that fails ends the measurement.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/batches.h"

enum { COMMANDS_MAX = 8 };

static void fail(const char *what, const char *which)
{
	(void)fprintf(stderr, "processes: %s: %s\n", which, what);
	exit(1);
}

/* A case of batches.h; context: the command. */
static void run(void *context, unsigned calls)
{
	char **command = context;
	posix_spawn_file_actions_t actions;
	int status;
	pid_t child;

	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) !=
		    0)
		fail("no memory", "actions");
	for (; calls > 0; calls--) {
		int error = posix_spawnp(&child, command[0], &actions, NULL, command, environ);

		if (error != 0)
			fail(strerror(error), command[0]);
		if (waitpid(child, &status, 0) < 0 || status != 0)
			fail("it failed", command[0]);
	}
	posix_spawn_file_actions_destroy(&actions);
}

/* Cuts the words at each "--"; returns the number of commands. */
static size_t split(char **words, struct batch_case cases[static COMMANDS_MAX])
{
	static const char *const names[COMMANDS_MAX] = {"1", "2", "3", "4", "5", "6", "7", "8"};
	size_t count = 0;

	for (;;) {
		if (count == COMMANDS_MAX)
			fail("too many commands", *words);
		cases[count] = (struct batch_case){names[count], run, words};
		count++;
		while (*words != NULL && strcmp(*words, "--") != 0)
			words++;
		if (*words == NULL)
			return count;
		*words++ = NULL;
	}
}

int main(int argc, char **argv)
{
	struct batch_case cases[COMMANDS_MAX];
	size_t count;

	if (argc < 3)
		fail("processes ROUNDS COMMAND... [-- COMMAND...]...", "usage");
	count = split(argv + 2, cases);
	return batches_tell(cases, count, (unsigned)atoi(argv[1]), 1);
}
