/* SPDX-License-Identifier: MIT */
/*
 * Is this header one that we can read, and where are the slots? Pure: it looks at a copy of the
 * immutable block and at nothing else.
 */
#ifndef CLIENTLIB_GEOMETRY_H
#define CLIENTLIB_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

#include "tokenbroker_segment.h"

/* Every slot and every word of it lies inside the file, aligned to 8 bytes. */
struct geometry {
	uint64_t slot_offset;
	uint64_t slot_stride;
	uint64_t slot_count;     /* a power of two */
	uint64_t token_offset;   /* within a slot */
	uint64_t token_capacity; /* longest token in bytes, without the NUL */
};

/* file_bytes: what fstat(2) says. 0, or -EPROTO for a foreign, damaged or hostile header. */
int geometry_check(const struct tokenbroker_segment_header *header, size_t file_bytes,
		   const char *token_name, struct geometry *ret);

#endif
