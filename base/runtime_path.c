/* SPDX-License-Identifier: MIT */
#include "base/runtime_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel's number for owners that have none in this user namespace (user_namespaces(7)). */
static const uid_t overflow_uid = 65534;

/* Without trailing slashes: they would make open(2) follow a symbolic link in spite of O_NOFOLLOW.
 */
static int put(char ret[static RUNTIME_PATH_BYTES], const char *directory, const char *name)
{
	char path[RUNTIME_PATH_BYTES];
	size_t length;

	if (strlen(directory) + strlen(name) >= sizeof(path))
		return -ENAMETOOLONG;
	length = (size_t)snprintf(path, sizeof(path), "%s%s", directory, name);
	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	memcpy(ret, path, length + 1);
	return 0;
}

static int put_of_user(char ret[static RUNTIME_PATH_BYTES], const char *parent, uid_t uid)
{
	char path[RUNTIME_PATH_BYTES];
	struct stat st;
	int r;

	if (parent == NULL || parent[0] != '/')
		return -ENOENT;
	r = put(path, parent, "/tokenbroker");
	if (r < 0)
		return r;
	if (lstat(path, &st) < 0 || st.st_uid != uid)
		return -ENOENT;
	return put(ret, path, "");
}

int runtime_path_choose(const struct runtime_path_places *places, uid_t uid,
			char ret[static RUNTIME_PATH_BYTES])
{
	struct stat st;

	if (places->given != NULL)
		return places->given[0] == '/' ? put(ret, places->given, "") : -EINVAL;
	if (places->system != NULL && lstat(places->system, &st) == 0)
		return put(ret, places->system, "");
	return put_of_user(ret, places->user, uid);
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
