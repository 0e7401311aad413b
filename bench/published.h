/* SPDX-License-Identifier: MIT */
/*
 * A token published by the broker's own code, without a broker: a runtime directory of its own in
 * /dev/shm, one token, "default", that this process or a child of it publishes. The library finds
 * it, because TOKENBROKER_RUNTIME_DIR is set.
 */
#ifndef BENCH_PUBLISHED_H
#define BENCH_PUBLISHED_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/publish/publication.h"
#include "broker/publish/publisher.h"
#include "include/tokenbroker.h"

struct published {
	char path[32];
	struct runtime_dir *dir;
	struct publisher *publisher;
	struct publication *publication;
	uint64_t generation;
	char *token;
	size_t length;
};

static inline void published_die(const char *what, int error)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

/* A new token of the same length; due work of the publisher, too. */
static inline void published_put(struct published *published)
{
	int64_t hour_ns = 3600 * NS_PER_S;
	int64_t now_ns = clock_boottime_ns();
	struct publication_content content = {
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = ++published->generation,
		.expires_boottime_ns = now_ns + hour_ns,
		.expires_realtime_ns = clock_realtime_ns() + hour_ns,
		.issued_realtime_ns = clock_realtime_ns(),
		.token = published->token,
		.length = published->length,
	};
	int r = publication_put(published->publication, &content, false, now_ns);

	if (r < 0)
		published_die("publication_put", r);
	publisher_run(published->publisher, now_ns);
}

static inline void published_set_length(struct published *published, size_t length)
{
	published->token = realloc(published->token, length);
	if (published->token == NULL)
		published_die("no memory", -ENOMEM);
	memset(published->token, 'x', length);
	published->length = length;
}

static inline void published_init(struct published *published, size_t length)
{
	struct principals readers = {0};
	struct publication_found found = {0};
	struct error_text error = {0};
	int r;

	*published = (struct published){.path = "/dev/shm/tb-bench.XXXXXX", .generation = 1};
	if (mkdtemp(published->path) == NULL || chmod(published->path, 0755) < 0)
		published_die(published->path, -errno);
	r = runtime_dir_new(&published->dir, published->path, RUNTIME_DIR_BACKING_SHM, &error);
	if (r < 0)
		published_die(error.text, r);
	r = publisher_new(&published->publisher, published->dir);
	if (r == 0)
		r = publication_new(&published->publication, published->publisher, "default",
				    &readers, &found);
	if (r < 0)
		published_die("publisher", r);
	published_set_length(published, length);
	published_put(published);
	(void)setenv("TOKENBROKER_RUNTIME_DIR", published->path, 1);
}

/* Nothing of it is left. */
static inline void published_fini(struct published *published)
{
	char path[sizeof(published->path) + sizeof("/tokens")];

	(void)publication_remove(published->publication, clock_boottime_ns());
	publisher_free(published->publisher);
	runtime_dir_free(published->dir);
	(void)snprintf(path, sizeof(path), "%s/lock", published->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/tokens", published->path);
	(void)rmdir(path);
	if (rmdir(published->path) < 0)
		perror(published->path);
	free(published->token);
}

/* A child that publishes a new token every millisecond until published_stop_child(). Where it may,
 * it goes before others: readers that want all processors are not to make it publish less often. */
static inline pid_t published_start_child(struct published *published)
{
	const struct sched_param first = {.sched_priority = 1};
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	pid_t child = fork();

	if (child != 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	for (;;) {
		published_put(published);
		(void)nanosleep(&pause, NULL);
	}
}

/* Whether it still published until now. */
static inline bool published_stop_child(pid_t child)
{
	bool has_lived = waitpid(child, NULL, WNOHANG) == 0;

	if (has_lived) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	return has_lived;
}

static inline struct tokenbroker *published_open(void)
{
	struct tokenbroker *tb = NULL;
	int r = tokenbroker_open(&tb, "default");

	if (r < 0)
		published_die("tokenbroker_open", r);
	return tb;
}

#endif
