/* SPDX-License-Identifier: MIT */
#include "clientlib/runtime_dir.h"

#include <errno.h>

#include "harness.h"
#include "stage.h"

/* Whether the places lead to wanted. */
static bool finds(const struct runtime_dir_places *places, const char *wanted)
{
	char *path = NULL;
	bool is_found = runtime_dir_find(places, &path) == 0 && strcmp(path, wanted) == 0;

	free(path);
	return is_found;
}

static int error_of_finding(const struct runtime_dir_places *places)
{
	char *path = NULL;
	int r = runtime_dir_find(places, &path);

	CU_ASSERT_PTR_NULL(path);
	free(path);
	return r;
}

/* Opens and closes; negative errno or 0. */
static int open_and_close(const char *path, uid_t *ret_owner)
{
	int fd;
	int r = runtime_dir_open(path, &fd, ret_owner);

	if (r == 0)
		STAGE_MUST(close(fd) == 0);
	return r;
}

static void the_chosen_directory_is_taken_whether_it_is_there_or_not(void)
{
	ON_STAGE(stage);
	const struct runtime_dir_places places = {"/nowhere/at/all", stage.dir, "/dev/shm"};

	CU_ASSERT_TRUE(finds(&places, "/nowhere/at/all"));
}

static void a_chosen_directory_must_be_absolute(void)
{
	const struct runtime_dir_places relative = {"run/tokenbroker", "/dev/shm", NULL};
	const struct runtime_dir_places empty = {"", "/dev/shm", NULL};

	CU_ASSERT_EQUAL(error_of_finding(&relative), -EINVAL);
	CU_ASSERT_EQUAL(error_of_finding(&empty), -EINVAL);
}

/* open(2) would follow a symbolic link that is named with a slash behind it. */
static void trailing_slashes_are_cut(void)
{
	const struct runtime_dir_places places = {"/nowhere///", NULL, NULL};
	const struct runtime_dir_places root = {"//", NULL, NULL};

	CU_ASSERT_TRUE(finds(&places, "/nowhere"));
	CU_ASSERT_TRUE(finds(&root, "/"));
}

static void the_hosts_directory_is_taken_if_it_exists(void)
{
	ON_STAGE(stage);
	const struct runtime_dir_places places = {NULL, stage.dir, NULL};

	CU_ASSERT_TRUE(finds(&places, stage.dir));
}

static void else_the_users_directory_is_taken(void)
{
	ON_STAGE(stage);
	const struct runtime_dir_places places = {NULL, "/nowhere", stage.dir};
	char path[STAGE_PATH];

	CU_ASSERT_EQUAL(error_of_finding(&places), -ENOENT);
	stage_path(&stage, "tokenbroker", path);
	STAGE_MUST(mkdir(path, 0755) == 0);
	CU_ASSERT_TRUE(finds(&places, path));
}

static void a_users_directory_of_another_user_is_not_taken(void)
{
	ON_STAGE(stage);
	const struct runtime_dir_places places = {NULL, "/nowhere", stage.dir};
	char path[STAGE_PATH];

	if (stage_lacks_root())
		return;
	stage_path(&stage, "tokenbroker", path);
	STAGE_MUST(mkdir(path, 0755) == 0);
	STAGE_MUST(chown(path, 1, 1) == 0);
	CU_ASSERT_EQUAL(error_of_finding(&places), -ENOENT);
}

static void without_any_place_there_is_none(void)
{
	const struct runtime_dir_places nowhere = {NULL, NULL, NULL};
	const struct runtime_dir_places relative = {NULL, "/nowhere", "run"};

	CU_ASSERT_EQUAL(error_of_finding(&nowhere), -ENOENT);
	CU_ASSERT_EQUAL(error_of_finding(&relative), -ENOENT);
}

static void the_owner_of_the_directory_is_told(void)
{
	ON_STAGE(stage);
	uid_t owner = 12345;

	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), 0);
	CU_ASSERT_EQUAL(owner, geteuid());
}

static void a_directory_that_others_may_write_is_not_trusted(void)
{
	ON_STAGE(stage);
	uid_t owner = 12345;

	STAGE_MUST(chmod(stage.dir, 0775) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), -EPERM);
	STAGE_MUST(chmod(stage.dir, 0757) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), -EPERM);
	STAGE_MUST(chmod(stage.dir, 01777) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), -EPERM);
	STAGE_MUST(chmod(stage.dir, 0700) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), 0);
}

static void only_a_directory_is_trusted(void)
{
	ON_STAGE(stage);
	char link[STAGE_PATH];
	char loop[STAGE_PATH];
	char beyond[STAGE_PATH];
	char tokens[STAGE_PATH];
	uid_t owner;

	stage_path(&stage, "link", link);
	stage_path(&stage, "loop", loop);
	stage_path(&stage, "loop/tokenbroker", beyond);
	STAGE_MUST(symlink("loop", loop) == 0);
	stage_path(&stage, "tokens", tokens);
	STAGE_MUST(symlink(tokens, link) == 0);
	CU_ASSERT_EQUAL(open_and_close(tokens, &owner), 0);
	CU_ASSERT_EQUAL(open_and_close(link, &owner), -EPERM);
	CU_ASSERT_EQUAL(open_and_close(beyond, &owner), -EPERM);
	CU_ASSERT_EQUAL(open_and_close("/dev/null", &owner), -EPERM);
}

static void a_missing_directory_is_just_missing(void)
{
	uid_t owner;

	CU_ASSERT_EQUAL(open_and_close("/nowhere/at/all", &owner), -ENOENT);
}

static void nobody_is_believed(void)
{
	ON_STAGE(stage);
	uid_t owner = 12345;

	if (stage_lacks_root())
		return;
	STAGE_MUST(chown(stage.dir, 1, 1) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), 0);
	CU_ASSERT_EQUAL(owner, 1);
	STAGE_MUST(chown(stage.dir, 65534, 65534) == 0);
	CU_ASSERT_EQUAL(open_and_close(stage.dir, &owner), -EPERM);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_chosen_directory_is_taken_whether_it_is_there_or_not",
		 the_chosen_directory_is_taken_whether_it_is_there_or_not},
		{"a_chosen_directory_must_be_absolute", a_chosen_directory_must_be_absolute},
		{"trailing_slashes_are_cut", trailing_slashes_are_cut},
		{"the_hosts_directory_is_taken_if_it_exists",
		 the_hosts_directory_is_taken_if_it_exists},
		{"else_the_users_directory_is_taken", else_the_users_directory_is_taken},
		{"a_users_directory_of_another_user_is_not_taken",
		 a_users_directory_of_another_user_is_not_taken},
		{"without_any_place_there_is_none", without_any_place_there_is_none},
		{"the_owner_of_the_directory_is_told", the_owner_of_the_directory_is_told},
		{"a_directory_that_others_may_write_is_not_trusted",
		 a_directory_that_others_may_write_is_not_trusted},
		{"only_a_directory_is_trusted", only_a_directory_is_trusted},
		{"a_missing_directory_is_just_missing", a_missing_directory_is_just_missing},
		{"nobody_is_believed", nobody_is_believed},
		CU_TEST_INFO_NULL,
	};

	return harness_run("runtime_dir", tests);
}
