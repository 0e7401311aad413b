/* SPDX-License-Identifier: MIT */
#include "clientlib/geometry.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define WORD_BYTES 8

static bool is_known_format(const struct tokenbroker_segment_header *header)
{
	return header->magic == TOKENBROKER_SEGMENT_MAGIC &&
	       header->abi_major == TOKENBROKER_SEGMENT_MAJOR &&
	       header->byte_order == TOKENBROKER_SEGMENT_BYTE_ORDER &&
	       header->header_bytes == sizeof(*header) && header->incompat_flags == 0;
}

static bool is_intact(const struct tokenbroker_segment_header *header)
{
	return header->header_sum == tokenbroker_segment_header_sum(header);
}

static bool is_named(const struct tokenbroker_segment_header *header, const char *token_name)
{
	char padded[TOKENBROKER_SEGMENT_NAME_BYTES] = {0};
	size_t length = strlen(token_name);

	if (length >= sizeof(padded))
		return false;
	memcpy(padded, token_name, length);
	return memcmp(header->name, padded, sizeof(padded)) == 0;
}

static bool is_aligned(const struct tokenbroker_segment_header *header)
{
	return (header->slot_offset | header->slot_stride | header->token_offset |
		header->meta_bytes) %
		       WORD_BYTES ==
	       0;
}

static bool is_slot_count(uint32_t count)
{
	return count >= TOKENBROKER_SEGMENT_SLOTS_MIN && count <= TOKENBROKER_SEGMENT_SLOTS_MAX &&
	       (count & (count - 1)) == 0;
}

/* The metadata words that we read, then the token with its NUL, padded to whole words. */
static bool fits_slot(const struct tokenbroker_segment_header *header)
{
	uint64_t token_bytes = (uint64_t)header->token_capacity + 1;
	uint64_t padded_bytes = (token_bytes + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;

	return header->meta_bytes >= TOKENBROKER_SLOT_META_BYTES &&
	       header->token_offset >= header->meta_bytes &&
	       header->token_offset + padded_bytes <= header->slot_stride;
}

/* All factors have 32 bits: nothing here can overflow 64. */
static bool fits_file(const struct tokenbroker_segment_header *header, size_t file_bytes)
{
	uint64_t slots_bytes = (uint64_t)header->slot_count * header->slot_stride;

	return header->segment_bytes == file_bytes &&
	       header->slot_offset >= TOKENBROKER_SEGMENT_SLOT_OFFSET &&
	       header->slot_offset + slots_bytes <= file_bytes;
}

int geometry_check(const struct tokenbroker_segment_header *header, size_t file_bytes,
		   const char *token_name, struct geometry *ret)
{
	if (!is_known_format(header) || !is_intact(header) || !is_named(header, token_name))
		return -EPROTO;
	if (!is_aligned(header) || !is_slot_count(header->slot_count) || !fits_slot(header) ||
	    !fits_file(header, file_bytes))
		return -EPROTO;

	*ret = (struct geometry){
		.slot_offset = header->slot_offset,
		.slot_stride = header->slot_stride,
		.slot_count = header->slot_count,
		.token_offset = header->token_offset,
		.token_capacity = header->token_capacity,
	};
	return 0;
}
