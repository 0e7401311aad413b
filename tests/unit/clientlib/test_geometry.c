/* SPDX-License-Identifier: MIT */
#include "clientlib/geometry.h"

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "stage.h"

typedef void change(struct tokenbroker_segment_header *header);

/* What geometry_check() says of a good header after a change, with its sum made right. */
static int check_changed(change *apply)
{
	struct tokenbroker_segment_header header = stage_header("default", 1000);
	size_t file_bytes = header.segment_bytes;
	struct geometry geometry;

	apply(&header);
	header.header_sum = tokenbroker_segment_header_sum(&header);
	return geometry_check(&header, file_bytes, "default", &geometry);
}

#define CHANGE(name, statement)                                                                    \
	static void name(struct tokenbroker_segment_header *header)                                \
	{                                                                                          \
		statement;                                                                         \
	}

CHANGE(nothing, (void)header)
CHANGE(another_magic, header->magic ^= 1)
CHANGE(the_next_major, header->abi_major++)
CHANGE(another_byte_order, header->byte_order = UINT32_C(0x04030201))
CHANGE(a_short_header, header->header_bytes = 8)
CHANGE(a_huge_header, header->header_bytes = UINT32_MAX)
CHANGE(an_incompatible_bit, header->incompat_flags = UINT32_C(1) << 31)
CHANGE(another_name, strcpy(header->name, "defaulu"))
CHANGE(a_longer_name, strcpy(header->name, "default2"))
CHANGE(no_name, memset(header->name, 0, sizeof(header->name)))
CHANGE(bytes_behind_the_name, header->name[63] = 'x')
CHANGE(an_endless_name, memset(header->name, 'd', sizeof(header->name)))

static void a_good_header_gives_its_geometry(void)
{
	struct tokenbroker_segment_header header = stage_header("default", 1000);
	struct geometry geometry = {0};

	CU_ASSERT_EQUAL(geometry_check(&header, header.segment_bytes, "default", &geometry), 0);
	CU_ASSERT_EQUAL(geometry.slot_offset, 0x200);
	CU_ASSERT_EQUAL(geometry.slot_stride, 1152);
	CU_ASSERT_EQUAL(geometry.slot_count, 4);
	CU_ASSERT_EQUAL(geometry.token_offset, 0x80);
	CU_ASSERT_EQUAL(geometry.token_capacity, 1000);
	CU_ASSERT_EQUAL(check_changed(nothing), 0);
}

static void another_format_is_refused(void)
{
	CU_ASSERT_EQUAL(check_changed(another_magic), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(the_next_major), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(another_byte_order), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_short_header), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_huge_header), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_incompatible_bit), -EPROTO);
}

static void another_token_is_refused(void)
{
	CU_ASSERT_EQUAL(check_changed(another_name), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_longer_name), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(no_name), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(bytes_behind_the_name), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_endless_name), -EPROTO);
}

static void a_name_that_cannot_stand_in_a_header_is_refused(void)
{
	struct tokenbroker_segment_header header = stage_header("default", 1000);
	struct geometry geometry;
	char name[TOKENBROKER_SEGMENT_NAME_BYTES + 1];

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CU_ASSERT_EQUAL(geometry_check(&header, header.segment_bytes, name, &geometry), -EPROTO);
}

static void every_flipped_bit_of_the_header_is_noticed(void)
{
	struct tokenbroker_segment_header header = stage_header("default", 1000);
	size_t file_bytes = header.segment_bytes;
	struct geometry geometry = {.slot_count = 77};
	unsigned missed = 0;

	for (size_t bit = 0; bit < sizeof(header) * 8; bit++) {
		unsigned char *byte = (unsigned char *)&header + bit / 8;

		*byte = (unsigned char)(*byte ^ 1u << bit % 8);
		missed += geometry_check(&header, file_bytes, "default", &geometry) != -EPROTO;
		*byte = (unsigned char)(*byte ^ 1u << bit % 8);
	}
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(geometry.slot_count, 77);
}

CHANGE(the_next_minor, header->abi_minor = 9)
CHANGE(unknown_compatible_bits, header->compat_flags = UINT32_MAX)
CHANGE(another_boot, memset(header->boot_id, 7, sizeof(header->boot_id)))
CHANGE(reserved_bytes, header->reserved2[7] = UINT64_MAX)

static void what_a_later_minor_version_adds_is_ignored(void)
{
	CU_ASSERT_EQUAL(check_changed(the_next_minor), 0);
	CU_ASSERT_EQUAL(check_changed(unknown_compatible_bits), 0);
	CU_ASSERT_EQUAL(check_changed(another_boot), 0);
	CU_ASSERT_EQUAL(check_changed(reserved_bytes), 0);
}

/* Offsets and sizes that a later minor version might choose. */
static void later_layout(struct tokenbroker_segment_header *header)
{
	header->slot_offset = 0x240;
	header->meta_bytes = 0x88;
	header->token_offset = 0x90;
	header->slot_stride = 0x408;
	header->token_capacity = 0x408 - 0x90 - 1;
}

static void geometry_comes_from_the_header_and_not_from_constants(void)
{
	CU_ASSERT_EQUAL(check_changed(later_layout), 0);
}

CHANGE(unaligned_slots, header->slot_offset = 0x204)
CHANGE(slots_in_the_header, header->slot_offset = 0)
CHANGE(slots_over_the_wake_word, header->slot_offset = 0x1f8)
CHANGE(slots_at_the_end, header->slot_offset = (uint32_t)header->segment_bytes)
CHANGE(slots_beyond, header->slot_offset = UINT32_MAX - 7)
CHANGE(one_word_too_far, header->slot_offset += 8)

static void slots_must_lie_between_the_mutable_lines_and_the_end(void)
{
	CU_ASSERT_EQUAL(check_changed(unaligned_slots), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(slots_in_the_header), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(slots_over_the_wake_word), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(slots_at_the_end), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(slots_beyond), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(one_word_too_far), -EPROTO);
}

CHANGE(no_stride, header->slot_stride = 0)
CHANGE(an_unaligned_stride, header->slot_stride -= 4)
CHANGE(a_stride_without_the_nul, header->slot_stride = 0x80 + 1000)
CHANGE(an_overflowing_stride, header->slot_stride = UINT32_C(1) << 31)
CHANGE(the_widest_stride, header->slot_stride = UINT32_MAX - 7)

static void the_stride_must_hold_a_slot_and_fit_the_file(void)
{
	CU_ASSERT_EQUAL(check_changed(no_stride), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_unaligned_stride), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_stride_without_the_nul), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_overflowing_stride), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(the_widest_stride), -EPROTO);
}

CHANGE(no_slot, header->slot_count = 0)
CHANGE(two_slots, header->slot_count = 2)
CHANGE(five_slots, header->slot_count = 5)
CHANGE(eight_slots_in_four, header->slot_count = 8)
CHANGE(too_many_slots, header->slot_count = 128)
CHANGE(countless_slots, header->slot_count = UINT32_C(1) << 31)

/* Eight of half the size. */
static void eight_slots(struct tokenbroker_segment_header *header)
{
	header->slot_count = 8;
	header->slot_stride /= 2;
	header->token_capacity = 400;
}

static void the_slot_count_is_a_power_of_two_within_bounds(void)
{
	CU_ASSERT_EQUAL(check_changed(no_slot), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(two_slots), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(five_slots), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(eight_slots_in_four), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(too_many_slots), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(countless_slots), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(eight_slots), 0);
}

CHANGE(short_metadata, header->meta_bytes = TOKENBROKER_SLOT_META_BYTES - 8)
CHANGE(unaligned_metadata, header->meta_bytes = TOKENBROKER_SLOT_META_BYTES + 4)
CHANGE(metadata_over_the_token, header->meta_bytes = 0x88)
CHANGE(endless_metadata, header->meta_bytes = UINT32_MAX - 7)
CHANGE(an_unaligned_token, header->token_offset = 0x7c)
CHANGE(a_token_over_the_metadata, header->token_offset = 8)
CHANGE(a_token_beyond_its_slot, header->token_offset = UINT32_MAX - 7)
CHANGE(a_longest_token_that_fits, header->token_capacity = 1152 - 0x80 - 1)
CHANGE(a_capacity_without_the_nul, header->token_capacity = 1152 - 0x80)
CHANGE(an_overflowing_capacity, header->token_capacity = UINT32_MAX)
CHANGE(a_capacity_that_overflows_in_rounding, header->token_capacity = UINT32_MAX - 1)

static void metadata_and_token_must_fit_the_slot(void)
{
	CU_ASSERT_EQUAL(check_changed(short_metadata), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(unaligned_metadata), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(metadata_over_the_token), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(endless_metadata), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_unaligned_token), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_token_over_the_metadata), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_token_beyond_its_slot), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_longest_token_that_fits), 0);
	CU_ASSERT_EQUAL(check_changed(a_capacity_without_the_nul), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_overflowing_capacity), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_capacity_that_overflows_in_rounding), -EPROTO);
}

CHANGE(a_larger_segment, header->segment_bytes += 8)
CHANGE(a_smaller_segment, header->segment_bytes -= 8)
CHANGE(an_endless_segment, header->segment_bytes = UINT64_MAX)

static void the_size_must_be_that_of_the_file(void)
{
	CU_ASSERT_EQUAL(check_changed(a_larger_segment), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(a_smaller_segment), -EPROTO);
	CU_ASSERT_EQUAL(check_changed(an_endless_segment), -EPROTO);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_good_header_gives_its_geometry", a_good_header_gives_its_geometry},
		{"another_format_is_refused", another_format_is_refused},
		{"another_token_is_refused", another_token_is_refused},
		{"a_name_that_cannot_stand_in_a_header_is_refused",
		 a_name_that_cannot_stand_in_a_header_is_refused},
		{"every_flipped_bit_of_the_header_is_noticed",
		 every_flipped_bit_of_the_header_is_noticed},
		{"what_a_later_minor_version_adds_is_ignored",
		 what_a_later_minor_version_adds_is_ignored},
		{"geometry_comes_from_the_header_and_not_from_constants",
		 geometry_comes_from_the_header_and_not_from_constants},
		{"slots_must_lie_between_the_mutable_lines_and_the_end",
		 slots_must_lie_between_the_mutable_lines_and_the_end},
		{"the_stride_must_hold_a_slot_and_fit_the_file",
		 the_stride_must_hold_a_slot_and_fit_the_file},
		{"the_slot_count_is_a_power_of_two_within_bounds",
		 the_slot_count_is_a_power_of_two_within_bounds},
		{"metadata_and_token_must_fit_the_slot", metadata_and_token_must_fit_the_slot},
		{"the_size_must_be_that_of_the_file", the_size_must_be_that_of_the_file},
		CU_TEST_INFO_NULL,
	};

	return harness_run("geometry", tests);
}
