/* SPDX-License-Identifier: MIT */
/*
 * A segment as a reader finds it mapped: a byte of flags, then the segment. With flag 1 the
 * header's sum is put right, so that what is behind that check is reached.
 */
#include "clientlib/geometry.h"
#include "clientlib/read.h"
#include "fuzz.h"

enum { BUFFER_BYTES = 2048 };

static void check_read(const struct segment *segment, size_t size)
{
	char buffer[BUFFER_BYTES];
	struct reading reading = {0};
	enum read_outcome outcome;

	memset(buffer, 0xaa, sizeof(buffer));
	outcome = segment_read(segment, buffer, size, &reading);
	FUZZ_MUST(outcome == READ_DONE || outcome == READ_CORRUPT);
	for (size_t i = size; i < sizeof(buffer); i++)
		FUZZ_MUST((unsigned char)buffer[i] == 0xaa);
	if (outcome != READ_DONE)
		return;
	FUZZ_MUST(reading.length <= segment->geometry.token_capacity);
	FUZZ_MUST(reading.length == 0 || reading.state == TOKENBROKER_SEGMENT_VALID);
	if (reading.state == TOKENBROKER_SEGMENT_VALID && size > reading.length)
		FUZZ_MUST(buffer[reading.length] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned flags = fuzz_byte(&input);
	struct tokenbroker_segment_header header;
	struct geometry geometry;
	struct segment segment;
	unsigned char *base;

	if (input.size < sizeof(header) || input.size > 64 * 1024)
		return 0;
	base = aligned_alloc(64, (input.size + 63) / 64 * 64);
	FUZZ_MUST(base != NULL);
	memcpy(base, input.data, input.size);
	memcpy(&header, base, sizeof(header));
	if ((flags & 1) != 0)
		header.header_sum = tokenbroker_segment_header_sum(&header);
	if (geometry_check(&header, input.size, "default", &geometry) == 0) {
		FUZZ_MUST(geometry.slot_offset + geometry.slot_stride * geometry.slot_count <=
			  input.size);
		segment_init(&segment, base, &geometry);
		check_read(&segment, flags >> 1 & 1 ? BUFFER_BYTES : flags >> 2);
		check_read(&segment, 0);
	}
	free(base);
	return 0;
}
