/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "harness.h"
#include "publish/boot_id.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

static void the_digits_keep_their_order(void)
{
	static const uint8_t expected[BOOT_ID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
							0xcd, 0xef, 0x0f, 0x1e, 0x2d, 0x3c,
							0x4b, 0x5a, 0x69, 0x78};
	uint8_t id[BOOT_ID_BYTES] = {0};

	CU_ASSERT_TRUE(boot_id_parse(id, "01234567-89ab-cdef-0f1e-2d3c4b5a6978\n"));
	CU_ASSERT_EQUAL(memcmp(id, expected, sizeof(id)), 0);
}

static void anything_else_is_refused_and_leaves_no_trace(void)
{
	static const char *const texts[] = {
		"",
		"01234567",
		"0123456789abcdef0f1e2d3c4b5a6978",
		"01234567-89ab-cdef-0f1e-2d3c4b5a697",
		"01234567-89ab-cdef-0f1e-2d3c4b5a69g8",
		"g1234567-89ab-cdef-0f1e-2d3c4b5a6978",
		"01234567-89AB-cdef-0f1e-2d3c4b5a6978",
		"01234567:89ab-cdef-0f1e-2d3c4b5a6978",
	};
	uint8_t id[BOOT_ID_BYTES];
	uint8_t untouched[BOOT_ID_BYTES];

	memset(untouched, 0x55, sizeof(untouched));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(id, 0x55, sizeof(id));
		CU_ASSERT_FALSE(boot_id_parse(id, texts[i]));
		CU_ASSERT_EQUAL(memcmp(id, untouched, sizeof(id)), 0);
	}
}

static void this_boot_has_one(void)
{
	uint8_t first[BOOT_ID_BYTES] = {0};
	uint8_t second[BOOT_ID_BYTES] = {0};
	static const uint8_t zeroes[BOOT_ID_BYTES] = {0};

	CU_ASSERT_EQUAL(boot_id_read(first), 0);
	CU_ASSERT_EQUAL(boot_id_read(second), 0);
	CU_ASSERT_EQUAL(memcmp(first, second, sizeof(first)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(first, zeroes, sizeof(first)), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(the_digits_keep_their_order),
		TEST(anything_else_is_refused_and_leaves_no_trace),
		TEST(this_boot_has_one),
		CU_TEST_INFO_NULL,
	};

	return harness_run("boot_id", tests);
}
