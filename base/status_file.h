/* SPDX-License-Identifier: MIT */
/*
 * status.json as a file: its text, and its modification time, which is the broker's heartbeat.
 */
#ifndef BASE_STATUS_FILE_H
#define BASE_STATUS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define STATUS_FILE_NAME      "status.json"
#define STATUS_FILE_BYTES_MAX (16 * 1024 * 1024)
/* The broker touches the file every 15 s: three beats missed. */
#define STATUS_FILE_STALE_NS (INT64_C(45) * 1000000000)

/* Says whether the file is another one or was written or touched since. */
struct status_file_mark {
	uint64_t inode;
	int64_t modified_ns; /* CLOCK_REALTIME: the heartbeat */
};

struct status_file {
	char *text; /* NUL-terminated, for messages; length counts */
	size_t length;
	struct status_file_mark mark;
};

/*
 * runtime_fd and owner: from runtime_path_open().
 * -ENOENT; -EPERM if it is no regular file of that owner; -EFBIG; -ENOMEM or an error of open(2) or
 * read(2).
 */
int status_file_read(int runtime_fd, uid_t owner, struct status_file *ret);
/* A zeroed one is fine. */
void status_file_fini(struct status_file *file);
static inline void cleanup_status_file(struct status_file *file)
{
	status_file_fini(file);
}

/* Only the mark, by one fstatat(2). */
int status_file_look(int runtime_fd, struct status_file_mark *ret);

/* The last thing that a broker does when it is told to stop: a heartbeat at the epoch. It is stale,
 * too. */
bool status_file_is_of_a_stopped_broker(const struct status_file_mark *mark);

/*
 * A heartbeat in the future tells nothing: the wall clock was set back since. A broker that lives
 * beats again within 15 s, and one that does not must not look alive until then.
 */
bool status_file_is_stale(const struct status_file_mark *mark, int64_t now_realtime_ns);

#endif
