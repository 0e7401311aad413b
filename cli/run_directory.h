/* SPDX-License-Identifier: MIT */
/*
 * The private directory of one `tokenbroker run` and the token file in it, on tmpfs so that a token
 * never reaches a disk.
 *
 * A flock(2) on the directory itself tells the living from the dead: the kernel drops it however
 * the program ends, and nobody else can open a 0700 directory to take it.
 */
#ifndef CLI_RUN_DIRECTORY_H
#define CLI_RUN_DIRECTORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error_text.h"

#define RUN_DIRECTORY_PREFIX "tokenbroker-run."

struct run_directory {
	int base_fd;                                 /* where it lies */
	int fd;                                      /* locked; -1: none */
	char name[sizeof(RUN_DIRECTORY_PREFIX) + 6]; /* in base */
	char token_path[PATH_MAX];                   /* for BEARER_TOKEN_FILE */
	bool has_token;
};

#define RUN_DIRECTORY_NULL                                                                         \
	{                                                                                          \
		.base_fd = -1, .fd = -1                                                            \
	}

/* user_directory (may be NULL: $XDG_RUNTIME_DIR) if it is absolute, on tmpfs, this user's and
 * nobody else can write to it; else "/dev/shm". */
const char *run_directory_choose_base(const char *user_directory);

/* Removes what dead runs of this user left in base, then makes a directory of our own. A negative
 * errno with an error that names the place. */
int run_directory_create(struct run_directory *directory, const char *base,
			 struct error_text *error);

/* Puts the token into the file by rename: a reader finds the old or the new one, whole. The file
 * ends where the token ends. 0 or a negative errno; the old file stays on failure. */
int run_directory_write(struct run_directory *directory, const char *token, size_t length);

/* 0, also if there is no file; or a negative errno. */
int run_directory_withdraw(struct run_directory *directory);

/* Removes file and directory. */
void run_directory_fini(struct run_directory *directory);
static inline void cleanup_run_directory(struct run_directory *directory)
{
	run_directory_fini(directory);
}

#endif
