/* SPDX-License-Identifier: MIT */
#include "base/principals.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/cleanup.h"

#include "harness.h"

#define NAMES(...)                                                                                 \
	(const struct config_strings)                                                              \
	{                                                                                          \
		.items = (char **)(const char *[]){__VA_ARGS__},                                   \
		.count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                    \
	}

/* What must be resolved without an unknown name; the caller frees it. */
static struct principals resolve(const struct config_strings *names)
{
	CLEANUP(principals_unknown) struct principals_unknown unknown = {0};
	struct principals principals = {0};

	CU_ASSERT_EQUAL(principals_resolve(&principals, names, &unknown), 0);
	CU_ASSERT_EQUAL(unknown.count, 0);
	return principals;
}

static void nobody_is_named_by_an_empty_list(void)
{
	const struct config_strings names = {0};
	CLEANUP(principals) struct principals principals = resolve(&names);
	const struct principals zeroed = {0};
	const gid_t groups[] = {0};

	CU_ASSERT_EQUAL(principals.uid_count, 0);
	CU_ASSERT_EQUAL(principals.gid_count, 0);
	CU_ASSERT_FALSE(principals_match(&principals, 0, 0, groups, 1));
	CU_ASSERT_FALSE(principals_match(&zeroed, 0, 0, groups, 1));
	CU_ASSERT_TRUE(principals_equal(&principals, &zeroed));
}

static void names_and_numbers_become_ids(void)
{
	const struct config_strings names = NAMES("root", "1007", "@root", "@1008", "0007");
	CLEANUP(principals) struct principals principals = resolve(&names);

	CU_ASSERT_EQUAL_FATAL(principals.uid_count, 3);
	CU_ASSERT_EQUAL(principals.uids[0], 0);
	CU_ASSERT_EQUAL(principals.uids[1], 7);
	CU_ASSERT_EQUAL(principals.uids[2], 1007);
	CU_ASSERT_EQUAL_FATAL(principals.gid_count, 2);
	CU_ASSERT_EQUAL(principals.gids[0], 0);
	CU_ASSERT_EQUAL(principals.gids[1], 1008);
}

static void the_largest_id_is_one_like_others(void)
{
	const struct config_strings names = NAMES("4294967294", "@4294967294");
	CLEANUP(principals) struct principals principals = resolve(&names);

	CU_ASSERT_TRUE(principals_match(&principals, 4294967294U, 1, NULL, 0));
	CU_ASSERT_TRUE(principals_match(&principals, 1, 4294967294U, NULL, 0));
}

static void unknown_names_are_handed_back_and_the_others_count(void)
{
	const struct config_strings names =
		NAMES("no-such-user-here", "1", "@no-such-group-here", "@2", "4294967295",
		      "99999999999999999999", "", "@");
	CLEANUP(principals) struct principals principals = {0};
	CLEANUP(principals_unknown) struct principals_unknown unknown = {0};
	static const size_t expected[] = {0, 2, 4, 5, 6, 7};

	CU_ASSERT_EQUAL(principals_resolve(&principals, &names, &unknown), 0);
	CU_ASSERT_EQUAL_FATAL(unknown.count, 6);
	for (size_t i = 0; i < unknown.count; i++)
		CU_ASSERT_EQUAL(unknown.items[i], expected[i]);
	CU_ASSERT_EQUAL(principals.uid_count, 1);
	CU_ASSERT_EQUAL(principals.gid_count, 1);
}

static void who_does_not_ask_for_unknown_names_gets_the_others(void)
{
	const struct config_strings names = NAMES("no-such-user-here", "1");
	CLEANUP(principals) struct principals principals = {0};

	CU_ASSERT_EQUAL(principals_resolve(&principals, &names, NULL), 0);
	CU_ASSERT_EQUAL(principals.uid_count, 1);
}

static void nobody_in_particular_is_never_a_principal(void)
{
	const struct config_strings names = NAMES("65534", "@65534", "nobody", "@nogroup");
	CLEANUP(principals) struct principals principals = {0};
	CLEANUP(principals_unknown) struct principals_unknown unknown = {0};

	CU_ASSERT_EQUAL(principals_resolve(&principals, &names, &unknown), 0);
	CU_ASSERT_EQUAL(unknown.count, 4);
	CU_ASSERT_FALSE(principals_match(&principals, 65534, 65534, NULL, 0));
}

static void a_process_matches_by_user_group_or_further_group(void)
{
	const struct config_strings names = NAMES("1007", "@20", "@30");
	CLEANUP(principals) struct principals principals = resolve(&names);
	const gid_t further[] = {5, 30};
	const gid_t others[] = {5, 1007};

	CU_ASSERT_TRUE(principals_match(&principals, 1007, 1, NULL, 0));
	CU_ASSERT_TRUE(principals_match(&principals, 1, 20, NULL, 0));
	CU_ASSERT_TRUE(principals_match(&principals, 1, 1, further, 2));
	CU_ASSERT_FALSE(principals_match(&principals, 1, 1, further, 1));
	/* A user's number is no group's, and the other way round. */
	CU_ASSERT_FALSE(principals_match(&principals, 20, 1007, others, 2));
}

static void order_and_repetition_make_no_difference(void)
{
	const struct config_strings names = NAMES("1", "2", "root", "@5", "@4");
	const struct config_strings same = NAMES("@4", "0", "2", "@5", "1", "1", "@4", "root");
	const struct config_strings other_user = NAMES("1", "3", "root", "@5", "@4");
	const struct config_strings fewer_groups = NAMES("1", "2", "root", "@5");
	CLEANUP(principals) struct principals a = resolve(&names);
	CLEANUP(principals) struct principals b = resolve(&same);
	CLEANUP(principals) struct principals c = resolve(&other_user);
	CLEANUP(principals) struct principals d = resolve(&fewer_groups);

	CU_ASSERT_TRUE(principals_equal(&a, &b));
	CU_ASSERT_FALSE(principals_equal(&a, &c));
	CU_ASSERT_FALSE(principals_equal(&a, &d));
}

static void a_directory_that_cannot_be_asked_is_no_unknown_name(void)
{
	const struct config_strings names = NAMES("1", "no-such-user-here", "@no-such-group-here");
	CLEANUP(principals) struct principals principals = {0};
	struct rlimit before;
	struct rlimit none;
	int r;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = principals_resolve(&principals, &names, NULL);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_EQUAL(r, -EMFILE);
	CU_ASSERT_PTR_NULL(principals.uids);
}

static void freeing_leaves_an_object_that_can_be_freed_again(void)
{
	const struct config_strings names = NAMES("1", "no-such-user-here");
	struct principals principals = {0};
	struct principals_unknown unknown = {0};

	CU_ASSERT_EQUAL(principals_resolve(&principals, &names, &unknown), 0);
	for (unsigned i = 0; i < 2; i++) {
		principals_free(&principals);
		principals_unknown_free(&unknown);
	}
	CU_ASSERT_PTR_NULL(principals.uids);
	CU_ASSERT_EQUAL(unknown.count, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"nobody_is_named_by_an_empty_list", nobody_is_named_by_an_empty_list},
		{"names_and_numbers_become_ids", names_and_numbers_become_ids},
		{"the_largest_id_is_one_like_others", the_largest_id_is_one_like_others},
		{"unknown_names_are_handed_back_and_the_others_count",
		 unknown_names_are_handed_back_and_the_others_count},
		{"who_does_not_ask_for_unknown_names_gets_the_others",
		 who_does_not_ask_for_unknown_names_gets_the_others},
		{"nobody_in_particular_is_never_a_principal",
		 nobody_in_particular_is_never_a_principal},
		{"a_process_matches_by_user_group_or_further_group",
		 a_process_matches_by_user_group_or_further_group},
		{"order_and_repetition_make_no_difference",
		 order_and_repetition_make_no_difference},
		{"a_directory_that_cannot_be_asked_is_no_unknown_name",
		 a_directory_that_cannot_be_asked_is_no_unknown_name},
		{"freeing_leaves_an_object_that_can_be_freed_again",
		 freeing_leaves_an_object_that_can_be_freed_again},
		CU_TEST_INFO_NULL,
	};

	return harness_run("principals", tests);
}
