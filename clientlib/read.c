/* SPDX-License-Identifier: MIT */
#include "clientlib/read.h"

#include <sched.h>
#include <string.h>

#include "clientlib/try_read.h"

/* A writer publishes at most once a millisecond and a try takes microseconds at most. Who is
 * overtaken this often is preempted again and again: yield once, in case that helps. */
#define TRIES_BEFORE_YIELD 64
#define TRIES              128

/* Leaves the copy that counts, if there is one, and nothing of the tries before it. */
static void wipe_rest(char *buffer, size_t written, size_t length, size_t size)
{
	size_t kept = length > 0 && length < size ? length + 1 : 0;

	if (written > kept)
		explicit_bzero(buffer + kept, written - kept);
}

/* Tells the processor that this is a loop of tries. */
static inline void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

enum read_outcome segment_read(const struct segment *segment, char *buffer, size_t size,
			       struct reading *ret)
{
	size_t written = 0; /* by any try */

	for (unsigned tries = 1; tries <= TRIES; tries++) {
		size_t copied;
		enum read_outcome outcome = try_to_read(segment, segment->base, tries == TRIES,
							buffer, size, &copied, ret);

		written = copied > written ? copied : written;
		if (outcome != READ_OVERTAKEN) {
			wipe_rest(buffer, written, outcome == READ_DONE ? ret->length : 0, size);
			return outcome;
		}
		if (tries == TRIES_BEFORE_YIELD)
			(void)sched_yield();
		else
			pause_briefly();
	}
	wipe_rest(buffer, written, 0, size);
	return READ_OVERTAKEN;
}
