/* SPDX-License-Identifier: MIT */
#include "status/status_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/replace_file.h"

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

int status_file_write(struct status_file *file, const char *text, size_t length, int64_t started_ns)
{
	const struct replace_file target = {
		.directory_fd = file->directory_fd,
		.name = STATUS_FILE,
		.aside = ASIDE,
		.mode = 0644,
	};
	int r = replace_file(&target, text, length);
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
