/* SPDX-License-Identifier: MIT */
/* The runtime directory: where it is, and whether it can be the root of trust. */
#ifndef CLIENTLIB_RUNTIME_DIR_H
#define CLIENTLIB_RUNTIME_DIR_H

#include <sys/types.h>

/* What the kernel shows for an owner that the user namespace does not map: it could be anybody. */
#define RUNTIME_DIR_NOBODY ((uid_t)65534)

/* Where to look, in this order; any may be NULL. */
struct runtime_dir_places {
	const char *chosen;  /* $TOKENBROKER_RUNTIME_DIR: taken, whether it is there or not */
	const char *of_host; /* taken if it exists */
	const char *
		user_parent; /* $XDG_RUNTIME_DIR: its "tokenbroker", if the effective uid owns it */
};

/* 0 and a path for free(3); -EINVAL when chosen is not absolute; -ENOENT; -ENOMEM. */
int runtime_dir_find(const struct runtime_dir_places *places, char **ret_path);

/*
 * Opens path (O_PATH) and tells whose segments to believe. -EPERM when it is not a directory, when
 * others may write to it, or when its owner could be anybody; else as open(2).
 */
int runtime_dir_open(const char *path, int *ret_fd, uid_t *ret_owner);

#endif
