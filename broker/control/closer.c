/* SPDX-License-Identifier: MIT */
#include "control/closer.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* The thread frees it, once the other end of the pipe is closed: it may be held up until later. */
struct worker {
	int read_fd;
	atomic_uint backlog;
	atomic_uint closed;
	atomic_bool is_left; /* the loop does not touch it any more */
};

struct closer {
	int write_fd; /* of a pipe of descriptors, each an int */
	struct worker *worker;
};

static void close_connection(int fd)
{
	char byte;

	/* From here on the peer's send(2) fails: no message can come after the last look. */
	(void)shutdown(fd, SHUT_RD);
	for (int i = 0; i < 2; i++) /* the request, and what was sent without need */
		(void)recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);
	(void)close(fd);
}

static void free_worker(struct worker *worker)
{
	(void)close(worker->read_fd);
	free(worker);
}

static void *run(void *argument)
{
	struct worker *worker = argument;
	int fd;

	while (read(worker->read_fd, &fd, sizeof(fd)) == (ssize_t)sizeof(fd)) {
		close_connection(fd);
		atomic_fetch_add(&worker->closed, 1);
		atomic_fetch_sub(&worker->backlog, 1);
	}
	/* The end of the pipe says the same, but what came before that only the kernel knows. */
	if (atomic_load(&worker->is_left))
		free_worker(worker);
	return NULL;
}

static int start_thread(struct worker *worker)
{
	sigset_t all, saved;
	pthread_t thread;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &saved); /* the new thread inherits it */
	r = pthread_create(&thread, NULL, run, worker);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return r == 0 ? -pthread_detach(thread) : -r;
}

int closer_new(struct closer **ret)
{
	CLEANUP(free_memory) struct closer *closer = malloc(sizeof(*closer));
	CLEANUP(free_memory) struct worker *worker = malloc(sizeof(*worker));
	int fds[2];
	int r;

	if (closer == NULL || worker == NULL)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	worker->read_fd = fds[0];
	atomic_init(&worker->backlog, 0);
	atomic_init(&worker->closed, 0);
	atomic_init(&worker->is_left, false);
	r = start_thread(worker);
	if (r < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return r;
	}

	*closer = (struct closer){.write_fd = fds[1], .worker = worker};
	*ret = closer;
	worker = NULL;
	closer = NULL;
	return 0;
}

void closer_free(struct closer *closer)
{
	if (closer == NULL)
		return;
	atomic_store(&closer->worker->is_left, true);
	(void)close(closer->write_fd);
	free(closer);
}

void closer_give(struct closer *closer, int fd)
{
	ssize_t n;

	atomic_fetch_add(&closer->worker->backlog, 1);
	/* The pipe has room for more descriptors than a process can have in this place. */
	n = write(closer->write_fd, &fd, sizeof(fd));
	assert(n == (ssize_t)sizeof(fd));
	(void)n;
}

bool closer_is_full(const struct closer *closer)
{
	return atomic_load(&closer->worker->backlog) > CLOSER_BACKLOG_MAX;
}

unsigned closer_closed(const struct closer *closer)
{
	return atomic_load(&closer->worker->closed);
}
