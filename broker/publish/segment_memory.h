/* SPDX-License-Identifier: MIT */
/* Where the words of a mapped segment lie, and how a content is spread over those of a slot. */
#ifndef BROKER_PUBLISH_SEGMENT_MEMORY_H
#define BROKER_PUBLISH_SEGMENT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "tokenbroker_segment.h"
#include "publish/publication_content.h"
#include "publish/segment_layout.h"

/* The words from generation to source_id, which slot_sum covers. */
#define SEGMENT_MEMORY_META_WORDS 7

struct tokenbroker_segment_lines *segment_memory_lines(void *base);

/* The word at offset of the slot for publish seq. offset lies within the slot. */
_Atomic uint64_t *segment_memory_slot_word(void *base, const struct segment_geometry *geometry,
					   uint64_t seq, size_t offset);

void segment_memory_pack(uint64_t ret[static SEGMENT_MEMORY_META_WORDS],
			 const struct publication_content *content);
/* All but the token. Nothing is checked: state and length may be any number. */
void segment_memory_unpack(struct publication_content *ret,
			   const uint64_t words[static SEGMENT_MEMORY_META_WORDS]);

#endif
