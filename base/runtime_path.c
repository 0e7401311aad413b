/* SPDX-License-Identifier: MIT */
#include "base/runtime_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel's number for owners that have none in this user namespace (user_namespaces(7)). */
static const uid_t overflow_uid = 65534;

static bool is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

static int put(char ret[static RUNTIME_PATH_BYTES], const char *directory, const char *name)
{
	if (strlen(directory) + strlen(name) >= RUNTIME_PATH_BYTES)
		return -ENAMETOOLONG;
	(void)snprintf(ret, RUNTIME_PATH_BYTES, "%s%s", directory, name);
	return 0;
}

int runtime_path_choose(const struct runtime_path_places *places, uid_t uid,
			char ret[static RUNTIME_PATH_BYTES])
{
	char path[RUNTIME_PATH_BYTES];
	struct stat st;
	int r;

	if (is_set(places->given))
		return places->given[0] == '/' ? put(ret, places->given, "") : -EINVAL;
	if (is_set(places->system) && stat(places->system, &st) == 0)
		return put(ret, places->system, "");
	if (!is_set(places->user) || places->user[0] != '/')
		return -ENOENT;
	r = put(path, places->user, "/tokenbroker");
	if (r < 0)
		return r;
	if (stat(path, &st) < 0 || st.st_uid != uid)
		return -ENOENT;
	return put(ret, path, "");
}

int runtime_path_find(char ret[static RUNTIME_PATH_BYTES])
{
	const struct runtime_path_places places = {
		.given = secure_getenv("TOKENBROKER_RUNTIME_DIR"),
		.system = RUNTIME_PATH_SYSTEM,
		.user = secure_getenv("XDG_RUNTIME_DIR"),
	};

	return runtime_path_choose(&places, geteuid(), ret);
}

int runtime_path_open(const char *path, int *ret_fd, uid_t *ret_owner)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || st.st_uid == overflow_uid)
		return -EPERM;
	*ret_owner = st.st_uid;
	*ret_fd = fd;
	fd = -1;
	return 0;
}
