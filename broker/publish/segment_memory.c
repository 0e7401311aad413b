/* SPDX-License-Identifier: MIT */
#include "publish/segment_memory.h"

_Static_assert(TOKENBROKER_SLOT_SOURCE_ID ==
		       TOKENBROKER_SLOT_GENERATION +
			       (SEGMENT_MEMORY_META_WORDS - 1) * sizeof(uint64_t),
	       "the words from generation to source_id");

struct tokenbroker_segment_lines *segment_memory_lines(void *base)
{
	unsigned char *bytes = base;

	return (struct tokenbroker_segment_lines *)(void *)(bytes +
							    TOKENBROKER_SEGMENT_HEAD_OFFSET);
}

_Atomic uint64_t *segment_memory_slot_word(void *base, const struct segment_geometry *geometry,
					   uint64_t seq, size_t offset)
{
	unsigned char *bytes = base;
	size_t slot = (size_t)(seq % geometry->slot_count);

	return (_Atomic uint64_t *)(void *)(bytes + geometry->slot_offset +
					    slot * geometry->slot_stride + offset);
}

void segment_memory_pack(uint64_t ret[static SEGMENT_MEMORY_META_WORDS],
			 const struct publication_content *content)
{
	ret[0] = content->generation;
	ret[1] = (uint64_t)content->expires_boottime_ns;
	ret[2] = (uint64_t)content->expires_realtime_ns;
	ret[3] = (uint64_t)content->issued_realtime_ns;
	ret[4] = (uint64_t)content->length | (uint64_t)content->state << 32;
	ret[5] = 0; /* flags and error: this version defines none */
	ret[6] = content->source_id;
}

void segment_memory_unpack(struct publication_content *ret,
			   const uint64_t words[static SEGMENT_MEMORY_META_WORDS])
{
	*ret = (struct publication_content){
		.generation = words[0],
		.expires_boottime_ns = (int64_t)words[1],
		.expires_realtime_ns = (int64_t)words[2],
		.issued_realtime_ns = (int64_t)words[3],
		.state = (enum tokenbroker_segment_state)(words[4] >> 32),
		.length = (size_t)(words[4] & UINT32_MAX),
		.source_id = words[6],
	};
}
