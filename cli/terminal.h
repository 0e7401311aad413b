/* SPDX-License-Identifier: MIT */
/*
 * Standard output as a place to stay: a terminal's other screen with single keys, or a stream whose
 * reader may go away. Ends by signal, by key or with its reader, and leaves a terminal as it was.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct terminal {
	bool has_screen; /* a terminal to draw on; else a stream */
	int signal_fd;   /* -1: not begun */
	bool is_drawing; /* on the other screen now; not in a shell's background */
	bool has_keys;   /* standard input gives single keys, and saved is what it was before */
	struct termios saved;
};

#define TERMINAL_NULL                                                                              \
	{                                                                                          \
		.signal_fd = -1                                                                    \
	}

enum terminal_event {
	TERMINAL_TIMEOUT,
	TERMINAL_CHANGED, /* another size, or back after Ctrl-Z: draw again */
	TERMINAL_END,     /* Ctrl-C, SIGTERM, SIGHUP or the key q */
	TERMINAL_GONE,    /* nobody reads standard output any more */
};

/* Blocks the signals that terminal_wait() fetches: from here on none ends this program. A negative
 * errno if signalfd(2) fails. */
int terminal_begin(struct terminal *terminal, bool has_screen);
enum terminal_event terminal_wait(struct terminal *terminal, int timeout_ms);
void terminal_end(struct terminal *terminal);

/* 80 and 24 if it is not known. */
void terminal_size(size_t *ret_columns, size_t *ret_lines);

/* By LC_ALL, LC_CTYPE and LANG. */
bool terminal_has_utf8(void);

#endif
