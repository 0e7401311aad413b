/* SPDX-License-Identifier: MIT */
/*
 * What the user sees: results on stdout, whose loss is a failure, and messages on stderr.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"

/* "tokenbroker: " and the escaped text on one line of stderr. */
void output_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what error means for the token, and returns its exit status. */
int output_error(int error, const char *name);

/* Writes to stdout past stdio, which would keep a copy. 0 or a negative errno. */
int output_write(const void *data, size_t size);

/* Flushes stdout. 0 or a negative errno, also for an earlier write that failed. */
int output_flush(void);

/* output_flush(); EXIT_STATUS_FAILURE with a message if anything printed did not get out (a full
 * disk, a closed pipe), else status. */
int output_finish(int status);
/* The message of output_finish(). */
int output_lost(int error);

/* stdout is a terminal that knows escape sequences. */
bool output_is_terminal(void);
/* And colours are wanted: no-color.org. */
bool output_has_colours(void);

#endif
