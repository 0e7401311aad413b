/* SPDX-License-Identifier: MIT */
/*
 * CLEANUP(name) releases a local when its scope ends, on every path. A cleanup function takes the
 * address of the local and accepts a NULL or negative one.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(name) __attribute__((cleanup(cleanup_##name)))

static inline void cleanup_close_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

/* For a local of any pointer type that came from malloc(3). */
static inline void cleanup_free_memory(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

#endif
