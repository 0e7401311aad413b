/* SPDX-License-Identifier: MIT */
/*
 * How long it takes from the start of a broker to a reader that holds its first token, of COUNT
 * tokens each; and how long another command takes from its start to its end. Once each.
 *
 *   first_token COUNT BROKER... -- COMMAND...
 *
 * The tokens are named default, t1, t2... Prints a line of JSON: nanoseconds of both, and the
 * length of the last token. The reader looks for a token's name as a program does that may have
 * been started before the broker, but more often; then it sleeps in the library. Once it has them
 * all the broker is ended and its end is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <tokenbroker.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum { WAIT_MS = 60000 };

static int open_as_soon_as_possible(struct tokenbroker **ret, const char *name, int64_t deadline_ns)
{
	static const struct timespec pause = {.tv_nsec = 50000};

	for (;;) {
		int r = tokenbroker_open(ret, name);

		if (r != -ENOENT || clock_monotonic_ns() > deadline_ns)
			return r;
		(void)nanosleep(&pause, NULL);
	}
}

/* The length of the token, or a negative errno. */
static int first_token(const char *name, int64_t deadline_ns)
{
	char token[TOKENBROKER_TOKEN_MAX + 1];
	struct tokenbroker *tb = NULL;
	struct tokenbroker_info info;
	int r = open_as_soon_as_possible(&tb, name, deadline_ns);

	if (r == 0)
		r = tokenbroker_wait(tb, 0, WAIT_MS);
	if (r == 0)
		r = tokenbroker_get(tb, 0, token, sizeof(token), &info);
	tokenbroker_close(tb);
	return r < 0 ? r : (int)info.length;
}

static pid_t start(char **argv)
{
	pid_t child;

	if (posix_spawnp(&child, argv[0], NULL, NULL, argv, environ) == 0)
		return child;
	perror(argv[0]);
	exit(EXIT_FAILURE);
}

static bool ends_well(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && status == 0;
}

/* How long it was ready to run and another process had the processor: the second number of
 * /proc/PID/schedstat. */
static int64_t waited_ns(pid_t pid)
{
	CLEANUP(close_fd) int fd = -1;
	char path[32];
	char text[64] = "";
	const char *second;

	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	second = strchr(text, ' ');
	return second == NULL ? 0 : strtoll(second, NULL, 10);
}

/* A negative errno, or the length of the last token. */
static int time_broker(int count, char **argv, int64_t *ret_ns, int64_t *ret_waited_ns)
{
	int64_t started_ns = clock_monotonic_ns();
	int64_t deadline_ns = started_ns + WAIT_MS * NS_PER_MS;
	pid_t broker = start(argv);
	int length = first_token("default", deadline_ns);

	for (int i = 1; i < count && length >= 0; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "t%d", i);
		length = first_token(name, deadline_ns);
	}
	*ret_ns = clock_monotonic_ns() - started_ns;
	*ret_waited_ns = waited_ns(broker);
	(void)kill(broker, SIGTERM);
	return ends_well(broker) ? length : -ECHILD;
}

static bool time_command(char **argv, int64_t *ret_ns)
{
	int64_t started_ns = clock_monotonic_ns();
	bool is_good = ends_well(start(argv));

	*ret_ns = clock_monotonic_ns() - started_ns;
	return is_good;
}

int main(int argc, char **argv)
{
	int64_t broker_ns;
	int64_t broker_waited_ns;
	int64_t command_ns;
	int length;
	int cut = 2;

	while (cut < argc && strcmp(argv[cut], "--") != 0)
		cut++;
	if (cut + 1 >= argc)
		return EXIT_FAILURE;
	argv[cut] = NULL;
	length = time_broker(atoi(argv[1]), argv + 2, &broker_ns, &broker_waited_ns);
	if (length < 0 || !time_command(argv + cut + 1, &command_ns)) {
		(void)fprintf(stderr, "first_token: %s\n",
			      length < 0 ? strerror(-length) : "the command failed");
		return EXIT_FAILURE;
	}
	printf("{\"broker\":%" PRId64 ",\"waited\":%" PRId64 ",\"command\":%" PRId64
	       ",\"length\":%d}\n",
	       broker_ns, broker_waited_ns, command_ns, length);
	return EXIT_SUCCESS;
}
