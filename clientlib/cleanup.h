/* SPDX-License-Identifier: MIT */
/* CLEANUP(name) releases a local when its scope ends, on every path. The library takes no code from
 * base/, so it has its own. */
#ifndef CLIENTLIB_CLEANUP_H
#define CLIENTLIB_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(name) __attribute__((cleanup(cleanup_##name)))

/* For a descriptor that is negative or open. */
static inline void cleanup_close_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

/* For a string that came from malloc(3), or NULL. */
static inline void cleanup_free_string(char **string)
{
	free(*string);
}

#endif
