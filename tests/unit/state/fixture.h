/* SPDX-License-Identifier: MIT */
/* A directory of its own for each test, removed with all that is in it. */
#ifndef TESTS_UNIT_STATE_FIXTURE_H
#define TESTS_UNIT_STATE_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness.h"
#include "state/state_directory.h"

#define UNPRIVILEGED 30000 /* a user that owns nothing */

struct fixture {
	char top[64];
	char path[128]; /* of the state directory, top/state; not made yet */
	struct state_directory directory;
};

static inline void start(struct fixture *fixture)
{
	*fixture = (struct fixture){.top = "/tmp/test_state.XXXXXX"};
	if (mkdtemp(fixture->top) == NULL)
		abort();
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/state", fixture->top);
	fixture->directory.path = fixture->path;
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void cleanup_fixture(struct fixture *fixture)
{
	(void)nftw(fixture->top, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#define FIXTURE(name)                                                                              \
	CLEANUP(fixture) struct fixture name;                                                      \
	start(&name)

static inline mode_t mode_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

/* Runs check in a child without rights over others' files; true when it returned true there. */
static inline bool holds_without_privilege(bool (*check)(struct fixture *fixture),
					   struct fixture *fixture)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit((geteuid() != 0 ||
		       setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED) == 0) &&
				      check(fixture)
			      ? 0
			      : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

#endif
