/* SPDX-License-Identifier: MIT */
/*
 * The state directory: what must outlive the broker and the machine's restarts. It is opened anew
 * for each use, so that one that was moved, mounted or made again while the broker runs is found.
 */
#ifndef BROKER_STATE_STATE_DIRECTORY_H
#define BROKER_STATE_STATE_DIRECTORY_H

#include <stdbool.h>

struct state_directory {
	const char *path;         /* borrowed */
	bool has_parents_to_make; /* below the user's own directories: missing parents are made, too
				   */
};

/*
 * Opens the directory, made with mode 0700 (and made durable) if it is missing. An existing one is
 * left as it is. 0 and a descriptor that the caller closes; any error of open(2), mkdir(2),
 * chmod(2), fsync(2); -ENAMETOOLONG.
 */
int state_directory_open(const struct state_directory *directory, int *ret_fd);

/* Somebody else but root could take a marker away, which would end a suspension at the next start.
 * False if there is none. */
bool state_directory_is_open_to_others(const struct state_directory *directory);

#endif
