/* SPDX-License-Identifier: MIT */
/*
 * Runs a subcommand as main.c does, in a child, with what it prints in memory: subcommands change
 * signals and standard output, and `run` must not outlive a test.
 */
#ifndef TESTS_UNIT_CLI_CAPTURE_H
#define TESTS_UNIT_CLI_CAPTURE_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/subcommand.h"

#define CAPTURE_WORDS 16
/* A subcommand that does not end fails its test, and does not hang it. */
#define CAPTURE_SECONDS 60

struct capture {
	int status; /* exit status; -1: ended by a signal */
	char out[65536 + 512];
	char err[8192];
	size_t out_length;
	size_t err_length;
};

/* A child that is still running. */
struct capture_child {
	pid_t pid;
	int out_fd;
	int err_fd;
};

static inline void capture_be(const char *const words[])
{
	char *argv[CAPTURE_WORDS + 1] = {NULL};
	const struct subcommand *subcommand = subcommand_find(words[0]);
	struct arguments arguments;
	struct error_text error;
	int argc = 0;

	(void)alarm(CAPTURE_SECONDS);
	for (; words[argc] != NULL && argc < CAPTURE_WORDS; argc++)
		argv[argc] = strdup(words[argc]);
	if (subcommand == NULL ||
	    arguments_parse(argc, argv, subcommand->takes, &arguments, &error) < 0)
		_exit(99); /* the test is wrong */
	_exit(subcommand->run(subcommand, &arguments));
}

static inline struct capture_child capture_start(const char *const words[])
{
	struct capture_child child;
	int out[2];
	int err[2];

	if (pipe(out) < 0 || pipe(err) < 0)
		abort();
	(void)fflush(stdout);
	child.pid = fork();
	if (child.pid < 0)
		abort();
	if (child.pid == 0) {
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(err[1], STDERR_FILENO);
		(void)close(out[0]);
		(void)close(out[1]);
		(void)close(err[0]);
		(void)close(err[1]);
		capture_be(words);
	}
	(void)close(out[1]);
	(void)close(err[1]);
	child.out_fd = out[0];
	child.err_fd = err[0];
	return child;
}

/* Appends what there is. false: the end. */
static inline int capture_read(int fd, char *buffer, size_t size, size_t *length)
{
	ssize_t n = read(fd, buffer + *length, size - 1 - *length);

	if (n <= 0)
		return 0;
	*length += (size_t)n;
	buffer[*length] = '\0';
	return 1;
}

/* Returns as soon as text is in the output; aborts the test program if that never comes. */
static inline void capture_expect(const struct capture_child *child, struct capture *capture,
				  const char *text)
{
	struct pollfd ready = {.fd = child->out_fd, .events = POLLIN};
	time_t deadline_s =
		time(NULL) + 20; /* a clock that ticks on keeps poll(2) from timing out */

	while (strstr(capture->out, text) == NULL)
		if (time(NULL) > deadline_s || poll(&ready, 1, 10000) <= 0 ||
		    !capture_read(child->out_fd, capture->out, sizeof(capture->out),
				  &capture->out_length))
			abort();
}

static inline void capture_finish(struct capture_child *child, struct capture *capture)
{
	int status;

	while (capture_read(child->out_fd, capture->out, sizeof(capture->out),
			    &capture->out_length))
		;
	while (capture_read(child->err_fd, capture->err, sizeof(capture->err),
			    &capture->err_length))
		;
	(void)close(child->out_fd);
	(void)close(child->err_fd);
	if (waitpid(child->pid, &status, 0) != child->pid)
		abort();
	capture->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void capture_run(struct capture *capture, const char *const words[])
{
	struct capture_child child = capture_start(words);

	*capture = (struct capture){0};
	capture_finish(&child, capture);
}

/* capture_words(&capture, "get", "--format", "json") */
#define capture_words(capture, ...) capture_run(capture, (const char *const[]){__VA_ARGS__, NULL})

#endif
