/* SPDX-License-Identifier: MIT */
#include "base/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

enum {
	FILE_BYTES_MAX = 1024 * 1024,
	FILES_MAX = 1024,
};

static int complain(struct config_errors *errors, const char *path, const char *reason)
{
	const struct config_place place = {.file = path};
	int r = config_errors_add(errors, &place, NULL, "%s", reason);

	return r < 0 ? r : -EINVAL;
}

static int complain_errno(struct config_errors *errors, const char *path, int error)
{
	return error == ENOMEM ? -ENOMEM : complain(errors, path, strerror(error));
}

static int add_file(struct config_strings *files, char *path)
{
	char **items;

	if (path == NULL)
		return -ENOMEM;
	items = reallocarray(files->items, files->count + 1, sizeof(*items));
	if (items == NULL) {
		free(path);
		return -ENOMEM;
	}
	files->items = items;
	items[files->count++] = path;
	return 0;
}

static bool is_drop_in(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > strlen(".conf") &&
	       strcmp(name + length - strlen(".conf"), ".conf") == 0;
}

/* "conf.d" beside path. */
static char *drop_in_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory;
	int prefix_length = slash == NULL ? 0 : (int)(slash + 1 - path);

	return asprintf(&directory, "%.*sconf.d", prefix_length, path) < 0 ? NULL : directory;
}

static void cleanup_close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_directory(struct config_strings *files, const char *path,
			  struct config_errors *errors)
{
	CLEANUP(close_directory) DIR *directory = opendir(path);
	const struct dirent *entry;
	char *file;
	int r;

	if (directory == NULL)
		return errno == ENOENT ? 0 : complain_errno(errors, path, errno);
	while (errno = 0, (entry = readdir(directory)) != NULL) {
		if (!is_drop_in(entry->d_name))
			continue;
		if (files->count > FILES_MAX)
			return complain(errors, path, "holds more than 1024 files");
		r = add_file(files,
			     asprintf(&file, "%s/%s", path, entry->d_name) < 0 ? NULL : file);
		if (r < 0)
			return r;
	}
	return errno == 0 ? 0 : complain_errno(errors, path, errno);
}

int config_files_list(struct config_strings *ret, const char *path, struct config_errors *errors)
{
	CLEANUP(free_memory) char *directory = drop_in_directory(path);
	CLEANUP(config_strings) struct config_strings files = {0};
	int r = directory == NULL ? -ENOMEM : add_file(&files, strdup(path));

	if (r == 0)
		r = read_directory(&files, directory, errors);
	if (r == -ENOMEM)
		return r;
	qsort(files.items + 1, files.count - 1, sizeof(*files.items), compare_strings);

	*ret = files;
	files = (struct config_strings){0};
	return r;
}

struct content {
	char *bytes;
	size_t length;
	size_t room; /* of bytes, a NUL not counted */
};

static void cleanup_content(struct content *content)
{
	free(content->bytes);
}

/* What the file had when it was opened is enough, unless it grows. */
static int make_room(struct content *content, size_t room)
{
	char *bytes;

	if (room > FILE_BYTES_MAX + 1)
		room = FILE_BYTES_MAX + 1;
	bytes = realloc(content->bytes, room + 1);
	if (bytes == NULL)
		return -ENOMEM;
	content->bytes = bytes;
	content->room = room;
	return 0;
}

/* Until the end or FILE_BYTES_MAX + 1 bytes, so that the caller sees a file that is too long. */
static int read_all(int fd, struct content *content)
{
	while (content->length <= FILE_BYTES_MAX) {
		ssize_t n;

		if (content->length == content->room && make_room(content, 2 * content->room) < 0)
			return -ENOMEM;
		n = read(fd, content->bytes + content->length, content->room - content->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		content->length += (size_t)n;
	}
	return 0;
}

int config_file_read(char **ret, const char *path, struct config_errors *errors)
{
	CLEANUP(content) struct content content = {.bytes = NULL};
	/* Without O_NONBLOCK a FIFO of that name would hang us. */
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return complain_errno(errors, path, errno);
	if (!S_ISREG(st.st_mode))
		return complain(errors, path, "is not a regular file");
	r = make_room(&content, (size_t)st.st_size + 1); /* and one more to see the end */
	if (r == 0)
		r = read_all(fd, &content);
	if (r < 0)
		return complain_errno(errors, path, -r);
	if (content.length > FILE_BYTES_MAX)
		return complain(errors, path, "is longer than 1 MiB");
	if (memchr(content.bytes, '\0', content.length) != NULL)
		return complain(errors, path, "holds a NUL byte: this is no text file");

	content.bytes[content.length] = '\0';
	*ret = content.bytes;
	content.bytes = NULL;
	return 0;
}
