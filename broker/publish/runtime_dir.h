/* SPDX-License-Identifier: MIT */
/*
 * The runtime directory: the root of trust. Its owner is the only user whose segments readers
 * believe, so it is opened and checked before anything else happens, and one broker at a time holds
 * its lock. All modes are set explicitly, whatever the umask; nothing in it is followed that is a
 * symbolic link; all descriptors are close-on-exec.
 */
#ifndef BROKER_PUBLISH_RUNTIME_DIR_H
#define BROKER_PUBLISH_RUNTIME_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error_text.h"

/* Where segments are made. Those of the other kind are still found, replaced and swept. */
enum runtime_dir_backing {
	RUNTIME_DIR_BACKING_SHM,       /* POSIX shared memory, /dev/shm */
	RUNTIME_DIR_BACKING_DIRECTORY, /* segments/ in the runtime directory, which is on tmpfs */
};

struct runtime_dir {
	char *path;  /* real path */
	uint64_t id; /* of this runtime directory: the first 8 bytes of SHA-256 of path */
	uid_t uid;   /* its owner, which is our effective user */
	enum runtime_dir_backing backing;
	int fd;
	int lock_fd;     /* locked until runtime_dir_free() */
	int tokens_fd;   /* tokens/ */
	int shm_fd;      /* /dev/shm; -1: there is none, and backing is DIRECTORY */
	int segments_fd; /* segments/; -1: there is none, and backing is SHM */
};

/*
 * Opens path and makes what is missing: the directory itself (not its parents), tokens/, segments/
 * and lock. Every failure fills error, which names what is wrong and where.
 *
 * -EWOULDBLOCK  another broker holds the lock
 * -EPERM        the directory belongs to another user (error names the one to run as; nothing has
 *               been written), others may write to it, or something in it is not ours
 * -ENOTDIR, -ELOOP  a file or symbolic link stands in the place of a directory
 * -EOPNOTSUPP  backing is DIRECTORY and the directory is not on tmpfs
 * and any error of open(2), mkdir(2), fchmod(2), realpath(3).
 */
int runtime_dir_new(struct runtime_dir **ret, const char *path, enum runtime_dir_backing backing,
		    struct error_text *error);
/* Gives up the lock; leaves all files in place. NULL is fine. */
void runtime_dir_free(struct runtime_dir *dir);
static inline void cleanup_runtime_dir_free(struct runtime_dir **dir)
{
	runtime_dir_free(*dir);
}

/* The directory that holds segments of this kind; -1: there is none. */
int runtime_dir_segments(const struct runtime_dir *dir, enum runtime_dir_backing backing);

/* ramfs is not: it has no limit and no ACLs. */
bool runtime_dir_is_tmpfs(int fd);

#endif
