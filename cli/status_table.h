/* SPDX-License-Identifier: MIT */
/* The status document as a table for people. Pure: time is an argument. */
#ifndef CLI_STATUS_TABLE_H
#define CLI_STATUS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status_view.h"

/* One line a token, below a line of titles; then what is wrong with the configuration. */
void status_table_print(FILE *stream, const struct status_view *view, int64_t now_s,
			bool has_colours);

#endif
