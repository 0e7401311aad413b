/* SPDX-License-Identifier: MIT */
#include "publish/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "publish/segment_acl.h"

struct random_ids {
	uint64_t unique;
	uint8_t segment_id[16];
};

static int draw_ids(struct random_ids *ret)
{
	struct random_ids ids;

	/* Not cut short: up to 256 bytes come whole (getrandom(2)). */
	if (getrandom(&ids, sizeof(ids), 0) != (ssize_t)sizeof(ids))
		return errno != 0 ? -errno : -EIO;
	*ret = ids;
	return 0;
}

/* ftruncate(2) alone would leave a full tmpfs to be found out by a SIGBUS. */
static int allocate(int fd, size_t size)
{
	int r;

	do
		r = -posix_fallocate(fd, 0, (off_t)size);
	while (r == -EINTR);
	return r;
}

int segment_file_map(struct segment_file *ret, const struct segment_name *name, int fd, size_t size)
{
	struct stat status;
	void *base;
	int r;

	if (fstat(fd, &status) < 0)
		return -errno;
	r = allocate(fd, size);
	if (r < 0)
		return r;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* A writable mapping of an unlinked segment would be in a core dump. */
	if (madvise(base, size, MADV_DONTDUMP) < 0) {
		r = -errno;
		(void)munmap(base, size);
		return r;
	}

	*ret = (struct segment_file){
		.name = *name,
		.device = status.st_dev,
		.inode = status.st_ino,
		.base = base,
		.size = size,
	};
	return 0;
}

/* magic, the first word, comes last: without it the header is not whole, whenever we are killed. */
static void store_header(void *base, const struct tokenbroker_segment_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;

	_Static_assert(offsetof(struct tokenbroker_segment_header, magic) == 0,
		       "magic is the first word");
	memcpy((unsigned char *)base + sizeof(header->magic), bytes + sizeof(header->magic),
	       sizeof(*header) - sizeof(header->magic));
	atomic_store_explicit((_Atomic uint64_t *)base, header->magic, memory_order_release);
}

/* The ACL comes last: until then nobody but the owner can open it. */
static int build(struct segment_file *ret, int fd, const struct segment_name *name,
		 const struct tokenbroker_segment_header *header, const struct principals *readers)
{
	int r;

	if (!runtime_dir_is_tmpfs(fd))
		return -EOPNOTSUPP;
	r = segment_file_map(ret, name, fd, (size_t)header->segment_bytes);
	if (r < 0)
		return r;
	store_header(ret->base, header);
	r = segment_acl_set(fd, readers);
	if (r < 0)
		segment_file_fini(ret);
	return r;
}

int segment_file_create(struct segment_file *ret, const struct runtime_dir *dir,
			const struct segment_identity *identity, const char *token,
			const struct segment_geometry *geometry, const struct principals *readers,
			int64_t created_realtime_ns)
{
	struct segment_name name = {.backing = dir->backing};
	int directory_fd = runtime_dir_segments(dir, dir->backing);
	struct tokenbroker_segment_header header;
	struct random_ids ids;
	char file[SEGMENT_NAME_BYTES];
	CLEANUP(close_fd) int fd = -1;
	int r;

	r = draw_ids(&ids);
	if (r < 0)
		return r;
	name.unique = ids.unique;
	(void)strcpy(name.token, token);
	segment_layout_fill_header(&header, geometry, identity, ids.segment_id, token,
				   created_realtime_ns);
	/* What shm_open(3) does, and the same for a directory of our own. */
	fd = openat(directory_fd, segment_name_file(&name, file),
		    O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* segment_file_remove_unfinished() of another broker leaves it alone. */
	(void)flock(fd, LOCK_EX | LOCK_NB);
	r = build(ret, fd, &name, &header, readers);
	(void)flock(fd, LOCK_UN); /* the mapping would hold on to it */
	if (r < 0)                /* the name outlives the process, so it is undone by hand */
		(void)unlinkat(directory_fd, file, 0);
	return r;
}

static bool is_our_file(const struct stat *status, uid_t uid)
{
	return S_ISREG(status->st_mode) && status->st_uid == uid;
}

int segment_file_open(const struct runtime_dir *dir, const struct segment_name *name, int *ret)
{
	int directory_fd = runtime_dir_segments(dir, name->backing);
	CLEANUP(close_fd) int fd = -1;
	char file[SEGMENT_NAME_BYTES];
	struct stat status;

	if (directory_fd < 0)
		return -ENOENT;
	(void)segment_name_file(name, file);
	/* Looked at before it is opened: opening somebody else's device or FIFO can do things. */
	if (fstatat(directory_fd, file, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!is_our_file(&status, dir->uid))
		return -EPERM;
	fd = openat(directory_fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!is_our_file(&status, dir->uid) || !runtime_dir_is_tmpfs(fd))
		return -EPERM;

	*ret = fd;
	fd = -1;
	return 0;
}

bool segment_file_look(struct segment_file *ret, const struct runtime_dir *dir,
		       const struct segment_name *name)
{
	char file[SEGMENT_NAME_BYTES];
	struct stat status;

	if (fstatat(runtime_dir_segments(dir, name->backing), segment_name_file(name, file),
		    &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*ret = (struct segment_file){
		.name = *name,
		.device = status.st_dev,
		.inode = status.st_ino,
	};
	return true;
}

bool segment_file_is_same(const struct segment_file *a, const struct segment_file *b)
{
	return a->device == b->device && a->inode == b->inode;
}

bool segment_file_is_in_place(const struct segment_file *file, const struct runtime_dir *dir)
{
	struct segment_file found;

	return segment_file_look(&found, dir, &file->name) && segment_file_is_same(&found, file);
}

void segment_file_unlink(const struct segment_file *file, const struct runtime_dir *dir)
{
	char name[SEGMENT_NAME_BYTES];

	if (segment_file_is_in_place(file, dir))
		(void)unlinkat(runtime_dir_segments(dir, file->name.backing),
			       segment_name_file(&file->name, name), 0);
}

/* Nothing where the first word of the header will be. */
static bool is_unfinished(int fd)
{
	uint64_t magic = 0;

	return pread(fd, &magic, sizeof(magic), 0) >= 0 && magic == 0;
}

void segment_file_remove_unfinished(const struct runtime_dir *dir, const struct segment_name *name)
{
	CLEANUP(close_fd) int fd = -1;
	struct segment_file file = {.name = *name};
	struct stat status;

	/* The lock of a maker ends with it, however that ends (flock(2)). */
	if (segment_file_open(dir, name, &fd) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    !is_unfinished(fd) || fstat(fd, &status) < 0)
		return;
	file.device = status.st_dev;
	file.inode = status.st_ino;
	segment_file_unlink(&file, dir);
}

void segment_file_fini(struct segment_file *file)
{
	if (file->base != NULL)
		(void)munmap(file->base, file->size);
	*file = (struct segment_file){0};
}
