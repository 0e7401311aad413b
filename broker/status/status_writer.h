/* SPDX-License-Identifier: MIT */
/*
 * status.json in the runtime directory: written aside and renamed, so that a reader sees the old or
 * the new document, never a part. Its mtime is the broker's heartbeat. A write that fails leaves
 * the old document in place and is tried again by itself.
 */
#ifndef BROKER_STATUS_STATUS_WRITER_H
#define BROKER_STATUS_STATUS_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "status/throttle.h"

struct status_writer {
	int directory_fd; /* the runtime directory, borrowed, must outlive this */
	struct status_throttle throttle;
};

/* now_ns here and below: CLOCK_BOOTTIME. Writes nothing yet. */
void status_writer_init(struct status_writer *writer, int directory_fd, int64_t now_ns);

/* The document is no longer true. Cheap: call it on every change. */
void status_writer_mark_changed(struct status_writer *writer);

/* WRITE: build the document, call status_writer_write(). TOUCH: status_writer_touch(). */
enum status_due status_writer_due(const struct status_writer *writer, int64_t now_ns);
/* When something is due next; may lie in the past. Arm the timer with it after each call here. */
int64_t status_writer_next_ns(const struct status_writer *writer);

/*
 * Replaces the file, mode 0644 whatever the umask. started_ns: CLOCK_MONOTONIC, before the document
 * was built, because building counts into the 5 %. A negative errno of open(2), write(2),
 * rename(2): nothing is left behind and another try is due in a second or later.
 */
int status_writer_write(struct status_writer *writer, const char *text, size_t length,
			int64_t started_ns);
/* The document could not be built: another try is due in a second or later. */
void status_writer_not_built(struct status_writer *writer, int64_t started_ns);

/* A clean stop: the heartbeat is 1970, which no reader takes for a broker that runs. */
void status_writer_end(const struct status_writer *writer);

/* Moves the file's mtime to now. A file that is gone is due to be written. Negative errno. */
int status_writer_touch(struct status_writer *writer);

#endif
