/* SPDX-License-Identifier: MIT */
/* By which clocks a token was written that an earlier broker has left. Pure. */
#ifndef BROKER_PUBLISH_CONTENT_CLOCK_H
#define BROKER_PUBLISH_CONTENT_CLOCK_H

#include <stdint.h>

#include "publish/publication_content.h"

enum content_clock {
	CONTENT_CLOCK_SAME,
	CONTENT_CLOCK_SET,     /* one of the clocks was set, or stood still, since it was written */
	CONTENT_CLOCK_ANOTHER, /* its CLOCK_BOOTTIME is not ours: time_namespaces(7) */
};

/*
 * content: of state VALID. The times: CLOCK_BOOTTIME and CLOCK_REALTIME at one moment, in ns.
 * ANOTHER is what would be good for longer than it was when it came: its expiry means nothing here.
 */
enum content_clock content_clock(const struct publication_content *content, int64_t boottime_ns,
				 int64_t realtime_ns);

#endif
