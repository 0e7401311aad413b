/* SPDX-License-Identifier: MIT */
/*
 * Geometry and header of a segment: what this broker writes, and what it accepts of a segment that
 * it finds. Pure; a header from outside is passed as a copy.
 */
#ifndef BROKER_PUBLISH_SEGMENT_LAYOUT_H
#define BROKER_PUBLISH_SEGMENT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tokenbroker_segment.h"
#include "publish/boot_id.h"

struct segment_geometry {
	uint64_t segment_bytes;
	uint32_t slot_offset;
	uint32_t slot_stride;
	uint32_t slot_count;
	uint32_t token_offset;
	uint32_t token_capacity; /* longest token, without the NUL */
	uint32_t meta_bytes;
};

/* Which segments are this broker's: those of this boot, this runtime directory, this user. */
struct segment_identity {
	uint8_t boot_id[BOOT_ID_BYTES];
	uint64_t runtime_id;
	uid_t uid;
};

/* The smallest geometry that fills whole pages of 4 KiB and takes a token of capacity bytes (at
 * most TOKENBROKER_TOKEN_MAX). A fixed point: the geometry for its token_capacity is itself. */
struct segment_geometry segment_layout_geometry(size_t capacity);

/* The capacity to ask for when a token of length bytes has to fit: some more, so that a token that
 * grows a little each time does not replace the segment each time. */
size_t segment_layout_capacity(size_t length);

/* ret is the block at offset 0. segment_id: random. name: a valid token name. */
void segment_layout_fill_header(struct tokenbroker_segment_header *ret,
				const struct segment_geometry *geometry,
				const struct segment_identity *identity,
				const uint8_t segment_id[16], const char *name,
				int64_t created_realtime_ns);

/* What a header found in a file of file_bytes tells. */
struct segment_layout_check {
	bool is_sound;   /* complete, of this major, and its geometry lies within the file */
	bool is_current; /* is_sound, and in every point as this broker would write it */
	bool is_ours;    /* is_sound, of this runtime directory and token */
	bool is_this_boot;
	struct segment_geometry geometry; /* meaningful while is_sound */
};

struct segment_layout_check segment_layout_check(const struct tokenbroker_segment_header *header,
						 uint64_t file_bytes,
						 const struct segment_identity *identity,
						 const char *name);

#endif
