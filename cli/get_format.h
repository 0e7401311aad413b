/* SPDX-License-Identifier: MIT */
/* A token as `tokenbroker get` prints it. Pure. */
#ifndef CLI_GET_FORMAT_H
#define CLI_GET_FORMAT_H

#include "base/clock.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "tokenbroker.h"

/* What stands around a token in any format, with room to spare. */
#define GET_FORMAT_BYTES 256

/* value passed token_is_clean(). The text ends with a newline. */
void get_format(struct text *text, enum arguments_format format, const char *value,
		const struct tokenbroker_info *info);

/* Unix time in seconds as RFC 3339; what no 64-bit count of nanoseconds holds is moved to its end.
 */
const char *get_format_time(int64_t seconds, char buffer[static CLOCK_RFC3339_BYTES]);

#endif
