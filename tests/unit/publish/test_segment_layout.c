/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "harness.h"
#include "tokenbroker.h"
#include "publish/segment_layout.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

static const struct segment_identity identity = {
	.boot_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.runtime_id = 0xabcdef,
	.uid = 1007,
};
static const uint8_t segment_id[16] = {0xaa};

static struct tokenbroker_segment_header header_for(size_t capacity)
{
	struct segment_geometry geometry = segment_layout_geometry(capacity);
	struct tokenbroker_segment_header header;

	segment_layout_fill_header(&header, &geometry, &identity, segment_id, "default", 42);
	return header;
}

static struct segment_layout_check check(struct tokenbroker_segment_header *header, bool sign)
{
	if (sign)
		header->header_sum = tokenbroker_segment_header_sum(header);
	return segment_layout_check(header, header->segment_bytes, &identity, "default");
}

static void a_small_token_takes_one_page(void)
{
	struct segment_geometry geometry = segment_layout_geometry(22);

	CU_ASSERT_EQUAL(geometry.segment_bytes, 4096);
	CU_ASSERT_EQUAL(geometry.slot_stride, 896);
	CU_ASSERT_EQUAL(geometry.slot_count, 4);
	CU_ASSERT_EQUAL(geometry.token_capacity, 767);
}

static void every_capacity_fits_and_fills_whole_pages(void)
{
	for (size_t capacity = 0; capacity <= TOKENBROKER_TOKEN_MAX; capacity++) {
		struct segment_geometry geometry = segment_layout_geometry(capacity);
		struct segment_geometry again = segment_layout_geometry(geometry.token_capacity);

		if (geometry.token_capacity < capacity || geometry.segment_bytes % 4096 != 0 ||
		    geometry.slot_stride % TOKENBROKER_SEGMENT_SLOT_ALIGN != 0 ||
		    geometry.segment_bytes > TOKENBROKER_SEGMENT_BYTES_MAX ||
		    again.segment_bytes != geometry.segment_bytes ||
		    again.token_capacity != geometry.token_capacity) {
			CU_FAIL("a capacity without a proper geometry");
			return;
		}
	}
	CU_ASSERT_EQUAL(segment_layout_geometry(767).segment_bytes, 4096);
	CU_ASSERT_EQUAL(segment_layout_geometry(768).segment_bytes, 8192);
}

static void growth_leaves_room_up_to_the_longest_token(void)
{
	CU_ASSERT_EQUAL(segment_layout_capacity(0), 0);
	CU_ASSERT_EQUAL(segment_layout_capacity(1000), 1250);
	CU_ASSERT_EQUAL(segment_layout_capacity(60000), TOKENBROKER_TOKEN_MAX);
	CU_ASSERT_EQUAL(segment_layout_capacity(TOKENBROKER_TOKEN_MAX), TOKENBROKER_TOKEN_MAX);
}

static void our_own_header_is_current_and_ours(void)
{
	struct tokenbroker_segment_header header = header_for(22);
	struct segment_layout_check result = check(&header, false);

	CU_ASSERT_TRUE(result.is_sound);
	CU_ASSERT_TRUE(result.is_current);
	CU_ASSERT_TRUE(result.is_ours);
	CU_ASSERT_TRUE(result.is_this_boot);
	CU_ASSERT_EQUAL(result.geometry.token_capacity, 767);
	CU_ASSERT_STRING_EQUAL(header.name, "default");
	CU_ASSERT_EQUAL(header.created_realtime_ns, 42);
	CU_ASSERT_EQUAL(header.broker_uid, 1007);
}

static void every_single_damaged_byte_is_noticed(void)
{
	for (size_t i = 0; i < sizeof(struct tokenbroker_segment_header); i++) {
		struct tokenbroker_segment_header header = header_for(22);

		((unsigned char *)&header)[i] ^= 0x10;
		CU_ASSERT_FALSE(check(&header, false).is_sound);
	}
}

static void another_format_is_not_sound_even_with_a_right_sum(void)
{
	struct tokenbroker_segment_header header = header_for(22);

	header.magic++;
	CU_ASSERT_FALSE(check(&header, true).is_sound);
	header = header_for(22);
	header.abi_major++;
	CU_ASSERT_FALSE(check(&header, true).is_sound);
	header = header_for(22);
	header.header_bytes += 8;
	CU_ASSERT_FALSE(check(&header, true).is_sound);
	header = header_for(22);
	header.byte_order = 0x04030201;
	CU_ASSERT_FALSE(check(&header, true).is_sound);
	header = header_for(22);
	header.incompat_flags = 1;
	CU_ASSERT_FALSE(check(&header, true).is_sound);
}

static void a_newer_minor_is_sound_but_not_current(void)
{
	struct tokenbroker_segment_header header = header_for(22);
	struct segment_layout_check result;

	header.abi_minor++;
	result = check(&header, true);
	CU_ASSERT_TRUE(result.is_sound);
	CU_ASSERT_FALSE(result.is_current);
	header = header_for(22);
	header.compat_flags = 4;
	result = check(&header, true);
	CU_ASSERT_TRUE(result.is_sound);
	CU_ASSERT_FALSE(result.is_current);
}

static void a_foreign_geometry_that_fits_is_sound_but_not_current(void)
{
	struct tokenbroker_segment_header header = header_for(22);
	struct segment_layout_check result;

	header.slot_count = 8;
	header.slot_stride = 448;
	header.token_capacity = 448 - 128 - 1;
	result = check(&header, true);
	CU_ASSERT_TRUE(result.is_sound);
	CU_ASSERT_FALSE(result.is_current);
	CU_ASSERT_EQUAL(result.geometry.slot_count, 8);
}

/* With one 32-bit member of a good header changed, under a right sum. */
static bool is_refused(size_t offset, uint32_t value)
{
	struct tokenbroker_segment_header header = header_for(22);

	memcpy((unsigned char *)&header + offset, &value, sizeof(value));
	return !check(&header, true).is_sound;
}

#define MEMBER(member) offsetof(struct tokenbroker_segment_header, member)

static void a_hostile_geometry_is_refused(void)
{
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_offset), 0));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_offset), 0x1f8));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_offset), 0x208));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_offset), UINT32_MAX));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_stride), 0));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_stride), 897));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_stride), UINT32_MAX));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), 0));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), 1));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), 3));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), 5));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), 128));
	CU_ASSERT_TRUE(is_refused(MEMBER(slot_count), UINT32_MAX));
	CU_ASSERT_TRUE(is_refused(MEMBER(token_offset), 0));
	CU_ASSERT_TRUE(is_refused(MEMBER(token_offset), 0x84));
	CU_ASSERT_TRUE(is_refused(MEMBER(token_offset), 0xfffffff8));
	CU_ASSERT_TRUE(is_refused(MEMBER(token_capacity), 768));
	CU_ASSERT_TRUE(is_refused(MEMBER(token_capacity), UINT32_MAX));
	CU_ASSERT_TRUE(is_refused(MEMBER(meta_bytes), 0));
	CU_ASSERT_TRUE(is_refused(MEMBER(meta_bytes), 0x88));
}

static void the_file_must_be_as_long_as_the_header_says(void)
{
	struct tokenbroker_segment_header header = header_for(22);

	CU_ASSERT_FALSE(segment_layout_check(&header, 4095, &identity, "default").is_sound);
	CU_ASSERT_FALSE(segment_layout_check(&header, 8192, &identity, "default").is_sound);
	CU_ASSERT_TRUE(is_refused(MEMBER(segment_bytes), 0x200));
	CU_ASSERT_TRUE(is_refused(MEMBER(segment_bytes), TOKENBROKER_SEGMENT_BYTES_MAX + 4096));
	CU_ASSERT_TRUE(is_refused(MEMBER(segment_bytes) + 4, 1)); /* beyond 32 bits */
}

static void a_header_of_another_broker_token_or_boot_is_told_apart(void)
{
	struct tokenbroker_segment_header header = header_for(22);
	struct segment_identity other = identity;

	CU_ASSERT_FALSE(segment_layout_check(&header, 4096, &identity, "default2").is_ours);
	CU_ASSERT_FALSE(segment_layout_check(&header, 4096, &identity, "d").is_ours);
	other.runtime_id++;
	CU_ASSERT_FALSE(segment_layout_check(&header, 4096, &other, "default").is_ours);
	other = identity;
	other.boot_id[15]++;
	CU_ASSERT_TRUE(segment_layout_check(&header, 4096, &other, "default").is_ours);
	CU_ASSERT_FALSE(segment_layout_check(&header, 4096, &other, "default").is_this_boot);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_small_token_takes_one_page),
		TEST(every_capacity_fits_and_fills_whole_pages),
		TEST(growth_leaves_room_up_to_the_longest_token),
		TEST(our_own_header_is_current_and_ours),
		TEST(every_single_damaged_byte_is_noticed),
		TEST(another_format_is_not_sound_even_with_a_right_sum),
		TEST(a_newer_minor_is_sound_but_not_current),
		TEST(a_foreign_geometry_that_fits_is_sound_but_not_current),
		TEST(a_hostile_geometry_is_refused),
		TEST(the_file_must_be_as_long_as_the_header_says),
		TEST(a_header_of_another_broker_token_or_boot_is_told_apart),
		CU_TEST_INFO_NULL,
	};

	return harness_run("segment_layout", tests);
}
