/* SPDX-License-Identifier: MIT */
/*
 * The command line as a struct. One table of options and one row a subcommand say what is allowed;
 * parsing is pure apart from getopt_long(3)'s own state, which it resets.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error_text.h"

enum arguments_format {
	ARGUMENTS_FORMAT_RAW,
	ARGUMENTS_FORMAT_HEADER,
	ARGUMENTS_FORMAT_JSON,
	ARGUMENTS_FORMAT_CURL_CONFIG,
};

/* What a subcommand takes, as bits. */
enum {
	ARGUMENTS_NAME = 1 << 0,          /* [NAME] */
	ARGUMENTS_NAME_NEEDED = 1 << 1,   /* NAME */
	ARGUMENTS_GENERATION = 1 << 2,    /* GENERATION, after the name */
	ARGUMENTS_COMMAND = 1 << 3,       /* -- COMMAND... */
	ARGUMENTS_FORMAT = 1 << 4,        /* --format FORMAT */
	ARGUMENTS_MIN_REMAINING = 1 << 5, /* --min-remaining SEC */
	ARGUMENTS_WAIT = 1 << 6,          /* --wait SEC */
	ARGUMENTS_AFTER = 1 << 7,         /* --after GENERATION */
	ARGUMENTS_TIMEOUT = 1 << 8,       /* --timeout SEC */
	ARGUMENTS_JSON = 1 << 9,          /* --json */
	ARGUMENTS_WATCH = 1 << 10,        /* --watch */
};

struct arguments {
	const char *name; /* borrowed from argv; NULL: not given */
	enum arguments_format format;
	int64_t min_remaining_ms;
	int64_t wait_ms;    /* -1: not given */
	int64_t timeout_ms; /* -1: not given */
	uint64_t after;
	uint64_t generation;
	bool is_json;
	bool is_watch;
	bool is_help;
	char **command; /* borrowed from argv, NULL-terminated */
};

/*
 * argv[0] is the subcommand's name. takes: ARGUMENTS_* bits. The order of argv changes.
 * 0, with everything checked, or only is_help set and the rest not looked at; -EINVAL with an error
 * that says what is wrong; -ENOMEM.
 */
int arguments_parse(int argc, char **argv, unsigned takes, struct arguments *ret,
		    struct error_text *error);

/*
 * Seconds with at most three decimals ("30", "0.25"), from 0 to 10 years, as milliseconds.
 * 0 or -EINVAL.
 */
int arguments_parse_seconds(const char *text, int64_t *ret_ms);

/* A decimal number without sign or blank that fits. 0 or -EINVAL. */
int arguments_parse_generation(const char *text, uint64_t *ret);

/* One line of help for each option in takes. */
const char *arguments_describe(unsigned option);

#endif
