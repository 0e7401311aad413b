/* SPDX-License-Identifier: MIT */
/*
 * The layout is frozen: a reader of any age maps the segment of a broker of any age. Both files
 * were made apart from this code, from the description in docs/segment-format.md. A change here is
 * a new file format.
 */
#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "harness.h"
#include "publish/segment_writer.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

#define GOLDEN_SEGMENT "tests/unit/publish/golden_segment.hex"
#define GOLDEN_OFFSETS "tests/unit/publish/golden_offsets.txt"

#define GENERATION     1795428003
#define SECOND         INT64_C(1000000000)

static void read_golden(const char *path, char *buffer, size_t size)
{
	CLEANUP(close_file) FILE *file = fopen(path, "re");
	size_t length;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	length = fread(buffer, 1, size - 1, file);
	buffer[length] = '\0';
	CU_ASSERT_TRUE(length > 0 && length < size - 1);
}

static void write_whole_segment(unsigned char *bytes)
{
	static const struct segment_identity identity = {
		.boot_id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		.runtime_id = 0x0123456789abcdef,
		.uid = 1007,
	};
	static const uint8_t segment_id[16] = {16, 17, 18, 19, 20, 21, 22, 23,
					       24, 25, 26, 27, 28, 29, 30, 31};
	struct segment_geometry geometry = segment_layout_geometry(22);

	segment_layout_fill_header((struct tokenbroker_segment_header *)(void *)bytes, &geometry,
				   &identity, segment_id, "default", GENERATION * SECOND);
}

static void publish_five(struct segment_writer *writer)
{
	struct publication_content content = {
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = GENERATION,
		.expires_boottime_ns = 3600 * SECOND,
		.expires_realtime_ns = (GENERATION + 3600) * SECOND,
		.issued_realtime_ns = GENERATION * SECOND,
		.source_id = 0xfeedface,
		.token = "first-token",
		.length = 11,
	};
	struct publication_content withdrawn = {
		.generation = GENERATION + 1,
		.source_id = 0xfeedface,
	};
	char long_token[300];

	segment_writer_publish(writer, &content, true);
	for (size_t i = 0; i < sizeof(long_token); i++)
		long_token[i] = (char)('A' + i % 26);
	content.generation++;
	content.expires_boottime_ns = -1;
	content.expires_realtime_ns = 2;
	content.issued_realtime_ns = 3;
	content.token = long_token;
	content.length = sizeof(long_token);
	segment_writer_publish(writer, &content, true);
	segment_writer_publish(writer, &withdrawn, true);
	withdrawn.state = TOKENBROKER_SEGMENT_EXPIRED;
	segment_writer_publish(writer, &withdrawn, false);
	content.generation++;
	content.expires_boottime_ns = 7200 * SECOND;
	content.expires_realtime_ns = (GENERATION + 7200) * SECOND;
	content.issued_realtime_ns = (GENERATION + 3600) * SECOND;
	content.source_id = 0xfeedfacf;
	content.token = "fifth~12"; /* a whole word: its NUL stands in the next */
	content.length = 8;
	segment_writer_publish(writer, &content, true);
}

static void a_whole_segment_is_the_golden_one(void)
{
	/* As a mapping is. */
	static alignas(4096) unsigned char bytes[4096];
	static char golden[16384];
	static char written[16384];
	struct segment_geometry geometry = segment_layout_geometry(22);
	struct segment_writer writer;
	struct text text;

	write_whole_segment(bytes);
	segment_writer_init(&writer, bytes, &geometry, 0);
	publish_five(&writer);
	segment_writer_adopted(&writer);
	segment_writer_retire(&writer);

	text_init(&text, written, sizeof(written));
	for (size_t at = 0; at < sizeof(bytes); at += 32) {
		text_addf(&text, "%03zx: ", at);
		for (size_t i = 0; i < 32; i++)
			text_addf(&text, "%02x", bytes[at + i]);
		text_add(&text, "\n");
	}
	read_golden(GOLDEN_SEGMENT, golden, sizeof(golden));
	CU_ASSERT_STRING_EQUAL(written, golden);
}

static void add_header_offsets(struct text *text)
{
#define ADD(member)                                                                                \
	text_addf(text, "header." #member " 0x%03zx %zu\n",                                        \
		  offsetof(struct tokenbroker_segment_header, member),                             \
		  sizeof(((struct tokenbroker_segment_header *)NULL)->member))
	text_addf(text, "header 0x%03zx\n", sizeof(struct tokenbroker_segment_header));
	ADD(magic);
	ADD(abi_major);
	ADD(abi_minor);
	ADD(header_bytes);
	ADD(byte_order);
	ADD(incompat_flags);
	ADD(compat_flags);
	ADD(reserved0);
	ADD(segment_bytes);
	ADD(slot_offset);
	ADD(slot_stride);
	ADD(slot_count);
	ADD(token_offset);
	ADD(token_capacity);
	ADD(meta_bytes);
	ADD(segment_id);
	ADD(boot_id);
	ADD(runtime_id);
	ADD(created_realtime_ns);
	ADD(broker_uid);
	ADD(reserved1);
	ADD(name);
	ADD(reserved2);
	ADD(header_sum);
#undef ADD
}

static void add_mutable_offsets(struct text *text)
{
	const size_t lines = TOKENBROKER_SEGMENT_HEAD_OFFSET;

	text_addf(text, "lines.head 0x%03zx\n",
		  lines + offsetof(struct tokenbroker_segment_lines, head));
	text_addf(text, "lines.wake 0x%03zx\n",
		  lines + offsetof(struct tokenbroker_segment_lines, wake));
	text_addf(text, "lines.broker_epoch 0x%03zx\n",
		  lines + offsetof(struct tokenbroker_segment_lines, broker_epoch));
	text_addf(text, "slots 0x%03x\n", TOKENBROKER_SEGMENT_SLOT_OFFSET);
	text_addf(text, "slot.seq 0x%02x\n", TOKENBROKER_SLOT_SEQ);
	text_addf(text, "slot.generation 0x%02x\n", TOKENBROKER_SLOT_GENERATION);
	text_addf(text, "slot.expires_boottime_ns 0x%02x\n", TOKENBROKER_SLOT_EXPIRES_BOOTTIME);
	text_addf(text, "slot.expires_realtime_ns 0x%02x\n", TOKENBROKER_SLOT_EXPIRES_REALTIME);
	text_addf(text, "slot.issued_realtime_ns 0x%02x\n", TOKENBROKER_SLOT_ISSUED_REALTIME);
	text_addf(text, "slot.length_state 0x%02x\n", TOKENBROKER_SLOT_LENGTH_STATE);
	text_addf(text, "slot.flags_error 0x%02x\n", TOKENBROKER_SLOT_FLAGS_ERROR);
	text_addf(text, "slot.source_id 0x%02x\n", TOKENBROKER_SLOT_SOURCE_ID);
	text_addf(text, "slot.sum 0x%02x\n", TOKENBROKER_SLOT_SUM);
	text_addf(text, "slot.meta_bytes 0x%02x\n", TOKENBROKER_SLOT_META_BYTES);
	text_addf(text, "slot.token 0x%02x\n", TOKENBROKER_SEGMENT_TOKEN_OFFSET);
	text_addf(text, "state.none %d\n", TOKENBROKER_SEGMENT_NONE);
	text_addf(text, "state.valid %d\n", TOKENBROKER_SEGMENT_VALID);
	text_addf(text, "state.expired %d\n", TOKENBROKER_SEGMENT_EXPIRED);
	text_addf(text, "state.suspended %d\n", TOKENBROKER_SEGMENT_SUSPENDED);
	text_addf(text, "retired 0x%" PRIx64 "\n", TOKENBROKER_SEGMENT_RETIRED);
}

static void every_offset_is_the_golden_one(void)
{
	static char golden[4096];
	static char written[4096];
	struct text text;

	text_init(&text, written, sizeof(written));
	add_header_offsets(&text);
	add_mutable_offsets(&text);
	read_golden(GOLDEN_OFFSETS, golden, sizeof(golden));
	CU_ASSERT_STRING_EQUAL(written, golden);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_whole_segment_is_the_golden_one),
		TEST(every_offset_is_the_golden_one),
		CU_TEST_INFO_NULL,
	};

	return harness_run("golden", tests);
}
