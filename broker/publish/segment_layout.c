/* SPDX-License-Identifier: MIT */
#include "publish/segment_layout.h"

#include <assert.h>
#include <string.h>

#include "base/token_name.h"
#include "tokenbroker.h"

#define PAGE_BYTES 4096u
/* Four slots of this stride and what stands before them fill one page; each further step of a
 * quarter page adds a page. */
#define STRIDE_FIRST ((PAGE_BYTES - TOKENBROKER_SEGMENT_SLOT_OFFSET) / TOKENBROKER_SEGMENT_SLOTS)
#define STRIDE_STEP  (PAGE_BYTES / TOKENBROKER_SEGMENT_SLOTS)

_Static_assert(STRIDE_FIRST % TOKENBROKER_SEGMENT_SLOT_ALIGN == 0, "slots are aligned");
_Static_assert(STRIDE_STEP % TOKENBROKER_SEGMENT_SLOT_ALIGN == 0, "slots are aligned");
_Static_assert(TOKEN_NAME_MAX < TOKENBROKER_SEGMENT_NAME_BYTES, "names end with a NUL");
_Static_assert(BOOT_ID_BYTES == sizeof(((struct tokenbroker_segment_header *)0)->boot_id), "ABI");

struct segment_geometry segment_layout_geometry(size_t capacity)
{
	uint32_t need;
	uint32_t stride = STRIDE_FIRST;

	assert(capacity < TOKENBROKER_SEGMENT_BYTES_MAX / TOKENBROKER_SEGMENT_SLOTS);
	need = TOKENBROKER_SEGMENT_TOKEN_OFFSET + (uint32_t)capacity + 1;
	if (need > STRIDE_FIRST)
		stride += (need - STRIDE_FIRST + STRIDE_STEP - 1) / STRIDE_STEP * STRIDE_STEP;

	return (struct segment_geometry){
		.segment_bytes = TOKENBROKER_SEGMENT_SLOT_OFFSET +
				 (uint64_t)TOKENBROKER_SEGMENT_SLOTS * stride,
		.slot_offset = TOKENBROKER_SEGMENT_SLOT_OFFSET,
		.slot_stride = stride,
		.slot_count = TOKENBROKER_SEGMENT_SLOTS,
		.token_offset = TOKENBROKER_SEGMENT_TOKEN_OFFSET,
		.token_capacity = stride - TOKENBROKER_SEGMENT_TOKEN_OFFSET - 1,
		.meta_bytes = TOKENBROKER_SLOT_META_BYTES,
	};
}

size_t segment_layout_capacity(size_t length)
{
	size_t roomy = length + length / 4;

	assert(length <= TOKENBROKER_TOKEN_MAX);
	return roomy < TOKENBROKER_TOKEN_MAX ? roomy : TOKENBROKER_TOKEN_MAX;
}

void segment_layout_fill_header(struct tokenbroker_segment_header *ret,
				const struct segment_geometry *geometry,
				const struct segment_identity *identity,
				const uint8_t segment_id[16], const char *name,
				int64_t created_realtime_ns)
{
	struct tokenbroker_segment_header header = {
		.magic = TOKENBROKER_SEGMENT_MAGIC,
		.abi_major = TOKENBROKER_SEGMENT_MAJOR,
		.abi_minor = TOKENBROKER_SEGMENT_MINOR,
		.header_bytes = sizeof(header),
		.byte_order = TOKENBROKER_SEGMENT_BYTE_ORDER,
		.segment_bytes = geometry->segment_bytes,
		.slot_offset = geometry->slot_offset,
		.slot_stride = geometry->slot_stride,
		.slot_count = geometry->slot_count,
		.token_offset = geometry->token_offset,
		.token_capacity = geometry->token_capacity,
		.meta_bytes = geometry->meta_bytes,
		.runtime_id = identity->runtime_id,
		.created_realtime_ns = (uint64_t)created_realtime_ns,
		.broker_uid = identity->uid,
	};

	assert(token_name_is_valid(name));
	memcpy(header.segment_id, segment_id, sizeof(header.segment_id));
	memcpy(header.boot_id, identity->boot_id, sizeof(header.boot_id));
	memcpy(header.name, name, strlen(name));
	header.header_sum = tokenbroker_segment_header_sum(&header);
	*ret = header;
}

static bool has_our_format(const struct tokenbroker_segment_header *header)
{
	return header->magic == TOKENBROKER_SEGMENT_MAGIC &&
	       header->abi_major == TOKENBROKER_SEGMENT_MAJOR &&
	       header->header_bytes == sizeof(*header) &&
	       header->byte_order == TOKENBROKER_SEGMENT_BYTE_ORDER &&
	       header->incompat_flags == 0 &&
	       header->header_sum == tokenbroker_segment_header_sum(header);
}

/* All sums in 64 bits, where 32-bit values cannot overflow. */
static bool lies_within(const struct segment_geometry *geometry, uint64_t file_bytes)
{
	uint64_t token_end = (uint64_t)geometry->token_offset + geometry->token_capacity + 1;
	uint64_t slots_end =
		geometry->slot_offset + (uint64_t)geometry->slot_stride * geometry->slot_count;

	return file_bytes == geometry->segment_bytes &&
	       file_bytes >= TOKENBROKER_SEGMENT_BYTES_MIN &&
	       file_bytes <= TOKENBROKER_SEGMENT_BYTES_MAX &&
	       geometry->slot_offset >= TOKENBROKER_SEGMENT_SLOT_OFFSET &&
	       geometry->slot_count >= TOKENBROKER_SEGMENT_SLOTS_MIN &&
	       geometry->slot_count <= TOKENBROKER_SEGMENT_SLOTS_MAX &&
	       (geometry->slot_count & (geometry->slot_count - 1)) == 0 &&
	       geometry->meta_bytes >= TOKENBROKER_SLOT_META_BYTES &&
	       geometry->token_offset >= geometry->meta_bytes &&
	       geometry->slot_offset % sizeof(uint64_t) == 0 &&
	       geometry->slot_stride % sizeof(uint64_t) == 0 &&
	       geometry->token_offset % sizeof(uint64_t) == 0 &&
	       token_end <= geometry->slot_stride && slots_end <= file_bytes;
}

static bool is_as_we_write(const struct tokenbroker_segment_header *header,
			   const struct segment_geometry *geometry)
{
	struct segment_geometry ours;

	if (geometry->token_capacity >
	    TOKENBROKER_SEGMENT_BYTES_MAX / TOKENBROKER_SEGMENT_SLOTS / 2)
		return false;
	ours = segment_layout_geometry(geometry->token_capacity);
	return header->abi_minor == TOKENBROKER_SEGMENT_MINOR && header->compat_flags == 0 &&
	       geometry->segment_bytes == ours.segment_bytes &&
	       geometry->slot_offset == ours.slot_offset &&
	       geometry->slot_stride == ours.slot_stride &&
	       geometry->slot_count == ours.slot_count &&
	       geometry->token_offset == ours.token_offset &&
	       geometry->token_capacity == ours.token_capacity &&
	       geometry->meta_bytes == ours.meta_bytes;
}

struct segment_layout_check segment_layout_check(const struct tokenbroker_segment_header *header,
						 uint64_t file_bytes,
						 const struct segment_identity *identity,
						 const char *name)
{
	struct segment_layout_check check = {
		.geometry =
			{
				.segment_bytes = header->segment_bytes,
				.slot_offset = header->slot_offset,
				.slot_stride = header->slot_stride,
				.slot_count = header->slot_count,
				.token_offset = header->token_offset,
				.token_capacity = header->token_capacity,
				.meta_bytes = header->meta_bytes,
			},
	};
	char padded_name[TOKENBROKER_SEGMENT_NAME_BYTES] = {0};

	assert(token_name_is_valid(name));
	memcpy(padded_name, name, strlen(name));
	check.is_sound = has_our_format(header) && lies_within(&check.geometry, file_bytes);
	check.is_current = check.is_sound && is_as_we_write(header, &check.geometry);
	check.is_ours = check.is_sound && header->runtime_id == identity->runtime_id &&
			memcmp(header->name, padded_name, sizeof(padded_name)) == 0;
	check.is_this_boot = check.is_sound && memcmp(header->boot_id, identity->boot_id,
						      sizeof(header->boot_id)) == 0;
	return check;
}
