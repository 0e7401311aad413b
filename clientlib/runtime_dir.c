/* SPDX-License-Identifier: MIT */
#include "clientlib/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clientlib/cleanup.h"

/* Without trailing slashes: they would make open(2) follow a symbolic link in spite of O_NOFOLLOW.
 */
static int copy_path(const char *path, char **ret)
{
	size_t length = strlen(path);
	char *copy;

	while (length > 1 && path[length - 1] == '/')
		length--;
	copy = strndup(path, length);
	if (copy == NULL)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static bool is_owned_by_us(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && status.st_uid == geteuid();
}

static int find_of_user(const char *parent, char **ret_path)
{
	CLEANUP(free_string) char *path = NULL;

	if (parent == NULL || parent[0] != '/')
		return -ENOENT;
	if (asprintf(&path, "%s/tokenbroker", parent) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (!is_owned_by_us(path))
		return -ENOENT;
	return copy_path(path, ret_path);
}

int runtime_dir_find(const struct runtime_dir_places *places, char **ret_path)
{
	if (places->chosen != NULL) {
		if (places->chosen[0] != '/')
			return -EINVAL;
		return copy_path(places->chosen, ret_path);
	}
	if (places->of_host != NULL && exists(places->of_host))
		return copy_path(places->of_host, ret_path);
	return find_of_user(places->user_parent, ret_path);
}

static bool is_trustworthy(const struct stat *status)
{
	return status->st_uid != RUNTIME_DIR_NOBODY && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int runtime_dir_open(const char *path, int *ret_fd, uid_t *ret_owner)
{
	CLEANUP(close_fd) int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0) /* a symbolic link fails with ENOTDIR or ELOOP, depending on the kernel */
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!is_trustworthy(&status))
		return -EPERM;

	*ret_fd = fd;
	*ret_owner = status.st_uid;
	fd = -1;
	return 0;
}
