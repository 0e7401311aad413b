/* SPDX-License-Identifier: MIT */
/*
 * tokenbroker_open() and tokenbroker_close(), beside the bare system calls that they need, and
 * beside all that the library makes: open ROUNDS.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "bench/batches.h"
#include "bench/published.h"

#define CALLS 5 /* much less than a time slice: a longer batch is preempted again and again */

struct bare {
	const char *runtime_dir;
	size_t segment_bytes;
	char link[64];
};

static void open_and_close(void *context, unsigned calls)
{
	(void)context;
	for (unsigned i = 0; i < calls; i++)
		tokenbroker_close(published_open());
}

/* Find the directory and its owner, the link, the segment and its owner; map it; let it go. The
 * first load brings in the page. */
static void one_bare_open(const struct bare *bare)
{
	char target[256];
	struct stat status;
	struct statfs filesystem;
	volatile const uint64_t *base;
	int dir = open(bare->runtime_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length;
	int fd;

	(void)fstat(dir, &status);
	length = readlinkat(dir, bare->link, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	fd = openat(dir, target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || fstatfs(fd, &filesystem) < 0)
		published_die(target, -errno);
	base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		published_die("mmap", -errno);
	(void)madvise((void *)(uintptr_t)base, (size_t)status.st_size, MADV_DONTDUMP);
	(void)base[0];
	(void)close(fd);
	(void)close(dir);
	(void)munmap((void *)(uintptr_t)base, (size_t)status.st_size);
}

static void open_bare(void *context, unsigned calls)
{
	const struct bare *bare = context;

	for (unsigned i = 0; i < calls; i++)
		one_bare_open(bare);
}

int main(int argc, char **argv)
{
	struct published published;
	struct bare bare = {.link = "tokens/default"};
	struct batch_case cases[] = {
		{"open", open_and_close, NULL},
		{"bare", open_bare, &bare},
	};
	int status;

	if (argc != 2)
		return 2;
	published_init(&published, 300);
	bare.runtime_dir = published.path;
	status = batches_tell(cases, 2, (unsigned)atoi(argv[1]), CALLS);
	published_fini(&published);
	return status;
}
