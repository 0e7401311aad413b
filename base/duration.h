/* SPDX-License-Identifier: MIT */
/* How long something lasts, for people. Negative counts as 0. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

#define DURATION_BYTES 40

/* Two units at most, rounded down: "59 s", "12 min", "3 h 20 min", "2 d 4 h". Returns buffer. */
const char *duration_text(int64_t seconds, char buffer[static DURATION_BYTES]);

/* To the second, for a display that ticks: "0:09", "59:59", "1:00:00", "2 d 4:00:00". Returns
 * buffer. */
const char *duration_countdown(int64_t seconds, char buffer[static DURATION_BYTES]);

#endif
