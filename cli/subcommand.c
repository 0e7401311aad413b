/* SPDX-License-Identifier: MIT */
#include "cli/subcommand.h"

#include <string.h>

#define STATUS_OF_TOKEN                                                                            \
	"Exit status: 0 ok, 3 no such token or no broker has ever run, 4 no token yet,\n"          \
	"5 expired, 6 suspended, 7 not a reader, 1 anything else.\n"

#define STATUS_OF_COMMAND                                                                          \
	"\n"                                                                                       \
	"Exit status: 0 done, 3 no such token, 7 not permitted, 8 the broker is not running,\n"    \
	"9 the outcome did not show in time, 10 too soon or in conflict, 1 failed.\n"

static const char get_details[] =
	"Reads shared memory: neither broker nor network is asked. --wait also waits for a\n"
	"broker that has not started yet. Prefer curl-config to header for curl: an argument\n"
	"list is visible to others.\n"
	"\n" STATUS_OF_TOKEN;

static const char get_examples[] =
	"  tokenbroker get --format curl-config |\n"
	"      curl -K - https://example.blueconic.net/rest/v2/profiles\n"
	"  tokenbroker get crm --min-remaining 60 --wait 30\n"
	"  tokenbroker get --format json | jq -r .expires_at\n";

static const char info_examples[] = "  tokenbroker info\n"
				    "  tokenbroker info crm --json | jq .remaining_ms\n";

static const char wait_details[] =
	"A suspended token, or one that leaves the configuration, does not end it: both may\n"
	"come back. With --timeout it also waits for a broker that has not started yet.\n"
	"\n"
	"Exit status: 0 it is there, 3 no such token or no broker has ever run, 7 not a reader,\n"
	"9 timed out, 1 anything else.\n";

static const char wait_examples[] = "  tokenbroker wait --timeout 30\n"
				    "  tokenbroker wait crm --after 1795428003\n";

static const char reject_details[] =
	"The broker fetches a newer one, however many callers say so. A generation that has\n"
	"already been replaced is no failure: read the token again.\n"
	"\n"
	"Exit status: 0 a newer token is there or on its way, 3 no such token, 6 suspended,\n"
	"7 not a reader, 8 the broker is not running, 9 no answer, 1 anything else.\n";

static const char reject_examples[] =
	"  tokenbroker reject 1795428003 && tokenbroker wait --after 1795428003\n";

static const char run_details[] =
	"$BEARER_TOKEN_FILE names the file. It holds the token and nothing else, no newline\n"
	"either; only you can read it, and it lies in memory. It is replaced whenever the token\n"
	"is, is gone while there is no usable token (expired, suspended), and is removed at the\n"
	"end: read it again for each request. --wait waits for a usable token first, also for a\n"
	"broker that has not started yet.\n"
	"\n"
	"Exit status: that of COMMAND, 128 + N if signal N ended it, 126 if it cannot be\n"
	"executed, 127 if there is no such command. Without a usable token COMMAND is not\n"
	"started: 3 no such token or no broker has ever run, 4 no token yet, 5 expired,\n"
	"6 suspended, 7 not a reader, 1 anything else.\n";

static const char run_examples[] =
	"  tokenbroker run --wait 30 -- ./export.py\n"
	"  tokenbroker run crm -- sh -c 'wc -c < \"$BEARER_TOKEN_FILE\"'\n";

static const char status_details[] =
	"Exit status: 0 shown, whatever the tokens' states, 3 there is no status document,\n"
	"8 it is old because the broker was stopped or is stuck, 1 anything else.\n";

static const char status_examples[] =
	"  tokenbroker status --watch\n"
	"  tokenbroker status --json | jq '.tokens[] | {name, state}'\n";

static const char refresh_details[] =
	"Waits for the outcome, 35 s unless told otherwise; --wait 0 does not.\n" STATUS_OF_COMMAND;

static const char refresh_examples[] = "  tokenbroker refresh default\n";

static const char revoke_details[] =
	"For a token that leaked. If no successor can be had, the token is withdrawn all the\n"
	"same. Waits for the outcome, 35 s unless told otherwise; --wait 0 does "
	"not.\n" STATUS_OF_COMMAND;

static const char revoke_examples[] = "  tokenbroker revoke default --wait 60\n";

static const char suspend_details[] =
	"When it returns 0, no reader gets the token any more, and a restart does not bring it\n"
	"back. The server is asked to revoke it in the background.\n" STATUS_OF_COMMAND;

static const char suspend_examples[] = "  tokenbroker suspend default\n";

static const char resume_details[] =
	"Waits for the outcome, 35 s unless told otherwise; --wait 0 does not.\n" STATUS_OF_COMMAND;

static const char resume_examples[] = "  tokenbroker resume default\n";

static const struct subcommand subcommands[] = {
	{"get", get_run,
	 ARGUMENTS_NAME | ARGUMENTS_FORMAT | ARGUMENTS_MIN_REMAINING | ARGUMENTS_WAIT,
	 "[NAME] [--format FORMAT] [--min-remaining SEC] [--wait SEC]", "prints the token",
	 get_details, get_examples},
	{"info", info_run, ARGUMENTS_NAME | ARGUMENTS_JSON, "[NAME] [--json]",
	 "prints generation, state, expiry and time left, never the token", STATUS_OF_TOKEN,
	 info_examples},
	{"wait", wait_run, ARGUMENTS_NAME | ARGUMENTS_AFTER | ARGUMENTS_TIMEOUT,
	 "[NAME] [--after GENERATION] [--timeout SEC]",
	 "waits for a newer usable token and prints its generation", wait_details, wait_examples},
	{"reject", reject_run, ARGUMENTS_NAME | ARGUMENTS_GENERATION, "[NAME] GENERATION",
	 "tells the broker that the API answered 401 to this token", reject_details,
	 reject_examples},
	{"run", run_run, ARGUMENTS_NAME | ARGUMENTS_WAIT | ARGUMENTS_COMMAND,
	 "[NAME] [--wait SEC] -- COMMAND...",
	 "runs a command with the token in a file that is kept fresh", run_details, run_examples},
	{"status", status_run, ARGUMENTS_JSON | ARGUMENTS_WATCH, "[--json] [--watch]",
	 "shows all tokens, what is wrong and what happens next", status_details, status_examples},
	{"refresh", command_run, ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT, "NAME [--wait SEC]",
	 "fetches a new token now; the old one serves until it is there", refresh_details,
	 refresh_examples},
	{"revoke", command_run, ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT, "NAME [--wait SEC]",
	 "replaces the token and has the server revoke the old one", revoke_details,
	 revoke_examples},
	{"suspend", command_run, ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT, "NAME [--wait SEC]",
	 "takes the token away from all readers until resume", suspend_details, suspend_examples},
	{"resume", command_run, ARGUMENTS_NAME_NEEDED | ARGUMENTS_WAIT, "NAME [--wait SEC]",
	 "ends a suspension and fetches a new token", resume_details, resume_examples},
};

enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]) };

const struct subcommand *subcommand_find(const char *name)
{
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static const char overview_end[] =
	"\n"
	"NAME is that of a token in tokenbroker.conf; without one $TOKENBROKER_TOKEN, else\n"
	"\"default\". $TOKENBROKER_RUNTIME_DIR names another broker than the system's.\n"
	"\n"
	"Exit status: 0 ok, 1 other failure, 2 usage, 3 no such token or no broker has ever run,\n"
	"4 no token yet, 5 expired, 6 suspended, 7 not permitted, 8 the broker is not running,\n"
	"9 timed out, 10 too soon or in conflict.\n"
	"\n"
	"examples:\n"
	"  tokenbroker status\n"
	"  tokenbroker get --format curl-config | curl -K - https://api.example.com/\n"
	"  tokenbroker get --help\n";

void subcommand_print_overview(FILE *stream)
{
	(void)fputs("usage: tokenbroker SUBCOMMAND [ARGUMENT]...\n"
		    "       tokenbroker --help | --version\n"
		    "Reads the access tokens that tokenbrokerd keeps fresh on this host.\n"
		    "\n",
		    stream);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		(void)fprintf(stream, "  %-8s %s\n", subcommands[i].name, subcommands[i].summary);
	(void)fputs(overview_end, stream);
}

void subcommand_print_help(FILE *stream, const struct subcommand *subcommand)
{
	(void)fprintf(stream, "usage: tokenbroker %s %s\n%s\n\n", subcommand->name,
		      subcommand->usage, subcommand->summary);
	for (unsigned bit = 1; bit <= ARGUMENTS_WATCH; bit <<= 1)
		if ((subcommand->takes & bit) != 0)
			(void)fputs(arguments_describe(bit), stream);
	(void)fprintf(stream, "  --help\n\n%s\nexamples:\n%s", subcommand->details,
		      subcommand->examples);
}
