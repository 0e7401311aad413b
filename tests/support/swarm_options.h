/* SPDX-License-Identifier: MIT */
/* What swarm.c is called with. */
#ifndef TESTS_SUPPORT_SWARM_OPTIONS_H
#define TESTS_SUPPORT_SWARM_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define PROCESSES_MAX 10000
#define UIDS_MAX      16
#define ROUNDS_MAX    64

enum mode {
	MODE_GET,
	MODE_REJECT,
	MODE_WAIT,
};

static const char *const mode_names[] = {"get", "reject", "wait"};

struct options {
	enum mode mode;
	unsigned processes;
	unsigned count;
	uid_t uids[UIDS_MAX];
	unsigned uid_count;
	const char *name;
	int timeout_ms;
};

static bool parse_uids(struct options *options, char *list)
{
	for (char *item = strtok(list, ","); item != NULL; item = strtok(NULL, ",")) {
		char *end;
		unsigned long uid = strtoul(item, &end, 10);

		if (*end != '\0' || options->uid_count == UIDS_MAX)
			return false;
		options->uids[options->uid_count++] = (uid_t)uid;
	}
	return options->uid_count > 0;
}

static bool parse_mode(struct options *options, const char *word)
{
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(mode_names[i], word) == 0) {
			options->mode = (enum mode)i;
			return true;
		}
	return false;
}

static bool parse_option(struct options *options, int option)
{
	switch (option) {
	case 'p':
		options->processes = (unsigned)strtoul(optarg, NULL, 10);
		return options->processes >= 1 && options->processes <= PROCESSES_MAX;
	case 'u':
		return parse_uids(options, optarg);
	case 'c':
		options->count = (unsigned)strtoul(optarg, NULL, 10);
		return options->count >= 1;
	case 'n':
		options->name = optarg;
		return true;
	case 't':
		options->timeout_ms = (int)strtol(optarg, NULL, 10);
		return true;
	default:
		return false;
	}
}

static bool parse(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {{"processes", required_argument, NULL, 'p'},
						     {"uid", required_argument, NULL, 'u'},
						     {"count", required_argument, NULL, 'c'},
						     {"name", required_argument, NULL, 'n'},
						     {"timeout-ms", required_argument, NULL, 't'},
						     {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!parse_option(options, option))
			return false;
	return optind == argc - 1 && parse_mode(options, argv[optind]) &&
	       (options->mode != MODE_WAIT || options->count <= ROUNDS_MAX);
}

#endif
