/* SPDX-License-Identifier: MIT */
/* The one clock of the library. */
#ifndef CLIENTLIB_CLOCK_H
#define CLIENTLIB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* CLOCK_BOOTTIME in nanoseconds: neither a suspended machine nor a set clock prolongs a token. */
static inline int64_t clock_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail with this clock */
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

#endif
