/* SPDX-License-Identifier: MIT */
#include "control/admission.h"

#include "harness.h"

/* Fills as many places as there are, 16 for each user from first_uid on. */
static unsigned fill(struct admission *admission, uid_t first_uid, bool is_admin)
{
	unsigned entered = 0;

	while (admission_enter(admission, first_uid + entered / ADMISSION_PER_UID, is_admin))
		entered++;
	return entered;
}

static void one_user_gets_sixteen_places(void)
{
	struct admission admission;

	admission_init(&admission);
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT_TRUE(admission_enter(&admission, 1000, false));
	CU_ASSERT_FALSE(admission_enter(&admission, 1000, false));
	CU_ASSERT_FALSE(admission_enter(&admission, 1000, true));
	CU_ASSERT_TRUE(admission_enter(&admission, 1001, false));
}

static void a_place_that_is_left_can_be_taken_again(void)
{
	struct admission admission;

	admission_init(&admission);
	CU_ASSERT_EQUAL(fill(&admission, 1000, false), 240);
	for (unsigned i = 0; i < 1000; i++) {
		admission_leave(&admission, 1000 + i % 15, false);
		CU_ASSERT_TRUE(admission_enter(&admission, 1000 + i % 15, false));
	}
	CU_ASSERT_FALSE(admission_enter(&admission, 5000, false));
}

static void sixteen_places_are_kept_for_administrators(void)
{
	struct admission admission;

	admission_init(&admission);
	CU_ASSERT_EQUAL(fill(&admission, 1000, false), 240);
	CU_ASSERT_EQUAL(fill(&admission, 3000, true), 16);
	CU_ASSERT_FALSE(admission_enter(&admission, 4000, true));
}

static void administrators_may_take_every_place(void)
{
	struct admission admission;

	admission_init(&admission);
	CU_ASSERT_EQUAL(fill(&admission, 3000, true), 256);
	CU_ASSERT_FALSE(admission_enter(&admission, 1000, false));
	admission_leave(&admission, 3000, true);
	CU_ASSERT_TRUE(admission_enter(&admission, 1000, false));
}

static void a_user_may_be_here_in_both_roles(void)
{
	struct admission admission;

	admission_init(&admission);
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT_TRUE(admission_enter(&admission, 1000, i % 2 == 0));
	CU_ASSERT_FALSE(admission_enter(&admission, 1000, true));
	CU_ASSERT_EQUAL(admission.open_others, 8);
	for (unsigned i = 0; i < 16; i++)
		admission_leave(&admission, 1000, i % 2 == 0);
	CU_ASSERT_EQUAL(admission.open, 0);
	CU_ASSERT_EQUAL(admission.open_others, 0);
	CU_ASSERT_EQUAL(admission.user_count, 0);
}

static void as_many_users_as_places_are_told_apart(void)
{
	struct admission admission;

	admission_init(&admission);
	for (uid_t uid = 0; uid < ADMISSION_IN_ALL; uid++)
		CU_ASSERT_TRUE(admission_enter(&admission, uid, true));
	CU_ASSERT_EQUAL(admission.user_count, ADMISSION_IN_ALL);
	for (uid_t uid = 0; uid < ADMISSION_IN_ALL; uid++)
		admission_leave(&admission, uid, true);
	CU_ASSERT_EQUAL(admission.user_count, 0);
	CU_ASSERT_EQUAL(fill(&admission, 1000, false), 240);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(one_user_gets_sixteen_places),
		TEST(a_place_that_is_left_can_be_taken_again),
		TEST(sixteen_places_are_kept_for_administrators),
		TEST(administrators_may_take_every_place),
		TEST(a_user_may_be_here_in_both_roles),
		TEST(as_many_users_as_places_are_told_apart),
		CU_TEST_INFO_NULL,
	};

	return harness_run("admission", tests);
}
