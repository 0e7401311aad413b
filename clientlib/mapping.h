/* SPDX-License-Identifier: MIT */
/*
 * One segment mapped into this process: found through its link, trusted, checked, and immutable
 * from then on. Its description lies on a page of its own before the segment, so that opening one
 * needs system calls only: tokenbroker_generation() may do it in a signal handler.
 */
#ifndef CLIENTLIB_MAPPING_H
#define CLIENTLIB_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "clientlib/read.h"

/* A link as the broker makes it has fewer than 100 bytes. */
#define MAPPING_TARGET_BYTES 256

struct mapping {
	struct segment segment;
	size_t segment_bytes;
	void *region; /* description and segment */
	size_t region_bytes;
	struct mapping *older; /* the one that this one replaced, or NULL; the handle's */
	char target[MAPPING_TARGET_BYTES]; /* what the link said */
};

/* Where the segment begins: close behind the description, so that no load is needed to tell. */
static inline const unsigned char *mapping_base(const struct mapping *mapping)
{
	return (const unsigned char *)(mapping + 1);
}

/*
 * Maps the live segment of a token. -ENOENT, -EACCES, -EPERM, -EPROTO as tokenbroker_open(), or
 * what the system call said. Keeps no descriptor.
 */
int mapping_open(const char *runtime_dir, const char *token_name, struct mapping **ret);

/* NULL is fine. */
void mapping_close(struct mapping *mapping);

/* Does the link at link_path still lead to this segment? */
bool mapping_is_linked(const struct mapping *mapping, const char *link_path);

/* Puts zeroes in the place of the segment: who is still in it reads "nothing published". */
void mapping_overlay(const struct mapping *mapping);

#endif
