/* SPDX-License-Identifier: MIT */
/*
 * A segment as a file on tmpfs: made, opened, mapped, unlinked. The file descriptor is closed once
 * the segment is mapped; the mapping is left out of core dumps.
 */
#ifndef BROKER_PUBLISH_SEGMENT_FILE_H
#define BROKER_PUBLISH_SEGMENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/principals.h"
#include "publish/runtime_dir.h"
#include "publish/segment_layout.h"
#include "publish/segment_name.h"

struct segment_file {
	struct segment_name name;
	dev_t device;
	ino_t inode;
	void *base; /* mapped for reading and writing; NULL: nothing is open */
	size_t size;
};

/*
 * Makes a segment of this geometry with a random name, all memory allocated, header filled, count
 * 0, for these readers. Nothing leads to it yet. A failure leaves nothing behind. -ENOSPC: tmpfs is
 * full; -EOPNOTSUPP: not a tmpfs, or one without ACLs.
 */
int segment_file_create(struct segment_file *ret, const struct runtime_dir *dir,
			const struct segment_identity *identity, const char *token,
			const struct segment_geometry *geometry, const struct principals *readers,
			int64_t created_realtime_ns);

/*
 * Opens what name names, without following it, if it is a regular file of ours on tmpfs: -ENOENT
 * nothing there, -EPERM not such a file. *ret is a descriptor for reading and writing.
 */
int segment_file_open(const struct runtime_dir *dir, const struct segment_name *name, int *ret);

/* Maps an open segment of size bytes. Allocates what a hole in it would lack, so that no access can
 * fail later. */
int segment_file_map(struct segment_file *ret, const struct segment_name *name, int fd,
		     size_t size);

/* Which file has the name now, nothing mapped; false: none that can be seen. */
bool segment_file_look(struct segment_file *ret, const struct runtime_dir *dir,
		       const struct segment_name *name);

/* One file, under whatever names. */
bool segment_file_is_same(const struct segment_file *a, const struct segment_file *b);

/* The name still leads to this file. */
bool segment_file_is_in_place(const struct segment_file *file, const struct runtime_dir *dir);

/* Removes the name if it still leads to this file. */
void segment_file_unlink(const struct segment_file *file, const struct runtime_dir *dir);

/* Removes a segment of ours whose header was never whole, and whose maker is dead. A name that
 * leads to anything else stays. */
void segment_file_remove_unfinished(const struct runtime_dir *dir, const struct segment_name *name);

/* Unmaps; the file stays. A zeroed one is fine. */
void segment_file_fini(struct segment_file *file);

#endif
