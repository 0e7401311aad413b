/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clientlib/clock.h"
#include "clientlib/handle.h"

/* A security bound: any reader may requeue other sleepers away with the futex calls, so nobody
 * relies on being woken for longer than this. */
#define SLICE_NS (5 * NS_PER_S)
/* Nobody wakes us in a segment that was given up: look for the next one this often. */
#define SLICE_WITHOUT_SEGMENT_NS (250 * NS_PER_MS)

/* Errors that waiting does not cure. A token may come back, and so may memory and descriptors. */
static bool ends_the_wait(int error)
{
	return error == -EPERM || error == -EPROTO || error == -EACCES;
}

/* Sleeps while the futex word is seen_wake. 0 on any reason to look again, or -EINTR. Without the
 * PRIVATE flag: the writer is another process. */
static int sleep_unless_moved(const struct segment *segment, uint32_t seen_wake, int64_t for_ns)
{
	struct timespec timeout = {.tv_sec = for_ns / NS_PER_S, .tv_nsec = for_ns % NS_PER_S};
	long r =
		syscall(SYS_futex, segment_wake(segment), FUTEX_WAIT, seen_wake, &timeout, NULL, 0);

	return r < 0 && errno == EINTR ? -EINTR : 0;
}

static int64_t slice_ns(bool has_live_segment, int64_t left_ns)
{
	int64_t most_ns = has_live_segment ? SLICE_NS : SLICE_WITHOUT_SEGMENT_NS;

	return left_ns < most_ns ? left_ns : most_ns;
}

EXPORT int tokenbroker_wait(struct tokenbroker *tb, uint64_t after_generation, int timeout_ms)
{
	int64_t deadline_ns = timeout_ms < 0 ? INT64_MAX : clock_now_ns() + timeout_ms * NS_PER_MS;

	for (;;) {
		const struct mapping *mapping =
			atomic_load_explicit(&tb->current, memory_order_acquire);
		/* Before the look: what is published after it moves the word that we sleep on. */
		uint32_t wake =
			atomic_load_explicit(segment_wake(&mapping->segment), memory_order_acquire);
		struct sight sight = {0};
		int r = handle_see(tb, NULL, 0, &sight);
		int64_t now_ns = clock_now_ns();

		if (r == 0 && sight_is_usable(&sight) &&
		    sight.reading.generation > after_generation)
			return 0;
		if (ends_the_wait(r))
			return r;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (atomic_load_explicit(&tb->current, memory_order_acquire) != mapping)
			continue; /* replaced: that is not the word to sleep on */
		r = sleep_unless_moved(
			&mapping->segment, wake,
			slice_ns(r == 0 && !sight.reading.is_retired, deadline_ns - now_ns));
		if (r < 0)
			return r;
	}
}
