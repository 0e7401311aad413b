/* SPDX-License-Identifier: MIT */
#include "cli/subcommand.h"

#include <string.h>

/* Here and in design terms: the exit statuses that a caller of these can rely on. */
#define STATUS_OF_TOKEN                                                                            \
	"Exit status: 0 ok, 3 no such token or no broker has ever run, 4 no token yet, 5 "         \
	"expired,\n"                                                                               \
	"6 suspended, 7 not a reader, 1 anything else.\n"
#define STATUS_OF_COMMAND                                                                          \
	"Exit status: 0 done, 3 no such token, 7 not permitted, 8 the broker is not running,\n"    \
	"9 the outcome did not show in time, 10 too soon or in conflict, 1 failed.\n"

static const struct subcommand subcommands[] = {
	{
		.name = "get",
		.run = get_run,
		.takes = ARGUMENTS_NAME | ARGUMENTS_FORMAT | ARGUMENTS_MIN_REMAINING |
			 ARGUMENTS_WAIT,
		.usage = "[NAME] [--format raw|header|json|curl-config] [--min-remaining SEC] "
			 "[--wait SEC]",
		.summary = "prints the token",
		.details =
			"Never asks the broker or the network: it reads shared memory. Prefer\n"
			"curl-config to header for curl: an argument list is visible to others.\n"
			"\n" STATUS_OF_TOKEN,
		.examples = "tokenbroker get --format curl-config |\n"
			    "      curl -K - https://example.blueconic.net/rest/v2/profiles\n"
			    "  tokenbroker get crm --min-remaining 60 --wait 30\n"
			    "  tokenbroker get --format json | jq -r .expires_at\n",
	},
	{
		.name = "info",
		.run = info_run,
		.takes = ARGUMENTS_NAME | ARGUMENTS_JSON,
		.usage = "[NAME] [--json]",
		.summary = "prints generation, state, expiry and time left, never the token",
		.details = STATUS_OF_TOKEN,
		.examples = "tokenbroker info\n"
			    "  tokenbroker info crm --json | jq .remaining_ms\n",
	},
	{
		.name = "wait",
		.run = wait_run,
		.takes = ARGUMENTS_NAME | ARGUMENTS_AFTER | ARGUMENTS_TIMEOUT,
		.usage = "[NAME] [--after GENERATION] [--timeout SEC]",
		.summary = "waits for a newer usable token and prints its generation",
		.details =
			"A suspended token, or one that leaves the configuration, does not end "
			"it:\n"
			"both may come back.\n"
			"\n"
			"Exit status: 0 it is there, 3 no such token or no broker has ever run,\n"
			"7 not a reader, 9 timed out, 1 anything else.\n",
		.examples = "tokenbroker wait --timeout 30\n"
			    "  tokenbroker wait crm --after 1795428003\n",
	},
	{
		.name = "reject",
		.run = reject_run,
		.takes = ARGUMENTS_NAME | ARGUMENTS_GENERATION,
		.usage = "[NAME] GENERATION",
		.summary = "tells the broker that the API answered 401 to this token",
		.details =
			"The broker fetches a newer one, however many callers say so. A "
			"generation\n"
			"that has already been replaced is no failure: read the token again.\n"
			"\n"
			"Exit status: 0 a newer token is there or on its way, 3 no such token,\n"
			"6 suspended, 7 not a reader, 8 the broker is not running, 9 no answer,\n"
			"1 anything else.\n",
		.examples =
			"tokenbroker reject 1795428003 && tokenbroker wait --after 1795428003\n",
	},
	{
		.name = "run",
		.run = run_run,
		.takes = ARGUMENTS_NAME | ARGUMENTS_WAIT | ARGUMENTS_COMMAND,
		.usage = "[NAME] [--wait SEC] -- COMMAND...",
		.summary = "runs a command with the token in a file that is kept fresh",
		.details =
			"$BEARER_TOKEN_FILE names the file. It holds the token and nothing else, "
			"no\n"
			"newline either; only you can read it, and it lies in memory. It is "
			"replaced\n"
			"whenever the token is, is gone while there is no usable token (expired,\n"
			"suspended), and is removed at the end. Read it again for each request.\n"
			"\n"
			"Exit status: that of COMMAND, 128 + N if signal N ended it, 126 if it "
			"cannot\n"
			"be executed, 127 if there is no such command. Without a usable token "
			"COMMAND\n"
			"is not started: 3 no such token or no broker has ever run, 4 no token "
			"yet,\n"
			"5 expired, 6 suspended, 7 not a reader, 1 anything else.\n",
		.examples = "tokenbroker run --wait 30 -- ./export.py\n"
			    "  tokenbroker run crm -- sh -c 'wc -c < \"$BEARER_TOKEN_FILE\"'\n",
	},
	{
		.name = "status",
		.run = status_run,
		.takes = ARGUMENTS_JSON | ARGUMENTS_WATCH,
		.usage = "[--json] [--watch]",
		.summary = "shows all tokens, what is wrong and what happens next",
		.details =
			"Exit status: 0 shown, whatever the tokens' states, 3 there is no status\n"
			"document, 8 it is old because the broker has stopped, 1 anything else.\n",
		.examples = "tokenbroker status --watch\n"
			    "  tokenbroker status --json | jq '.tokens[] | {name, state}'\n",
	},
	{
		.name = "refresh",
		.run = command_run,
		.takes = ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT,
		.usage = "NAME [--wait SEC]",
		.summary = "fetches a new token now; the old one serves until it is there",
		.details = "Waits for the outcome, 35 s unless told otherwise; --wait 0 does not.\n"
			   "\n" STATUS_OF_COMMAND,
		.examples = "tokenbroker refresh default\n",
	},
	{
		.name = "revoke",
		.run = command_run,
		.takes = ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT,
		.usage = "NAME [--wait SEC]",
		.summary = "replaces the token and has the server revoke the old one",
		.details = "For a token that leaked. If no successor can be had, the token is "
			   "withdrawn\n"
			   "all the same. Waits for the outcome, 35 s unless told otherwise; "
			   "--wait 0\n"
			   "does not.\n"
			   "\n" STATUS_OF_COMMAND,
		.examples = "tokenbroker revoke default --wait 60\n",
	},
	{
		.name = "suspend",
		.run = command_run,
		.takes = ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT,
		.usage = "NAME [--wait SEC]",
		.summary = "takes the token away from all readers until resume",
		.details = "When it returns 0, no reader gets the token any more, and a restart "
			   "does not\n"
			   "bring it back. The server is asked to revoke it in the background.\n"
			   "\n" STATUS_OF_COMMAND,
		.examples = "tokenbroker suspend default\n",
	},
	{
		.name = "resume",
		.run = command_run,
		.takes = ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT,
		.usage = "NAME [--wait SEC]",
		.summary = "ends a suspension and fetches a new token",
		.details = "Waits for the outcome, 35 s unless told otherwise; --wait 0 does not.\n"
			   "\n" STATUS_OF_COMMAND,
		.examples = "tokenbroker resume default\n",
	},
};

enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]) };

const struct subcommand *subcommand_find(const char *name)
{
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

void subcommand_print_overview(FILE *stream)
{
	(void)fputs("usage: tokenbroker SUBCOMMAND [ARGUMENT]...\n"
		    "       tokenbroker --help | --version\n"
		    "Reads the access tokens that tokenbrokerd keeps fresh on this host.\n"
		    "\n",
		    stream);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		(void)fprintf(stream, "  %-8s %s\n", subcommands[i].name, subcommands[i].summary);
	(void)fputs(
		"\n"
		"NAME is that of a token in tokenbroker.conf; without one $TOKENBROKER_TOKEN, "
		"else\n"
		"\"default\". $TOKENBROKER_RUNTIME_DIR names another broker than the system's.\n"
		"\n"
		"Exit status: 0 ok, 1 other failure, 2 usage, 3 no such token or no broker has "
		"ever\n"
		"run, 4 no token yet, 5 expired, 6 suspended, 7 not permitted, 8 the broker is "
		"not\n"
		"running, 9 timed out, 10 too soon or in conflict.\n"
		"\n"
		"examples:\n"
		"  tokenbroker status\n"
		"  tokenbroker get --format curl-config | curl -K - https://api.example.com/\n"
		"  tokenbroker get --help\n",
		stream);
}

void subcommand_print_help(FILE *stream, const struct subcommand *subcommand)
{
	(void)fprintf(stream, "usage: tokenbroker %s %s\n%s\n\n", subcommand->name,
		      subcommand->usage, subcommand->summary);
	for (unsigned bit = 1; bit <= ARGUMENTS_WATCH; bit <<= 1)
		if ((subcommand->takes & bit) != 0)
			(void)fputs(arguments_describe(bit), stream);
	(void)fprintf(stream, "  --help\n\n%s\nexamples:\n  %s", subcommand->details,
		      subcommand->examples);
}
