/* SPDX-License-Identifier: MIT */
/* How long something lasts, for people: "12 s", "5 min 3 s", "52 min", "3 h 7 min", "2 d 4 h". */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

#define DURATION_BYTES 40

/* Rounded down; negative counts as 0. Returns buffer. */
const char *duration_text(int64_t seconds, char buffer[static DURATION_BYTES]);

#endif
