/* SPDX-License-Identifier: MIT */
/* The Retry-After header, RFC 9110 10.2.3: seconds or one of the three forms of a date. Pure. */
#ifndef BROKER_SOURCE_RETRY_AFTER_H
#define BROKER_SOURCE_RETRY_AFTER_H

#include <stdint.h>

/* However far the server points, no pause is longer: its clock or ours may be wrong. */
#define RETRY_AFTER_MAX_MS INT64_C(3600000)

/* The pause from now on, in milliseconds: 0 for "", rubbish and the past. */
int64_t retry_after_parse(const char *value, int64_t now_realtime_ns);

#endif
