/* SPDX-License-Identifier: MIT */
#include "clientlib/mapping.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clientlib/cleanup.h"
#include "clientlib/runtime_dir.h"

#define LINK_DIR "tokens/"
/* Between our readlink and our open the broker may replace the segment: start over, this often. */
#define RACES_MAX 8

/* Positive: no error, but a race with the broker that is lost. */
#define SEGMENT_VANISHED 1

static inline void cleanup_close_mapping(struct mapping **mapping)
{
	mapping_close(*mapping);
}

/* target has MAPPING_TARGET_BYTES. Whatever is no short link was not made by a broker. */
static int read_target(int dir, const char *path, char *target)
{
	ssize_t length = readlinkat(dir, path, target, MAPPING_TARGET_BYTES);

	if (length < 0)
		return errno == EINVAL || errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (length == MAPPING_TARGET_BYTES)
		return -EPERM;
	target[length] = '\0';
	return 0;
}

/* O_NONBLOCK: a FIFO in the place of the segment must not hang us. */
static int open_target(int dir, const char *target, int *ret_fd)
{
	char path[sizeof(LINK_DIR) + MAPPING_TARGET_BYTES] =
		""; /* an absolute target stands alone */
	int fd;

	if (target[0] != '/')
		strcpy(path, LINK_DIR);
	strcat(path, target);
	fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno == ENOENT)
		return SEGMENT_VANISHED;
	return errno == ELOOP || errno == ENXIO ? -EPERM : -errno; /* a link, a socket */
}

/* Who can write it? Only the owner of the runtime directory. Can it be cut short under our feet by
 * a full disk? Not on tmpfs. The link count may be above 1: anyone may be able to link it. */
static int check_file(int fd, uid_t owner, size_t *ret_bytes)
{
	struct stat status;
	struct statfs filesystem;

	if (fstat(fd, &status) < 0 || fstatfs(fd, &filesystem) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_uid != owner ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 || filesystem.f_type != TMPFS_MAGIC)
		return -EPERM;
	if (status.st_nlink == 0)
		return SEGMENT_VANISHED;
	if (status.st_size < TOKENBROKER_SEGMENT_BYTES_MIN ||
	    status.st_size > TOKENBROKER_SEGMENT_BYTES_MAX)
		return -EPROTO;
	*ret_bytes = (size_t)status.st_size;
	return 0;
}

/* A region of a page for the description and, behind it, the segment. */
static int map_file(int fd, size_t bytes, struct mapping **ret)
{
	CLEANUP(close_mapping) struct mapping *mapping = NULL;
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *region = mmap(NULL, page_bytes + bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *base;

	_Static_assert(sizeof(struct mapping) <= 4096, "the smallest page holds it");
	if (region == MAP_FAILED)
		return -errno;
	mapping = (struct mapping *)((char *)region + page_bytes) - 1;
	mapping->region = region;
	mapping->region_bytes = page_bytes + bytes;
	mapping->segment_bytes = bytes;
	base = mmap((char *)region + page_bytes, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	mapping->segment.base = base;
	/* Tokens do not belong in core dumps; a kernel that cannot do this is no reason to fail. */
	(void)madvise(base, bytes, MADV_DONTDUMP);

	*ret = mapping;
	mapping = NULL;
	return 0;
}

/* Checks a copy of the immutable block, so that nothing that was checked can change afterwards. */
static int check_contents(struct mapping *mapping, const char *token_name)
{
	const unsigned char *base = mapping->segment.base;
	struct tokenbroker_segment_header header;
	struct geometry geometry;
	int r;

	memcpy(&header, base, sizeof(header));
	r = geometry_check(&header, mapping->segment_bytes, token_name, &geometry);
	if (r < 0)
		return r;
	segment_init(&mapping->segment, base, &geometry);
	assert(base == mapping_base(mapping));
	if ((segment_head(&mapping->segment) & TOKENBROKER_SEGMENT_RETIRED) != 0)
		return SEGMENT_VANISHED;
	return 0;
}

static int open_linked(int dir, uid_t owner, const char *token_name, const char *link_path,
		       struct mapping **ret)
{
	CLEANUP(close_mapping) struct mapping *mapping = NULL;
	CLEANUP(close_fd) int fd = -1;
	char target[MAPPING_TARGET_BYTES];
	size_t bytes = 0;
	int r;

	r = read_target(dir, link_path, target);
	if (r == 0)
		r = open_target(dir, target, &fd);
	if (r == 0)
		r = check_file(fd, owner, &bytes);
	if (r == 0)
		r = map_file(fd, bytes, &mapping);
	if (r == 0)
		r = check_contents(mapping, token_name);
	if (r != 0)
		return r;

	strcpy(mapping->target, target);
	*ret = mapping;
	mapping = NULL;
	return 0;
}

int mapping_open(const char *runtime_dir, const char *token_name, struct mapping **ret)
{
	CLEANUP(close_fd) int dir = -1;
	char link_path[sizeof(LINK_DIR) + TOKENBROKER_SEGMENT_NAME_BYTES] = LINK_DIR;
	uid_t owner;
	int r = runtime_dir_open(runtime_dir, &dir, &owner);

	if (r < 0)
		return r;
	strncat(link_path, token_name, TOKENBROKER_SEGMENT_NAME_BYTES);
	for (unsigned races = 0; races < RACES_MAX; races++) {
		r = open_linked(dir, owner, token_name, link_path, ret);
		if (r != SEGMENT_VANISHED)
			return r;
	}
	return -ENOENT; /* a link that leads nowhere, or to a segment that was given up */
}

void mapping_close(struct mapping *mapping)
{
	if (mapping != NULL)
		(void)munmap(mapping->region, mapping->region_bytes);
}

bool mapping_is_linked(const struct mapping *mapping, const char *link_path)
{
	char target[MAPPING_TARGET_BYTES];

	return read_target(AT_FDCWD, link_path, target) == 0 &&
	       strcmp(target, mapping->target) == 0;
}

void mapping_overlay(const struct mapping *mapping)
{
	/* What the limits forbid is refused before anything is changed: the old segment stays
	 * mapped then, which harms nobody. Only a kernel without memory for its own bookkeeping
	 * could fail after it has taken the old segment away, and a thread that is still in it
	 * would fault. */
	(void)mmap((void *)(uintptr_t)mapping->segment.base, mapping->segment_bytes, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}
