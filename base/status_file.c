/* SPDX-License-Identifier: MIT */
#include "base/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static struct status_file_mark mark_of(const struct stat *st)
{
	return (struct status_file_mark){
		.inode = st->st_ino,
		.modified_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec,
	};
}

/* The file is replaced by rename, never written in place: its size stands. */
static int read_all(int fd, char *text, size_t size, size_t *ret_length)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, text + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	*ret_length = length;
	return 0;
}

int status_file_read(int runtime_fd, uid_t owner, struct status_file *ret)
{
	CLEANUP(close_fd)
	int fd = openat(runtime_fd, STATUS_FILE_NAME,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(status_file) struct status_file file = {0};
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != owner)
		return -EPERM;
	if (st.st_size > STATUS_FILE_BYTES_MAX)
		return -EFBIG;
	file.text = malloc((size_t)st.st_size + 1);
	if (file.text == NULL)
		return -ENOMEM;
	r = read_all(fd, file.text, (size_t)st.st_size, &file.length);
	if (r < 0)
		return r;
	file.mark = mark_of(&st);
	*ret = file;
	file.text = NULL;
	return 0;
}

void status_file_fini(struct status_file *file)
{
	free(file->text);
	*file = (struct status_file){0};
}

int status_file_look(int runtime_fd, struct status_file_mark *ret)
{
	struct stat st;

	if (fstatat(runtime_fd, STATUS_FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = mark_of(&st);
	return 0;
}

bool status_file_is_of_a_stopped_broker(const struct status_file_mark *mark)
{
	return mark->modified_ns == 0;
}

bool status_file_is_stale(const struct status_file_mark *mark, int64_t now_realtime_ns)
{
	int64_t age_ns = now_realtime_ns - mark->modified_ns;

	return age_ns > STATUS_FILE_STALE_NS || age_ns < -STATUS_FILE_STALE_NS;
}
