/* SPDX-License-Identifier: MIT */
/*
 * The exit status of tokenbroker, and the sentence that goes with it. Scripts rely on the numbers:
 * docs and manual page list them.
 */
#ifndef CLI_EXIT_STATUS_H
#define CLI_EXIT_STATUS_H

#include "base/error_text.h"
#include "tokenbroker_control.h"

enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_FAILURE = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_NO_TOKEN = 3, /* no such token, or no broker has ever run */
	EXIT_STATUS_NOT_YET = 4,
	EXIT_STATUS_EXPIRED = 5,
	EXIT_STATUS_SUSPENDED = 6,
	EXIT_STATUS_DENIED = 7,
	EXIT_STATUS_NO_BROKER = 8,
	EXIT_STATUS_TIMED_OUT = 9,
	EXIT_STATUS_CONFLICT = 10, /* too soon, or not in this state */
	/* `run` only, as in sh. */
	EXIT_STATUS_NOT_EXECUTABLE = 126,
	EXIT_STATUS_NOT_FOUND = 127,
};

/* error: what a function of the library returned, 0 or negative. */
int exit_status_of_error(int error);

/* What that error means for the token called name, and what to do about it. error is not 0. */
void exit_status_explain_error(int error, const char *name, struct error_text *ret);

/* result: TOKENBROKER_CONTROL_*; any other number is a failure. */
int exit_status_of_result(unsigned result);

/* What the broker's answer to the command (its name, as the user typed it) means; for one that is
 * not TOKENBROKER_CONTROL_ACCEPTED. */
void exit_status_explain_answer(const struct tokenbroker_control_answer *answer,
				const char *command, const char *name, struct error_text *ret);

#endif
