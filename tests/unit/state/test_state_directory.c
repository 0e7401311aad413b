/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <limits.h>

static int open_and_close(const struct state_directory *directory)
{
	int fd = -1;
	int r = state_directory_open(directory, &fd);

	if (r == 0) {
		CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	} else {
		CU_ASSERT_EQUAL(fd, -1);
	}
	return r;
}

static void a_missing_directory_is_made_for_its_owner_alone(void)
{
	FIXTURE(fixture);
	mode_t saved = umask(0777);

	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	umask(0);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0700);
	CU_ASSERT_EQUAL(rmdir(fixture.path), 0);
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0700);
	umask(saved);
}

static void an_existing_directory_is_left_as_it_is(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(mkdir(fixture.path, 0755), 0);
	CU_ASSERT_EQUAL(chmod(fixture.path, 0755), 0);
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0755);
}

static void parents_are_made_only_where_they_are_ours(void)
{
	FIXTURE(fixture);
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/a//b/", fixture.path);
	fixture.directory.path = path;
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), -ENOENT);
	CU_ASSERT_EQUAL(access(fixture.path, F_OK), -1);
	fixture.directory.has_parents_to_make = true;
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0700);
	CU_ASSERT_EQUAL(mode_of(path), 0700);
}

static void a_relative_path_works(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(chdir(fixture.top), 0);
	fixture.directory.path = "state";
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	fixture.directory = (struct state_directory){"deep/state", true};
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), 0);
	CU_ASSERT_EQUAL_FATAL(fchdir(here), 0);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0700);
}

static void what_is_no_directory_is_refused(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(symlink("nowhere", fixture.path), 0);
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), -ENOENT);
	CU_ASSERT_EQUAL(unlink(fixture.path), 0);
	CU_ASSERT_EQUAL(mkfifo(fixture.path, 0600), 0);
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), -ENOTDIR);
	fixture.directory.path = "";
	CU_ASSERT_EQUAL(open_and_close(&fixture.directory), -ENOENT);
}

static void a_path_that_is_too_long_is_refused(void)
{
	char path[PATH_MAX + 10];
	struct state_directory directory = {path, false};

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(open_and_close(&directory), -ENAMETOOLONG);
}

static bool cannot_be_made(struct fixture *fixture)
{
	return open_and_close(&fixture->directory) == -EACCES;
}

static void a_place_without_rights_is_an_error(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(chmod(fixture.top, 0555), 0);
	CU_ASSERT_TRUE(holds_without_privilege(cannot_be_made, &fixture));
	CU_ASSERT_EQUAL(chmod(fixture.top, 0755), 0);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_missing_directory_is_made_for_its_owner_alone),
		TEST(an_existing_directory_is_left_as_it_is),
		TEST(parents_are_made_only_where_they_are_ours),
		TEST(a_relative_path_works),
		TEST(what_is_no_directory_is_refused),
		TEST(a_path_that_is_too_long_is_refused),
		TEST(a_place_without_rights_is_an_error),
		CU_TEST_INFO_NULL,
	};

	return harness_run("state_directory", tests);
}
