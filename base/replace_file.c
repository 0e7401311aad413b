/* SPDX-License-Identifier: MIT */
#include "base/replace_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int write_aside(const struct replace_file *file, const void *bytes, size_t length)
{
	CLEANUP(close_fd) int fd = -1;
	int r;

	/* An error shows at the open. */
	(void)unlinkat(file->directory_fd, file->aside, 0);
	fd = openat(file->directory_fd, file->aside,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, file->mode) < 0)
		return -errno;
	r = write_all(fd, bytes, length);
	if (r < 0 || !file->is_durable)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int replace_file(const struct replace_file *file, const void *bytes, size_t length)
{
	int r = write_aside(file, bytes, length);

	if (r == 0 && renameat(file->directory_fd, file->aside, file->directory_fd, file->name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(file->directory_fd, file->aside,
			       0); /* it takes room on a full disk */
		return r;
	}
	return file->is_durable && fsync(file->directory_fd) < 0 ? -errno : 0;
}
