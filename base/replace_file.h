/* SPDX-License-Identifier: MIT */
/*
 * Replaces a small file so that whoever reads it sees the old or the new content, never a part:
 * written aside, then renamed. Nothing is left behind on failure.
 */
#ifndef BASE_REPLACE_FILE_H
#define BASE_REPLACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct replace_file {
	int directory_fd;
	const char *name;
	const char *aside; /* in the same directory; one that a killed process left is replaced */
	mode_t mode;       /* whatever the umask */
	bool is_durable;   /* synced with its directory: it survives a loss of power */
};

/* A negative errno of open(2), write(2), rename(2), fsync(2). When only the directory could not be
 * synced the new content is in place. */
int replace_file(const struct replace_file *file, const void *bytes, size_t length);

#endif
