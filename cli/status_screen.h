/* SPDX-License-Identifier: MIT */
/*
 * The whole of what `tokenbroker status --watch` shows in a terminal, as text. Pure: time, size and
 * abilities of the terminal are arguments.
 */
#ifndef CLI_STATUS_SCREEN_H
#define CLI_STATUS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status_file.h"
#include "base/status_view.h"

struct status_screen {
	const struct status_view *view;
	struct status_file_mark mark; /* the heartbeat */
	const char *problem; /* why there is no newer document than view; NULL: it is the newest */
	int64_t now_ns;      /* CLOCK_REALTIME */
	size_t width;        /* cells that a line may have */
	size_t height;       /* lines */
	bool has_utf8;
	bool has_colours;
};

/*
 * 0 and text to be freed, at most height lines of at most width cells, each with a newline; or
 * -ENOMEM. If not everything fits, tokens that are well get one line each; if that is not enough,
 * those in trouble come first and a line says how many are left out.
 */
int status_screen_render(const struct status_screen *screen, char **ret);

#endif
