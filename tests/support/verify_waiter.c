/* SPDX-License-Identifier: MIT */
/*
 * Waits for one token after the other, and measures how late it is told: verify_waiter SECONDS.
 * One thread sleeps in tokenbroker_wait(); another looks each millisecond whether a token is there
 * that ought to have ended that sleep, and since when. Prints one line of JSON at the end, or at
 * SIGTERM, and never a token:
 *
 *   {"waits":N,"timeouts":N,"errors":N,"too_early":N,"longest_late_us":N}
 *
 * waits: those that a newer token ended. too_early: of these, generations that were not newer.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "tokenbroker.h"

#define WAIT_MS 20000 /* longer than a slice, so that a lost sleeper shows */
#define USEC_NS 1000

struct wait {
	int64_t deadline_ns;
	atomic_uint_least64_t after; /* the generation that the sleeper waits to be passed */
	atomic_int_least64_t since;  /* when it fell asleep, 0 while it does not wait */
	atomic_bool is_over;
	uint64_t waits;
	uint64_t timeouts;
	uint64_t errors;
	uint64_t too_early;
	int64_t longest_late_ns; /* the watcher's */
};

static volatile sig_atomic_t is_stopped; /* a handler takes no argument */

static void stop(int number)
{
	(void)number;
	is_stopped = 1;
}

static void pause_1_ms(void)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};

	nanosleep(&pause, NULL);
}

static struct tokenbroker *open_patiently(struct wait *wait)
{
	struct tokenbroker *tb;

	while (!is_stopped && !wait->is_over && clock_monotonic_ns() < wait->deadline_ns) {
		if (tokenbroker_open(&tb, NULL) == 0)
			return tb;
		pause_1_ms();
	}
	return NULL;
}

/* Late is counted from when both were there, the sleeper and the token: one that was withdrawn
 * again before the sleeper got its turn counts anew. */
static void look(struct wait *wait, struct tokenbroker *tb, int64_t *there_since_ns)
{
	uint64_t after = wait->after;
	int64_t asleep_ns = wait->since;
	int64_t now_ns = clock_monotonic_ns();
	struct tokenbroker_info info;
	int64_t late_ns;

	if (asleep_ns == 0 || tokenbroker_get(tb, 0, NULL, 0, &info) != -ENOBUFS ||
	    info.generation <= after) {
		*there_since_ns = 0;
		return;
	}
	if (*there_since_ns < asleep_ns)
		*there_since_ns = now_ns;
	late_ns = now_ns - *there_since_ns;
	if (late_ns > wait->longest_late_ns)
		wait->longest_late_ns = late_ns;
}

static void *watch(void *userdata)
{
	struct wait *wait = userdata;
	struct tokenbroker *tb = open_patiently(wait);
	int64_t there_since_ns = 0;

	while (tb != NULL && !wait->is_over) {
		look(wait, tb, &there_since_ns);
		pause_1_ms();
	}
	tokenbroker_close(tb);
	return NULL;
}

static void wait_once(struct wait *wait, struct tokenbroker *tb)
{
	uint64_t after = wait->after;
	struct tokenbroker_info info;
	int r;

	wait->since = clock_monotonic_ns();
	r = tokenbroker_wait(tb, after, WAIT_MS);
	wait->since = 0;
	if (r == -ETIMEDOUT) {
		wait->timeouts++;
	} else if (r < 0) {
		wait->errors += r != -EINTR;
		pause_1_ms();
	} else {
		wait->waits++;
		/* It may be gone again, and then it is looked for once more. */
		if (tokenbroker_get(tb, 0, NULL, 0, &info) != -ENOBUFS)
			return;
		wait->too_early += info.generation <= after;
		wait->after = info.generation;
	}
}

/* SIGTERM must end the sleep, so it goes to the thread that sleeps. */
static int start_watcher(struct wait *wait, pthread_t *ret)
{
	sigset_t term;
	int r;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	r = pthread_create(ret, NULL, watch, wait);
	pthread_sigmask(SIG_UNBLOCK, &term, NULL);
	return r;
}

int main(int argc, char **argv)
{
	static struct wait wait;
	struct sigaction action = {.sa_handler = stop}; /* without SA_RESTART */
	struct tokenbroker *tb;
	pthread_t watcher;
	char *end;
	double seconds;

	if (argc != 2 || (seconds = strtod(argv[1], &end)) <= 0 || *end != '\0') {
		fprintf(stderr, "usage: verify_waiter SECONDS\n");
		return 2;
	}
	wait.deadline_ns = clock_monotonic_ns() + (int64_t)(seconds * NS_PER_S);
	sigaction(SIGTERM, &action, NULL);
	if (start_watcher(&wait, &watcher) != 0)
		return 1;
	tb = open_patiently(&wait);
	while (tb != NULL && !is_stopped && clock_monotonic_ns() < wait.deadline_ns)
		wait_once(&wait, tb);
	wait.is_over = true;
	pthread_join(watcher, NULL);
	tokenbroker_close(tb);
	printf("{\"waits\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"errors\":%" PRIu64
	       ",\"too_early\":%" PRIu64 ",\"longest_late_us\":%" PRId64 "}\n",
	       wait.waits, wait.timeouts, wait.errors, wait.too_early,
	       wait.longest_late_ns / USEC_NS);
	return 0;
}
