/* SPDX-License-Identifier: MIT */
#include "base/locked_pages.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *locked_pages_map(size_t bytes, size_t *ret_bytes, bool *ret_is_locked)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t rounded = (bytes + page - 1) / page * page;
	void *pages;

	if (rounded < bytes)
		return NULL;
	pages = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	/* Both exist in every kernel that we run on; without them a secret is still a secret. */
	(void)madvise(pages, rounded, MADV_DONTDUMP);
	(void)madvise(pages, rounded, MADV_WIPEONFORK);
	*ret_is_locked = mlock(pages, rounded) == 0; /* RLIMIT_MEMLOCK may be small */
	*ret_bytes = rounded;
	return pages;
}

void locked_pages_unmap(void *pages, size_t bytes)
{
	explicit_bzero(pages, bytes);
	(void)munmap(pages, bytes);
}
