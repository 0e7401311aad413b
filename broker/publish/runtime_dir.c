/* SPDX-License-Identifier: MIT */
#include "publish/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"

#define DIRECTORY_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Where the names below are looked up: in the runtime directory, once it is open. */
static int parent_fd(const struct runtime_dir *dir)
{
	return dir->fd >= 0 ? dir->fd : AT_FDCWD;
}

/* Fills error with "path: reason" and returns r. */
static int refuse(const struct runtime_dir *dir, const char *name, int r, struct error_text *error,
		  const char *reason)
{
	if (dir->fd >= 0)
		error_text_set(error, "%s/%s: %s", dir->path, name, reason);
	else
		error_text_set(error, "%s: %s", name, reason);
	return r;
}

static int fail(const struct runtime_dir *dir, const char *name, struct error_text *error)
{
	int r = -errno;

	return refuse(dir, name, r, error, strerror(-r));
}

/* "name (uid 1007)", or the number alone for a user without an entry. */
static void describe_user(uid_t uid, struct error_text *ret)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char strings[4096];

	if (getpwuid_r(uid, &entry, strings, sizeof(strings), &found) == 0 && found != NULL)
		error_text_set(ret, "%.64s (uid %u)", found->pw_name, uid);
	else
		error_text_set(ret, "uid %u", uid);
}

static int refuse_owner(const struct runtime_dir *dir, const char *name, uid_t owner,
			struct error_text *error)
{
	struct error_text reason;
	struct error_text wanted;
	struct error_text self;

	describe_user(owner, &wanted);
	describe_user(dir->uid, &self);
	error_text_set(&reason, "belongs to %s: run the broker as that user, not as %s",
		       wanted.text, self.text);
	return refuse(dir, name, -EPERM, error, reason.text);
}

/* The owner decides who is believed, so this comes before anything is written. path_fd: O_PATH, so
 * that the owner of a directory which we may not even open can be named. */
static int check_owner(const struct runtime_dir *dir, const char *name, int path_fd,
		       struct error_text *error)
{
	struct stat status;

	if (fstat(path_fd, &status) < 0)
		return fail(dir, name, error);
	if (status.st_uid != dir->uid)
		return refuse_owner(dir, name, status.st_uid, error);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(dir, name, -EPERM, error,
			      "other users may write to it: its mode must be 0755");
	return 0;
}

/* mkdirat(2) takes the umask off the mode, so the mode is set again where the directory is new. */
static int make_directory(const struct runtime_dir *dir, const char *name, struct error_text *error)
{
	if (mkdirat(parent_fd(dir), name, 0755) < 0)
		return errno == EEXIST ? 0 : fail(dir, name, error);
	if (fchmodat(parent_fd(dir), name, 0755, 0) < 0)
		return fail(dir, name, error);
	return 0;
}

static int open_own_directory(const struct runtime_dir *dir, const char *name, int *ret,
			      struct error_text *error)
{
	CLEANUP(close_fd) int path_fd = -1;
	CLEANUP(close_fd) int fd = -1;
	int r;

	r = make_directory(dir, name, error);
	if (r < 0)
		return r;
	path_fd = openat(parent_fd(dir), name, O_PATH | DIRECTORY_FLAGS);
	if (path_fd < 0)
		return fail(dir, name, error);
	r = check_owner(dir, name, path_fd, error);
	if (r < 0)
		return r;
	fd = openat(path_fd, ".", O_RDONLY | DIRECTORY_FLAGS);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return fail(dir, name, error);

	*ret = fd;
	fd = -1;
	return 0;
}

/* 0600: whoever may open it could hold the lock. */
static int open_lock(struct runtime_dir *dir, struct error_text *error)
{
	struct stat status;

	dir->lock_fd = openat(dir->fd, "lock",
			      O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0 || fstat(dir->lock_fd, &status) < 0)
		return fail(dir, "lock", error);
	if (!S_ISREG(status.st_mode) || status.st_uid != dir->uid)
		return refuse(dir, "lock", -EPERM, error, "not a regular file of this user");
	if (fchmod(dir->lock_fd, 0600) < 0)
		return fail(dir, "lock", error);
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return refuse(dir, "lock", -EWOULDBLOCK, error, "another broker holds it");
	return fail(dir, "lock", error);
}

bool runtime_dir_is_tmpfs(int fd)
{
	struct statfs filesystem;

	return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == TMPFS_MAGIC;
}

/* The directory of the other backing is opened if it is there: an earlier broker may have left
 * segments in it. */
static int open_backings(struct runtime_dir *dir, struct error_text *error)
{
	dir->shm_fd = open("/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
	switch (dir->backing) {
	case RUNTIME_DIR_BACKING_SHM:
		if (dir->shm_fd < 0) {
			error_text_set(error, "/dev/shm: %s", strerror(errno));
			return -errno;
		}
		dir->segments_fd = openat(dir->fd, "segments", O_RDONLY | DIRECTORY_FLAGS);
		return 0;
	case RUNTIME_DIR_BACKING_DIRECTORY:
		return open_own_directory(dir, "segments", &dir->segments_fd, error);
	}
	return -EINVAL;
}

static int open_root(struct runtime_dir *dir, const char *path, struct error_text *error)
{
	int fd;
	int r;

	r = open_own_directory(dir, path, &fd, error);
	if (r < 0)
		return r;
	dir->path = realpath(path, NULL);
	if (dir->path == NULL) {
		r = fail(dir, path, error);
		(void)close(fd);
		return r;
	}
	dir->id = digest_id(dir->path, strlen(dir->path));
	dir->fd = fd;
	return 0;
}

static int fill(struct runtime_dir *dir, const char *path, struct error_text *error)
{
	int r;

	r = open_root(dir, path, error);
	if (r < 0)
		return r;
	if (dir->backing == RUNTIME_DIR_BACKING_DIRECTORY && !runtime_dir_is_tmpfs(dir->fd)) {
		error_text_set(error, "%s: not on tmpfs, which backing = directory needs",
			       dir->path);
		return -EOPNOTSUPP;
	}
	r = open_lock(dir, error);
	if (r < 0)
		return r;
	r = open_own_directory(dir, "tokens", &dir->tokens_fd, error);
	if (r < 0)
		return r;
	return open_backings(dir, error);
}

int runtime_dir_new(struct runtime_dir **ret, const char *path, enum runtime_dir_backing backing,
		    struct error_text *error)
{
	CLEANUP(runtime_dir_free) struct runtime_dir *dir = malloc(sizeof(*dir));
	int r;

	if (dir == NULL) {
		error_text_set(error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	*dir = (struct runtime_dir){
		.uid = geteuid(),
		.backing = backing,
		.fd = -1,
		.lock_fd = -1,
		.tokens_fd = -1,
		.shm_fd = -1,
		.segments_fd = -1,
	};
	r = fill(dir, path, error);
	if (r < 0)
		return r;

	*ret = dir;
	dir = NULL;
	return 0;
}

void runtime_dir_free(struct runtime_dir *dir)
{
	if (dir == NULL)
		return;
	cleanup_close_fd(&dir->segments_fd);
	cleanup_close_fd(&dir->shm_fd);
	cleanup_close_fd(&dir->tokens_fd);
	cleanup_close_fd(&dir->lock_fd);
	cleanup_close_fd(&dir->fd);
	free(dir->path);
	free(dir);
}

int runtime_dir_segments(const struct runtime_dir *dir, enum runtime_dir_backing backing)
{
	switch (backing) {
	case RUNTIME_DIR_BACKING_SHM:
		return dir->shm_fd;
	case RUNTIME_DIR_BACKING_DIRECTORY:
		return dir->segments_fd;
	}
	return -1;
}
