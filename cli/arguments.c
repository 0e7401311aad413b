/* SPDX-License-Identifier: MIT */
#include "cli/arguments.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/token_name.h"

/* oauth.md: no lifetime is longer than 10 years, so no wait for a token need be. */
#define SECONDS_MAX (INT64_C(10) * 365 * 24 * 3600)

#define SECONDS     "a number of seconds with at most three decimals, up to 10 years"

static const struct {
	unsigned bit;
	const char *name;
	const char *value; /* what its value must be; NULL: it has none */
	const char *description;
} options[] = {
	{ARGUMENTS_FORMAT, "format", "raw, header, json or curl-config",
	 "  --format FORMAT      raw (default), header (Authorization: Bearer ...), json,\n"
	 "                       curl-config (for curl -K -)\n"},
	{ARGUMENTS_MIN_REMAINING, "min-remaining", SECONDS,
	 "  --min-remaining SEC  only a token that lives at least that long\n"},
	{ARGUMENTS_WAIT, "wait", SECONDS, "  --wait SEC           wait at most that long\n"},
	{ARGUMENTS_AFTER, "after", "a generation, which is a whole number",
	 "  --after GENERATION   only a token newer than this one (default 0: any usable one)\n"},
	{ARGUMENTS_TIMEOUT, "timeout", SECONDS,
	 "  --timeout SEC        give up after that long (default: never)\n"},
	{ARGUMENTS_JSON, "json", NULL, "  --json               as JSON\n"},
	{ARGUMENTS_WATCH, "watch", NULL,
	 "  --watch              stay, and show it again on every change; Ctrl-C ends it\n"},
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]), VALUE_BASE = 256, VALUE_HELP };

const char *arguments_describe(unsigned option)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].bit == option)
			return options[i].description;
	return "";
}

int arguments_parse_seconds(const char *text, int64_t *ret_ms)
{
	size_t whole = strspn(text, "0123456789");
	size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	int64_t ms = 0;

	/* 10 digits hold 10 years in seconds, and cannot overflow. */
	if (whole == 0 || whole > 10 || decimals > 3)
		return -EINVAL;
	if (text[whole] == '.' ? decimals == 0 || text[whole + 1 + decimals] != '\0'
			       : text[whole] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		ms = ms * 10 + (text[i] - '0');
	for (size_t i = 0; i < 3; i++)
		ms = ms * 10 + (i < decimals ? text[whole + 1 + i] - '0' : 0);
	if (ms > SECONDS_MAX * 1000)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

int arguments_parse_generation(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text[0] == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -EINVAL;
	}
	*ret = value;
	return 0;
}

static int parse_format(const char *text, enum arguments_format *ret)
{
	static const char *const names[] = {
		[ARGUMENTS_FORMAT_RAW] = "raw",
		[ARGUMENTS_FORMAT_HEADER] = "header",
		[ARGUMENTS_FORMAT_JSON] = "json",
		[ARGUMENTS_FORMAT_CURL_CONFIG] = "curl-config",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum arguments_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* value is NULL for an option that has none. */
static int set_option(struct arguments *arguments, unsigned bit, const char *value)
{
	switch (bit) {
	case ARGUMENTS_FORMAT:
		return parse_format(value, &arguments->format);
	case ARGUMENTS_MIN_REMAINING:
		return arguments_parse_seconds(value, &arguments->min_remaining_ms);
	case ARGUMENTS_WAIT:
		return arguments_parse_seconds(value, &arguments->wait_ms);
	case ARGUMENTS_TIMEOUT:
		return arguments_parse_seconds(value, &arguments->timeout_ms);
	case ARGUMENTS_AFTER:
		return arguments_parse_generation(value, &arguments->after);
	case ARGUMENTS_JSON:
		arguments->is_json = true;
		return 0;
	}
	assert(bit == ARGUMENTS_WATCH);
	arguments->is_watch = true;
	return 0;
}

/* What getopt_long(3) could not make sense of. */
static int explain_option(int outcome, char **argv, struct error_text *error)
{
	if (outcome == ':')
		error_text_set(error, "%s needs a value", argv[optind - 1]);
	else if (optopt >= VALUE_BASE)
		error_text_set(error, "%s: this option takes no value", argv[optind - 1]);
	else if (optopt != 0)
		error_text_set(error, "unknown option '-%c'", optopt);
	else
		error_text_set(error, "unknown option '%s'", argv[optind - 1]);
	return -EINVAL;
}

/* Fills table, whose entries lead back to options[] by their value. */
static void list_options(unsigned takes, struct option table[static OPTION_COUNT + 2])
{
	size_t count = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((takes & options[i].bit) != 0)
			table[count++] = (struct option){
				.name = options[i].name,
				.has_arg =
					options[i].value != NULL ? required_argument : no_argument,
				.val = VALUE_HELP + 1 + (int)i,
			};
	table[count++] = (struct option){.name = "help", .val = VALUE_HELP};
	table[count] = (struct option){0};
}

static int parse_options(int argc, char **argv, unsigned takes, struct arguments *arguments,
			 struct error_text *error)
{
	struct option table[OPTION_COUNT + 2];
	int outcome;

	list_options(takes, table);
	optind = 0; /* getopt(3): start afresh */
	opterr = 0;
	while ((outcome = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		int index = outcome - VALUE_HELP - 1;

		if (outcome == VALUE_HELP) {
			arguments->is_help = true;
			return 0;
		}
		if (index < 0)
			return explain_option(outcome, argv, error);
		if (set_option(arguments, options[index].bit, optarg) < 0) {
			error_text_set(error, "--%s: '%s' is not %s", options[index].name, optarg,
				       options[index].value);
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_name(const char *text, struct arguments *arguments, struct error_text *error)
{
	if (!token_name_is_valid(text)) {
		error_text_set(error, "'%s' is not a token name: [a-z0-9][a-z0-9_-]*, at most %d",
			       text, TOKEN_NAME_MAX);
		return -EINVAL;
	}
	arguments->name = text;
	return 0;
}

/* words: what is left of argv when the options are gone. */
static int parse_words(int count, char **words, unsigned takes, struct arguments *arguments,
		       struct error_text *error)
{
	bool needs_generation = (takes & ARGUMENTS_GENERATION) != 0;
	int names = (takes & (ARGUMENTS_NAME | ARGUMENTS_NAME_NEEDED)) != 0;
	int most = names + needs_generation;

	if (count > most) {
		error_text_set(error, "'%s' is one word too many", words[most]);
		return -EINVAL;
	}
	if (needs_generation &&
	    (count == 0 ||
	     arguments_parse_generation(words[count - 1], &arguments->generation) < 0 ||
	     arguments->generation == 0)) {
		error_text_set(error, "the last word must be a GENERATION, a number above 0");
		return -EINVAL;
	}
	if (count > needs_generation)
		return parse_name(words[0], arguments, error);
	if ((takes & ARGUMENTS_NAME_NEEDED) != 0) {
		error_text_set(error, "the NAME of a token is missing");
		return -EINVAL;
	}
	return 0;
}

/* Cuts argv at the first "--": what follows is COMMAND and none of our business. */
static void split_command(int *argc, char **argv, struct arguments *arguments)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			if (i + 1 < *argc)
				arguments->command = &argv[i + 1];
			*argc = i;
			return;
		}
	}
}

int arguments_parse(int argc, char **argv, unsigned takes, struct arguments *ret,
		    struct error_text *error)
{
	struct arguments arguments = {.wait_ms = -1, .timeout_ms = -1};
	bool needs_command = (takes & ARGUMENTS_COMMAND) != 0;
	int r;

	if (needs_command)
		split_command(&argc, argv, &arguments);
	r = parse_options(argc, argv, takes, &arguments, error);
	if (r < 0)
		return r;
	if (!arguments.is_help && needs_command && arguments.command == NULL) {
		error_text_set(error, "the COMMAND is missing: put it behind --");
		return -EINVAL;
	}
	if (!arguments.is_help)
		r = parse_words(argc - optind, argv + optind, takes, &arguments, error);
	if (r < 0)
		return r;
	*ret = arguments;
	return 0;
}
