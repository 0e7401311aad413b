/* SPDX-License-Identifier: MIT */
/*
 * When each token of one name was published: a thread looks at its generation each millisecond,
 * ahead of all other threads where it may. A time is that of the last look at which the token was
 * not there yet, so that nobody who waited for it counts as told earlier than he was.
 */
#ifndef TESTS_SUPPORT_PUBLISH_TIMES_H
#define TESTS_SUPPORT_PUBLISH_TIMES_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "tokenbroker.h"

enum { PUBLISH_TIMES_MAX = 4096 };

/* Starts zeroed. */
struct publish_times {
	struct tokenbroker *tb;
	pthread_t thread;
	atomic_bool is_over;
	unsigned count;
	struct {
		uint64_t generation;
		int64_t not_yet_ns;
	} seen[PUBLISH_TIMES_MAX];
};

static void publish_times_look(struct publish_times *times, int64_t *last_look_ns)
{
	uint64_t last = times->count > 0 ? times->seen[times->count - 1].generation : 0;
	int64_t now_ns = clock_monotonic_ns();
	uint64_t generation = tokenbroker_generation(times->tb);

	if (generation > last && times->count < PUBLISH_TIMES_MAX) {
		times->seen[times->count].generation = generation;
		times->seen[times->count].not_yet_ns = *last_look_ns;
		times->count++;
	}
	*last_look_ns = now_ns;
}

static void *publish_times_watch(void *userdata)
{
	const struct sched_param first = {.sched_priority = 1};
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	struct publish_times *times = userdata;
	int64_t last_look_ns = clock_monotonic_ns();

	(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &first); /* only root may */
	while (!times->is_over) {
		publish_times_look(times, &last_look_ns);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* Not before a fork(2): a child has no such thread. 0 or negative errno. */
static int publish_times_start(struct publish_times *times, const char *name)
{
	int r = tokenbroker_open(&times->tb, name);

	if (r < 0)
		return r;
	r = -pthread_create(&times->thread, NULL, publish_times_watch, times);
	if (r < 0) {
		tokenbroker_close(times->tb);
		times->tb = NULL;
	}
	return r;
}

/* The times stay. */
static void publish_times_stop(struct publish_times *times)
{
	if (times->tb == NULL)
		return;
	times->is_over = true;
	pthread_join(times->thread, NULL);
	tokenbroker_close(times->tb);
	times->tb = NULL;
}

/* When a token came that is newer than that; INT64_MAX: none that was seen. */
static int64_t publish_times_after(const struct publish_times *times, uint64_t generation)
{
	for (unsigned i = 0; i < times->count; i++)
		if (times->seen[i].generation > generation)
			return times->seen[i].not_yet_ns;
	return INT64_MAX;
}

#endif
