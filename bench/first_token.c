/* SPDX-License-Identifier: MIT */
/*
 * How long it takes from the start of a broker to a reader that holds its first token, of COUNT
 * tokens each; and how long other commands take from their start to their end. Once each.
 *
 *   first_token COUNT BROKER... [-- COMMAND...]...
 *
 * The tokens are named default, t1, t2... Prints a line of JSON: nanoseconds and CPU time of each,
 * of the broker up to its last token, and the length of that. The reader looks for a token's name
 * as a program does that may have been started before the broker, but more often; then it sleeps in
 * the library. Once it has them all the broker is ended and its end is waited for.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <tokenbroker.h>
#include <unistd.h>

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

struct taken {
	int64_t ns;
	int64_t cpu_ns;
};

/* What a process that is still there has used. */
static int64_t cpu_of_ns(pid_t pid)
{
	struct timespec used = {0};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		return 0;
	return used.tv_sec * NS_PER_S + used.tv_nsec;
}

static int64_t timeval_ns(struct timeval time)
{
	return time.tv_sec * NS_PER_S + time.tv_usec * 1000;
}

static bool ends_well(pid_t child, int64_t *ret_cpu_ns)
{
	struct rusage used;
	int status;

	if (wait4(child, &status, 0, &used) != child || status != 0)
		return false;
	*ret_cpu_ns = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
	return true;
}

/* A negative errno, or the length of the last token. */
static int time_broker(int count, char **argv, struct taken *ret_taken)
{
	int64_t started_ns = clock_monotonic_ns();
	int64_t deadline_ns = started_ns + WAIT_MS * NS_PER_MS;
	pid_t broker = start(argv);
	int length = first_token("default", deadline_ns);
	int64_t cpu_to_its_end_ns;

	for (int i = 1; i < count && length >= 0; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "t%d", i);
		length = first_token(name, deadline_ns);
	}
	ret_taken->ns = clock_monotonic_ns() - started_ns;
	ret_taken->cpu_ns = cpu_of_ns(broker);
	(void)kill(broker, SIGTERM);
	return ends_well(broker, &cpu_to_its_end_ns) ? length : -ECHILD;
}

static bool time_command(char **argv, struct taken *ret_taken)
{
	int64_t started_ns = clock_monotonic_ns();
	bool is_good = ends_well(start(argv), &ret_taken->cpu_ns);

	ret_taken->ns = clock_monotonic_ns() - started_ns;
	return is_good;
}

/* Cuts the words at the next "--"; what stands behind it, or NULL. */
static char **cut(char **words)
{
	while (*words != NULL && strcmp(*words, "--") != 0)
		words++;
	if (*words == NULL)
		return NULL;
	*words = NULL;
	return words + 1;
}

static void tell(struct taken taken)
{
	printf("{\"ns\":%" PRId64 ",\"cpu_ns\":%" PRId64 "}", taken.ns, taken.cpu_ns);
}

static int fail(const char *what)
{
	(void)fprintf(stderr, "first_token: %s\n", what);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct taken taken;
	char **command;
	int length;

	if (argc < 3)
		return fail("first_token COUNT BROKER... [-- COMMAND...]...");
	command = cut(argv + 2);
	length = time_broker(atoi(argv[1]), argv + 2, &taken);
	if (length < 0)
		return fail(strerror(-length));
	printf("{\"length\":%d,\"broker\":", length);
	tell(taken);
	printf(",\"commands\":[");
	for (bool is_first = true; command != NULL; is_first = false) {
		char **next = cut(command);

		if (!time_command(command, &taken))
			return fail("a command failed");
		printf("%s", is_first ? "" : ",");
		tell(taken);
		command = next;
	}
	printf("]}\n");
	return EXIT_SUCCESS;
}
