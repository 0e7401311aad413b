/* SPDX-License-Identifier: MIT */
#include "state/suspend_marker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/replace_file.h"
#include "base/text.h"
#include "base/token_name.h"

/* ".", the name, ".", 16 hex digits, ".new" and a NUL. */
#define FILE_NAME_BYTES (TOKEN_NAME_MAX + 23)

static void format_name(const struct suspend_marker_key *key, const char *prefix,
			const char *suffix, char buffer[static FILE_NAME_BYTES])
{
	struct text text;

	text_init(&text, buffer, FILE_NAME_BYTES);
	text_addf(&text, "%s%s.%016" PRIx64 "%s", prefix, key->name, key->runtime_id, suffix);
}

/* One byte more than a marker has room for tells a longer file. */
static int read_marker(int fd, struct suspend_marker *ret)
{
	char text[MARKER_TEXT_BYTES];
	size_t length = 0;
	ssize_t n;

	do {
		n = read(fd, text + length, sizeof(text) - length);
		if (n < 0 && errno != EINTR)
			return -errno;
		length += n > 0 ? (size_t)n : 0;
	} while (n != 0 && length < sizeof(text));

	return marker_text_parse(text, length, ret) ? 0 : -EBADMSG;
}

static int open_marker(int directory_fd, const char *name, struct suspend_marker *ret)
{
	/* O_NONBLOCK: a FIFO in the marker's place must not hold up the broker. */
	CLEANUP(close_fd)
	int fd = openat(directory_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	return read_marker(fd, ret);
}

enum suspend_marker_presence suspend_marker_read(const struct state_directory *directory,
						 const struct suspend_marker_key *key,
						 struct suspend_marker *ret, int *ret_error)
{
	CLEANUP(close_fd) int directory_fd = -1;
	char name[FILE_NAME_BYTES];
	int r = state_directory_open(directory, &directory_fd);

	if (r < 0) { /* ENOENT too: a directory that is missing and cannot be made held we know not
			what */
		*ret_error = r;
		return SUSPEND_MARKER_UNREADABLE;
	}
	format_name(key, "", "", name);
	r = open_marker(directory_fd, name, ret);
	if (r == -ENOENT)
		return SUSPEND_MARKER_ABSENT;
	if (r < 0) {
		*ret_error = r;
		return SUSPEND_MARKER_UNREADABLE;
	}
	return SUSPEND_MARKER_PRESENT;
}

int suspend_marker_write(const struct state_directory *directory,
			 const struct suspend_marker_key *key, const struct suspend_marker *marker)
{
	CLEANUP(close_fd) int directory_fd = -1;
	char name[FILE_NAME_BYTES], aside[FILE_NAME_BYTES], text[MARKER_TEXT_BYTES];
	struct replace_file file = {
		.name = name,
		.aside = aside,
		.mode = 0600,
		.is_durable = true,
	};
	int r = state_directory_open(directory, &directory_fd);

	if (r < 0)
		return r;
	file.directory_fd = directory_fd;
	format_name(key, "", "", name);
	format_name(key, ".", ".new", aside);
	return replace_file(&file, text, marker_text_format(marker, text));
}

int suspend_marker_remove(const struct state_directory *directory,
			  const struct suspend_marker_key *key)
{
	CLEANUP(close_fd) int directory_fd = -1;
	char name[FILE_NAME_BYTES];
	int r = state_directory_open(directory, &directory_fd);

	if (r < 0)
		return r;
	format_name(key, "", "", name);
	/* One that is gone already may be so only until the next loss of power: sync in any case.
	 */
	if (unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return fsync(directory_fd) < 0 ? -errno : 0;
}
