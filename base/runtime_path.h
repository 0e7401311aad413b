/* SPDX-License-Identifier: MIT */
/*
 * Which runtime directory a program that is not the broker talks to, and whether it may be
 * believed. The same rule as the library's, which takes no code from here.
 */
#ifndef BASE_RUNTIME_PATH_H
#define BASE_RUNTIME_PATH_H

#include <limits.h>
#include <sys/types.h>

#define RUNTIME_PATH_SYSTEM "/run/tokenbroker"
#define RUNTIME_PATH_BYTES  PATH_MAX

/* Where to look. Any member may be NULL: not set. */
struct runtime_path_places {
	const char *given;  /* $TOKENBROKER_RUNTIME_DIR: taken as it is, there or not */
	const char *system; /* RUNTIME_PATH_SYSTEM: taken if it exists */
	const char *user;   /* $XDG_RUNTIME_DIR: its tokenbroker/, if that belongs to uid */
};

/*
 * 0 and the path; -EINVAL if the given one is not absolute; -ENOENT if there is none;
 * -ENAMETOOLONG. ret is untouched on failure.
 */
int runtime_path_choose(const struct runtime_path_places *places, uid_t uid,
			char ret[static RUNTIME_PATH_BYTES]);

/* runtime_path_choose() with the environment, by secure_getenv(3), and the effective uid. */
int runtime_path_find(char ret[static RUNTIME_PATH_BYTES]);

/*
 * Opens the directory (O_PATH is not enough: callers also list it). Its owner is the one whose
 * files, sockets and segments below it are believed.
 *
 * -ENOENT; -EPERM if it is no directory, a symbolic link, writable by group or others, or owned by
 * 65534, which every owner looks like that has no number in this user namespace.
 */
int runtime_path_open(const char *path, int *ret_fd, uid_t *ret_owner);

#endif
