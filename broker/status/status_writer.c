/* SPDX-License-Identifier: MIT */
#include "status/status_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/replace_file.h"
#include "base/status_file.h"

#define ASIDE "." STATUS_FILE_NAME ".new"

void status_writer_init(struct status_writer *writer, int directory_fd, int64_t now_ns)
{
	*writer = (struct status_writer){.directory_fd = directory_fd};
	status_throttle_init(&writer->throttle, now_ns);
}

void status_writer_mark_changed(struct status_writer *writer)
{
	status_throttle_mark_changed(&writer->throttle);
}

enum status_due status_writer_due(const struct status_writer *writer, int64_t now_ns)
{
	return status_throttle_due(&writer->throttle, now_ns);
}

int64_t status_writer_next_ns(const struct status_writer *writer)
{
	return status_throttle_next_ns(&writer->throttle);
}

int status_writer_write(struct status_writer *writer, const char *text, size_t length,
			int64_t started_ns)
{
	const struct replace_file target = {
		.directory_fd = writer->directory_fd,
		.name = STATUS_FILE_NAME,
		.aside = ASIDE,
		.mode = 0644,
	};
	int r = replace_file(&target, text, length);
	int64_t duration_ns = clock_monotonic_ns() - started_ns;

	if (r < 0)
		status_throttle_write_failed(&writer->throttle, clock_boottime_ns(), duration_ns);
	else
		status_throttle_written(&writer->throttle, clock_boottime_ns(), duration_ns);
	return r;
}

void status_writer_not_built(struct status_writer *writer, int64_t started_ns)
{
	status_throttle_write_failed(&writer->throttle, clock_boottime_ns(),
				     clock_monotonic_ns() - started_ns);
}

void status_writer_end(const struct status_writer *writer)
{
	static const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 0}};

	/* Where it fails readers find out 45 s later. */
	(void)utimensat(writer->directory_fd, STATUS_FILE_NAME, times, AT_SYMLINK_NOFOLLOW);
}

int status_writer_touch(struct status_writer *writer)
{
	int64_t now_ns = clock_boottime_ns();
	int r;

	if (utimensat(writer->directory_fd, STATUS_FILE_NAME, NULL, AT_SYMLINK_NOFOLLOW) == 0) {
		status_throttle_touched(&writer->throttle, now_ns);
		return 0;
	}
	r = -errno;
	if (r == -ENOENT)
		status_throttle_mark_changed(&writer->throttle);
	status_throttle_touch_failed(&writer->throttle, now_ns);
	return r;
}
