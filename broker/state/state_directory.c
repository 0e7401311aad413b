/* SPDX-License-Identifier: MIT */
#include "state/state_directory.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* A new entry outlives a loss of power only once the directory that holds it is synced. */
static int sync_directory(const char *path)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Makes path, whose last component starts at name. An existing directory is fine and left alone. */
static int make_directory(char *path, char *name)
{
	const char *parent = name == path ? "." : path;
	char saved;
	int r;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (chmod(path, 0700) < 0) /* the umask may have taken bits away */
		return -errno;
	saved = *name;
	if (name != path)
		*name = '\0'; /* "/var/lib/x" to "/var/lib/" */
	r = sync_directory(parent);
	*name = saved;
	return r;
}

static char *last_component(char *path)
{
	char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static int make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = make_directory(path, last_component(path));
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int make(const struct state_directory *directory)
{
	char path[PATH_MAX];
	size_t length = strlen(directory->path);
	int r;

	while (length > 1 && directory->path[length - 1] == '/')
		length--;
	if (length == 0)
		return -ENOENT; /* as open(2) says of an empty path */
	if (length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, directory->path, length);
	path[length] = '\0';

	r = directory->has_parents_to_make ? make_parents(path) : 0;
	return r < 0 ? r : make_directory(path, last_component(path));
}

int state_directory_open(const struct state_directory *directory, int *ret_fd)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(directory->path, flags);
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = make(directory);
		if (r < 0)
			return r;
		fd = open(directory->path, flags);
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

bool state_directory_is_open_to_others(const struct state_directory *directory)
{
	struct stat status;

	if (stat(directory->path, &status) < 0)
		return false;
	return (status.st_uid != geteuid() && status.st_uid != 0) ||
	       (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}
