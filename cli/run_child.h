/* SPDX-License-Identifier: MIT */
/*
 * COMMAND of `tokenbroker run`: started, passed signals on, and waited for, without a thread and
 * without a signal handler: the signals are blocked and fetched one by one.
 */
#ifndef CLI_RUN_CHILD_H
#define CLI_RUN_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct run_child {
	pid_t pid;                  /* 0: none */
	sigset_t signals;           /* that we wait for */
	sigset_t old_mask;          /* what COMMAND starts with */
	struct sigaction old_child; /* of SIGCHLD, likewise */
};

/* Blocks the signals that run_child_wait() fetches: from here on none ends this program. */
void run_child_init(struct run_child *child);

/* Starts command with variable=value in its environment. 0, or why it could not be executed. */
int run_child_start(struct run_child *child, char *const command[], const char *variable,
		    const char *value);

/*
 * Passes signals on until COMMAND has ended or timeout_ms is over. Returns true with *ret_status
 * once it has ended: its exit status, or 128 + the number of the signal that ended it, as sh has
 * it.
 */
bool run_child_wait(struct run_child *child, int timeout_ms, int *ret_status);

/* Whether a signal must be passed on, and not just taken note of: code is si_code. The terminal
 * sends its signals to COMMAND, too. */
bool run_child_must_pass_on(int signal, int code);

#endif
