/* SPDX-License-Identifier: MIT */
/* The status document as a table for people. Pure: time is an argument. */
#ifndef CLI_STATUS_TABLE_H
#define CLI_STATUS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status_view.h"

/* One line a token, below a line of titles; then what is wrong with the configuration. */
void status_table_print(FILE *stream, const struct status_view *view, int64_t now_s,
			bool has_colours);

#define STATUS_TABLE_DURATION_BYTES 40
/* Two units at most: "59 s", "12 min", "3 h 20 min", "2 d 4 h". A negative one is "0 s". */
const char *status_table_duration(int64_t seconds, char buffer[static STATUS_TABLE_DURATION_BYTES]);

#endif
