/* SPDX-License-Identifier: MIT */
#include "base/replace_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "harness.h"

struct place {
	char path[64];
	struct replace_file file;
};

static void open_place(struct place *place)
{
	*place = (struct place){.file = {.name = "it", .aside = ".it.new", .mode = 0640}};
	(void)strcpy(place->path, "/tmp/replace_file.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->path));
	place->file.directory_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(place->file.directory_fd >= 0);
}

static void close_place(const struct place *place)
{
	(void)unlinkat(place->file.directory_fd, place->file.name, 0);
	(void)close(place->file.directory_fd);
	CU_ASSERT_EQUAL(rmdir(place->path), 0); /* nothing else is left */
}

static void check_content(const struct place *place, const char *expected)
{
	CLEANUP(close_fd)
	int fd = openat(place->file.directory_fd, place->file.name, O_RDONLY | O_CLOEXEC);
	char buffer[64];
	ssize_t n = read(fd, buffer, sizeof(buffer));
	struct stat st;

	CU_ASSERT_EQUAL(n, (ssize_t)strlen(expected));
	CU_ASSERT_EQUAL(memcmp(buffer, expected, strlen(expected)), 0);
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, place->file.mode);
}

static void a_file_is_made_and_replaced_with_its_mode(void)
{
	struct place place;
	mode_t before = umask(0077);

	open_place(&place);
	CU_ASSERT_EQUAL(replace_file(&place.file, "first", 5), 0);
	check_content(&place, "first");
	place.file.is_durable = true;
	CU_ASSERT_EQUAL(replace_file(&place.file, "", 0), 0);
	check_content(&place, "");
	(void)umask(before);
	close_place(&place);
}

static void what_a_killed_process_left_aside_is_replaced(void)
{
	struct place place;

	open_place(&place);
	CU_ASSERT_EQUAL(symlinkat("/nonexistent", place.file.directory_fd, place.file.aside), 0);
	CU_ASSERT_EQUAL(replace_file(&place.file, "next", 4), 0);
	check_content(&place, "next");
	close_place(&place);
}

static void a_failure_keeps_the_old_file_and_leaves_nothing(void)
{
	struct rlimit limit, none;
	struct place place;
	int r;

	open_place(&place);
	CU_ASSERT_EQUAL(replace_file(&place.file, "good", 4), 0);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0; /* no further descriptor */
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = replace_file(&place.file, "bad", 3);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CU_ASSERT_EQUAL(r, -EMFILE);
	check_content(&place, "good");
	/* A directory in the name's place: the rename fails with the file already written. */
	CU_ASSERT_EQUAL(unlinkat(place.file.directory_fd, place.file.name, 0), 0);
	CU_ASSERT_EQUAL(mkdirat(place.file.directory_fd, place.file.name, 0700), 0);
	CU_ASSERT_EQUAL(replace_file(&place.file, "bad", 3), -EISDIR);
	CU_ASSERT_EQUAL(unlinkat(place.file.directory_fd, place.file.name, AT_REMOVEDIR), 0);
	close_place(&place);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_file_is_made_and_replaced_with_its_mode",
		 a_file_is_made_and_replaced_with_its_mode},
		{"what_a_killed_process_left_aside_is_replaced",
		 what_a_killed_process_left_aside_is_replaced},
		{"a_failure_keeps_the_old_file_and_leaves_nothing",
		 a_failure_keeps_the_old_file_and_leaves_nothing},
		CU_TEST_INFO_NULL,
	};

	return harness_run("replace_file", tests);
}
