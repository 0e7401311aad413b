/* SPDX-License-Identifier: MIT */
/*
 * The clocks, read in one place. Everything that decides takes the time as an argument.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_S   INT64_C(1000000000)
#define MS_PER_S   INT64_C(1000)
#define USEC_PER_S INT64_C(1000000)

/* segment.md section 6: clocks that have moved against each other by more were set, or the machine
 * was paused. */
#define CLOCK_JUMP_NS (INT64_C(10) * NS_PER_S)

/* CLOCK_BOOTTIME: goes on while the machine sleeps, is never set. Deadlines and expiry. */
int64_t clock_boottime_ns(void);
int64_t clock_boottime_ms(void);
/* CLOCK_REALTIME: for people, logs and other machines. */
int64_t clock_realtime_ns(void);
/* CLOCK_MONOTONIC: for measuring how long our own work took. */
int64_t clock_monotonic_ns(void);

/* "2026-11-23T10:00:00Z" */
#define CLOCK_RFC3339_BYTES 32
/* Writes realtime_ns as RFC 3339 UTC, whole seconds, rounded down; returns buffer. */
const char *clock_rfc3339(int64_t realtime_ns, char buffer[static CLOCK_RFC3339_BYTES]);
/* The way back, only of what clock_rfc3339() writes: Unix time in seconds. false: not a time. */
bool clock_parse_rfc3339(const char *text, int64_t *ret_s);

#endif
