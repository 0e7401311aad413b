/* SPDX-License-Identifier: MIT */
#include "base/runtime_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness.h"

/* A directory with tokenbroker/ in it. */
struct place {
	char parent[64];
	char runtime[96];
};

static struct place make_place(void)
{
	struct place place = {.parent = "/tmp/runtime-path-XXXXXX"};

	if (mkdtemp(place.parent) == NULL)
		abort();
	(void)snprintf(place.runtime, sizeof(place.runtime), "%s/tokenbroker", place.parent);
	if (mkdir(place.runtime, 0755) < 0 || chmod(place.runtime, 0755) < 0)
		abort();
	return place;
}

static void remove_place(const struct place *place)
{
	(void)rmdir(place->runtime);
	(void)rmdir(place->parent);
}

static void the_given_directory_comes_first_there_or_not(void)
{
	const struct runtime_path_places places = {.given = "/nowhere/at/all", .system = "/"};
	char path[RUNTIME_PATH_BYTES];

	CU_ASSERT_EQUAL(runtime_path_choose(&places, 0, path), 0);
	CU_ASSERT_STRING_EQUAL(path, "/nowhere/at/all");
}

static void trailing_slashes_go(void)
{
	const struct runtime_path_places places = {.given = "/nowhere//"};
	const struct runtime_path_places root = {.given = "//"};
	char path[RUNTIME_PATH_BYTES];

	CU_ASSERT_EQUAL(runtime_path_choose(&places, 0, path), 0);
	CU_ASSERT_STRING_EQUAL(path, "/nowhere");
	CU_ASSERT_EQUAL(runtime_path_choose(&root, 0, path), 0);
	CU_ASSERT_STRING_EQUAL(path, "/");
}

static void a_relative_or_empty_one_is_refused(void)
{
	const struct runtime_path_places relative = {.given = "run", .system = "/"};
	const struct runtime_path_places empty = {.given = "", .system = "/"};
	char path[RUNTIME_PATH_BYTES] = "untouched";

	CU_ASSERT_EQUAL(runtime_path_choose(&relative, 0, path), -EINVAL);
	CU_ASSERT_EQUAL(runtime_path_choose(&empty, 0, path), -EINVAL);
	CU_ASSERT_STRING_EQUAL(path, "untouched");
}

static void the_systems_directory_counts_only_if_it_exists(void)
{
	struct place place = make_place();
	const struct runtime_path_places there = {.system = place.runtime, .user = "/nowhere"};
	const struct runtime_path_places missing = {.system = "/nowhere", .user = place.parent};
	char path[RUNTIME_PATH_BYTES];

	CU_ASSERT_EQUAL(runtime_path_choose(&there, geteuid(), path), 0);
	CU_ASSERT_STRING_EQUAL(path, place.runtime);
	CU_ASSERT_EQUAL(runtime_path_choose(&missing, geteuid(), path), 0);
	CU_ASSERT_STRING_EQUAL(path, place.runtime);
	remove_place(&place);
}

static void the_users_directory_must_be_the_users(void)
{
	struct place place = make_place();
	const struct runtime_path_places places = {.user = place.parent};
	const struct runtime_path_places relative = {.user = "tmp"};
	const struct runtime_path_places nothing = {0};
	char path[RUNTIME_PATH_BYTES];

	CU_ASSERT_EQUAL(runtime_path_choose(&places, geteuid() + 1, path), -ENOENT);
	CU_ASSERT_EQUAL(runtime_path_choose(&relative, geteuid(), path), -ENOENT);
	CU_ASSERT_EQUAL(runtime_path_choose(&nothing, geteuid(), path), -ENOENT);
	remove_place(&place);
	CU_ASSERT_EQUAL(runtime_path_choose(&places, geteuid(), path), -ENOENT);
}

static void a_path_that_is_too_long_is_an_error(void)
{
	static char long_path[RUNTIME_PATH_BYTES + 1];
	const struct runtime_path_places given = {.given = long_path};
	const struct runtime_path_places user = {.user = long_path};
	char path[RUNTIME_PATH_BYTES];

	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	CU_ASSERT_EQUAL(runtime_path_choose(&given, 0, path), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(runtime_path_choose(&user, 0, path), -ENAMETOOLONG);
}

static void the_environment_is_asked(void)
{
	char path[RUNTIME_PATH_BYTES];

	(void)setenv("TOKENBROKER_RUNTIME_DIR", "/somewhere", 1);
	CU_ASSERT_EQUAL(runtime_path_find(path), 0);
	CU_ASSERT_STRING_EQUAL(path, "/somewhere");
}

static void opening_tells_the_owner(void)
{
	struct place place = make_place();
	CLEANUP(close_fd) int fd = -1;
	uid_t owner = (uid_t)-1;

	CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), 0);
	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(owner, geteuid());
	remove_place(&place);
	CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), -ENOENT);
}

static void a_directory_that_others_may_write_is_not_trusted(void)
{
	struct place place = make_place();
	uid_t owner;
	int fd;

	(void)chmod(place.runtime, 0775);
	CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), -EPERM);
	(void)chmod(place.runtime, 0757);
	CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), -EPERM);
	remove_place(&place);
}

static void a_link_or_file_is_no_directory(void)
{
	struct place place = make_place();
	uid_t owner;
	int fd;

	(void)rmdir(place.runtime);
	CU_ASSERT_EQUAL(symlink(place.parent, place.runtime), 0);
	CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), -EPERM);
	(void)unlink(place.runtime);
	CU_ASSERT_EQUAL(runtime_path_open("/dev/null", &fd, &owner), -EPERM);
	remove_place(&place);
}

static void nobodys_directory_is_not_trusted(void)
{
	struct place place = make_place();
	uid_t owner;
	int fd;

	/* Without root the directory cannot be given away, and stays trusted. */
	if (chown(place.runtime, 65534, (gid_t)-1) == 0)
		CU_ASSERT_EQUAL(runtime_path_open(place.runtime, &fd, &owner), -EPERM);
	remove_place(&place);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_given_directory_comes_first_there_or_not",
		 the_given_directory_comes_first_there_or_not},
		{"trailing_slashes_go", trailing_slashes_go},
		{"a_relative_or_empty_one_is_refused", a_relative_or_empty_one_is_refused},
		{"the_systems_directory_counts_only_if_it_exists",
		 the_systems_directory_counts_only_if_it_exists},
		{"the_users_directory_must_be_the_users", the_users_directory_must_be_the_users},
		{"a_path_that_is_too_long_is_an_error", a_path_that_is_too_long_is_an_error},
		{"the_environment_is_asked", the_environment_is_asked},
		{"opening_tells_the_owner", opening_tells_the_owner},
		{"a_directory_that_others_may_write_is_not_trusted",
		 a_directory_that_others_may_write_is_not_trusted},
		{"a_link_or_file_is_no_directory", a_link_or_file_is_no_directory},
		{"nobodys_directory_is_not_trusted", nobodys_directory_is_not_trusted},
		CU_TEST_INFO_NULL,
	};

	return harness_run("runtime_path", tests);
}
