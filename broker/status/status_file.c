/* SPDX-License-Identifier: MIT */
#include "status/status_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ASIDE "." STATUS_FILE ".new"

void status_file_init(struct status_file *file, int directory_fd, int64_t now_ns)
{
	*file = (struct status_file){.directory_fd = directory_fd};
	status_throttle_init(&file->throttle, now_ns);
}

void status_file_mark_changed(struct status_file *file)
{
	status_throttle_mark_changed(&file->throttle);
}

enum status_due status_file_due(const struct status_file *file, int64_t now_ns)
{
	return status_throttle_due(&file->throttle, now_ns);
}

int64_t status_file_next_ns(const struct status_file *file)
{
	return status_throttle_next_ns(&file->throttle);
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

static int write_aside(int directory_fd, const char *text, size_t length)
{
	CLEANUP(close_fd) int fd = -1;

	/* Left by a broker that was killed before its rename; an error shows at the open. */
	(void)unlinkat(directory_fd, ASIDE, 0);
	fd = openat(directory_fd, ASIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	return write_all(fd, text, length);
}

static int replace(int directory_fd, const char *text, size_t length)
{
	int r = write_aside(directory_fd, text, length);

	if (r == 0 && renameat(directory_fd, ASIDE, directory_fd, STATUS_FILE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(directory_fd, ASIDE, 0); /* it takes room on a full disk */
	return r;
}

int status_file_write(struct status_file *file, const char *text, size_t length, int64_t started_ns)
{
	int r = replace(file->directory_fd, text, length);
	int64_t duration_ns = clock_monotonic_ns() - started_ns;

	if (r < 0)
		status_throttle_write_failed(&file->throttle, clock_boottime_ns(), duration_ns);
	else
		status_throttle_written(&file->throttle, clock_boottime_ns(), duration_ns);
	return r;
}

void status_file_not_built(struct status_file *file, int64_t started_ns)
{
	status_throttle_write_failed(&file->throttle, clock_boottime_ns(),
				     clock_monotonic_ns() - started_ns);
}

void status_file_end(const struct status_file *file)
{
	static const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 0}};

	/* Where it fails readers find out 45 s later. */
	(void)utimensat(file->directory_fd, STATUS_FILE, times, AT_SYMLINK_NOFOLLOW);
}

int status_file_touch(struct status_file *file)
{
	int64_t now_ns = clock_boottime_ns();
	int r;

	if (utimensat(file->directory_fd, STATUS_FILE, NULL, AT_SYMLINK_NOFOLLOW) == 0) {
		status_throttle_touched(&file->throttle, now_ns);
		return 0;
	}
	r = -errno;
	if (r == -ENOENT)
		status_throttle_mark_changed(&file->throttle);
	status_throttle_touch_failed(&file->throttle, now_ns);
	return r;
}
