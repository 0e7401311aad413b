/* SPDX-License-Identifier: MIT */
#include "state/suspend_marker.h"

#include "fixture.h"

#define FILE_NAME  "default.00000000000000ab"
#define ASIDE_NAME ".default.00000000000000ab.new"

static const struct suspend_marker_key key = {"default", 0xab};
static const struct suspend_marker sample = {"9f86d081884c", 1795428003000000000,
					     SUSPEND_REVOCATION_UNKNOWN};

static int directory_of(const struct fixture *fixture)
{
	int fd = -1;

	if (state_directory_open(&fixture->directory, &fd) < 0)
		abort();
	return fd;
}

static void put_file(const struct fixture *fixture, const char *name, const char *text)
{
	CLEANUP(close_fd) int directory_fd = directory_of(fixture);
	CLEANUP(close_fd)
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static enum suspend_marker_presence read_marker(const struct fixture *fixture)
{
	struct suspend_marker marker;
	int error = 0;
	enum suspend_marker_presence presence =
		suspend_marker_read(&fixture->directory, &key, &marker, &error);

	CU_ASSERT_EQUAL(presence == SUSPEND_MARKER_UNREADABLE, error < 0);
	return presence;
}

/* Whether the marker is unreadable for this reason. */
static bool is_unreadable(const struct fixture *fixture, int expected_error)
{
	struct suspend_marker marker;
	int error = 0;

	return suspend_marker_read(&fixture->directory, &key, &marker, &error) ==
		       SUSPEND_MARKER_UNREADABLE &&
	       error == expected_error;
}

static void a_marker_is_written_read_and_removed(void)
{
	FIXTURE(fixture);
	struct suspend_marker marker;
	int error = 0;

	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	CU_ASSERT_EQUAL_FATAL(suspend_marker_read(&fixture.directory, &key, &marker, &error),
			      SUSPEND_MARKER_PRESENT);
	CU_ASSERT_STRING_EQUAL(marker.fingerprint, sample.fingerprint);
	CU_ASSERT_EQUAL(marker.expires_realtime_ns, sample.expires_realtime_ns);
	CU_ASSERT_EQUAL(marker.revocation, SUSPEND_REVOCATION_UNKNOWN);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), 0);
}

static void a_later_marker_takes_the_place_of_an_earlier_one(void)
{
	FIXTURE(fixture);
	struct suspend_marker marker = sample;
	int error = 0;

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &marker), 0);
	marker.revocation = SUSPEND_REVOCATION_DONE;
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &marker), 0);
	marker.revocation = SUSPEND_REVOCATION_FAILED;
	CU_ASSERT_EQUAL(suspend_marker_read(&fixture.directory, &key, &marker, &error),
			SUSPEND_MARKER_PRESENT);
	CU_ASSERT_EQUAL(marker.revocation, SUSPEND_REVOCATION_DONE);
}

static void names_and_brokers_are_told_apart(void)
{
	FIXTURE(fixture);
	const struct suspend_marker_key others[] = {{"default", 0xac}, {"defaul", 0xab}};
	struct suspend_marker marker;
	int error;

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
			suspend_marker_read(&fixture.directory, &others[i], &marker, &error),
			SUSPEND_MARKER_ABSENT);
}

static void the_file_is_for_its_owner_alone_and_nothing_else_is_left(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int directory_fd = directory_of(&fixture);
	mode_t saved = umask(0);
	struct stat status;

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	CU_ASSERT_EQUAL(fstatat(directory_fd, FILE_NAME, &status, 0), 0);
	CU_ASSERT_EQUAL(status.st_mode, S_IFREG | 0600);
	umask(0777);
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	umask(saved);
	CU_ASSERT_EQUAL(fstatat(directory_fd, FILE_NAME, &status, 0), 0);
	CU_ASSERT_EQUAL(status.st_mode, S_IFREG | 0600);
	CU_ASSERT_EQUAL(faccessat(directory_fd, ASIDE_NAME, F_OK, 0), -1);
}

static void the_longest_name_has_room(void)
{
	FIXTURE(fixture);
	const struct suspend_marker_key longest = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", UINT64_MAX};
	CLEANUP(close_fd) int directory_fd = directory_of(&fixture);

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &longest, &sample), 0);
	CU_ASSERT_EQUAL(faccessat(directory_fd,
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  ".ffffffffffffffff",
				  F_OK, 0),
			0);
}

static void rubbish_in_the_file_means_suspended(void)
{
	FIXTURE(fixture);
	const char *texts[] = {"", "garbage", "tokenbroker suspend marker 1\n"};
	char oversize[4096];

	for (size_t i = 0; i < 3; i++) {
		put_file(&fixture, FILE_NAME, texts[i]);
		CU_ASSERT_TRUE(is_unreadable(&fixture, -EBADMSG));
	}
	memset(oversize, 'x', sizeof(oversize) - 1);
	oversize[sizeof(oversize) - 1] = '\0';
	put_file(&fixture, FILE_NAME, oversize);
	CU_ASSERT_TRUE(is_unreadable(&fixture, -EBADMSG));
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
}

static void a_marker_with_more_behind_it_means_suspended(void)
{
	FIXTURE(fixture);
	char text[2 * MARKER_TEXT_BYTES];
	size_t length = marker_text_format(&sample, text);

	memset(text + length, '\n', sizeof(text) - length - 1);
	text[sizeof(text) - 1] = '\0';
	put_file(&fixture, FILE_NAME, text);
	CU_ASSERT_TRUE(is_unreadable(&fixture, -EBADMSG));
}

/* A FIFO without a writer would hold up an open(2) for ever; alarm(2) would end the test. */
static void what_is_no_regular_file_means_suspended_and_does_not_block(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int directory_fd = directory_of(&fixture);

	alarm(20);
	CU_ASSERT_EQUAL(mkfifoat(directory_fd, FILE_NAME, 0600), 0);
	CU_ASSERT_TRUE(is_unreadable(&fixture, -EBADMSG));
	CU_ASSERT_EQUAL(unlinkat(directory_fd, FILE_NAME, 0), 0);
	CU_ASSERT_EQUAL(symlinkat("nowhere", directory_fd, FILE_NAME), 0);
	CU_ASSERT_TRUE(is_unreadable(&fixture, -ELOOP));
	CU_ASSERT_EQUAL(unlinkat(directory_fd, FILE_NAME, 0), 0);
	CU_ASSERT_EQUAL(mkdirat(directory_fd, FILE_NAME, 0700), 0);
	CU_ASSERT_TRUE(is_unreadable(&fixture, -EBADMSG));
	/* It cannot be replaced nor removed, so the token stays suspended. */
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), -EISDIR);
	CU_ASSERT_EQUAL(faccessat(directory_fd, ASIDE_NAME, F_OK, 0), -1);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), -EISDIR);
	alarm(0);
}

static void a_link_is_replaced_and_never_followed(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int directory_fd = directory_of(&fixture);
	struct stat status;

	put_file(&fixture, "victim", "precious");
	CU_ASSERT_EQUAL(symlinkat("victim", directory_fd, FILE_NAME), 0);
	CU_ASSERT_EQUAL(symlinkat("victim", directory_fd, ASIDE_NAME), 0);
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_PRESENT);
	CU_ASSERT_EQUAL(fstatat(directory_fd, "victim", &status, 0), 0);
	CU_ASSERT_EQUAL(status.st_size, 8);
}

static void a_broker_killed_before_its_rename_left_nothing(void)
{
	FIXTURE(fixture);

	put_file(&fixture, ASIDE_NAME, "tokenbroker susp");
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_PRESENT);
}

static void a_broker_killed_while_it_replaces_leaves_the_old_marker(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	put_file(&fixture, ASIDE_NAME, "");
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_PRESENT);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
}

static bool is_closed_to_us(struct fixture *fixture)
{
	return is_unreadable(fixture, -EACCES) &&
	       suspend_marker_write(&fixture->directory, &key, &sample) == -EACCES &&
	       suspend_marker_remove(&fixture->directory, &key) == -EACCES;
}

static void a_directory_without_rights_means_suspended(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(chmod(fixture.top, 0755), 0);
	CU_ASSERT_EQUAL(mkdir(fixture.path, 0), 0);
	CU_ASSERT_TRUE(holds_without_privilege(is_closed_to_us, &fixture));
	CU_ASSERT_EQUAL(chmod(fixture.path, 0700), 0);
}

static bool can_only_be_read(struct fixture *fixture)
{
	return read_marker(fixture) == SUSPEND_MARKER_ABSENT &&
	       suspend_marker_write(&fixture->directory, &key, &sample) == -EACCES;
}

static void a_marker_that_cannot_be_written_is_an_error(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(chmod(fixture.top, 0755), 0);
	CU_ASSERT_EQUAL(mkdir(fixture.path, 0555), 0);
	CU_ASSERT_TRUE(holds_without_privilege(can_only_be_read, &fixture));
	CU_ASSERT_EQUAL(chmod(fixture.path, 0700), 0);
}

static bool cannot_be_read_nor_removed(struct fixture *fixture)
{
	return is_unreadable(fixture, -EACCES) &&
	       suspend_marker_remove(&fixture->directory, &key) == -EACCES;
}

static void a_marker_that_cannot_be_removed_stays(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	CU_ASSERT_EQUAL(chmod(fixture.top, 0755), 0);
	CU_ASSERT_EQUAL(chmod(fixture.path, 0555), 0);
	if (geteuid() == 0) /* for its owner the file is readable */
		CU_ASSERT_TRUE(holds_without_privilege(cannot_be_read_nor_removed, &fixture));
	CU_ASSERT_EQUAL(chmod(fixture.path, 0700), 0);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_PRESENT);
}

static void a_missing_directory_that_can_be_made_holds_no_marker(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(access(fixture.path, F_OK), -1);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_ABSENT);
	CU_ASSERT_EQUAL(mode_of(fixture.path), 0700);
}

static void a_missing_directory_that_cannot_be_made_means_suspended(void)
{
	FIXTURE(fixture);
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/unmounted", fixture.path);
	fixture.directory.path = path;
	CU_ASSERT_TRUE(is_unreadable(&fixture, -ENOENT));
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), -ENOENT);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), -ENOENT);
}

static void fill_disk(const struct fixture *fixture)
{
	CLEANUP(close_fd) int directory_fd = directory_of(fixture);
	CLEANUP(close_fd)
	int fd = openat(directory_fd, "full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = {0};

	while (write(fd, block, sizeof(block)) > 0)
		;
}

static void a_full_disk_is_an_error_and_keeps_the_old_marker(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int directory_fd = -1;

	CU_ASSERT_EQUAL_FATAL(mkdir(fixture.path, 0700), 0);
	if (mount("tmpfs", fixture.path, "tmpfs", 0, "size=16k") < 0) {
		printf("skipped %s: only root can mount a small disk\n", __func__);
		return;
	}
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), 0);
	fill_disk(&fixture);
	CU_ASSERT_EQUAL(suspend_marker_write(&fixture.directory, &key, &sample), -ENOSPC);
	CU_ASSERT_EQUAL(read_marker(&fixture), SUSPEND_MARKER_PRESENT);
	directory_fd = directory_of(&fixture);
	CU_ASSERT_EQUAL(faccessat(directory_fd, ASIDE_NAME, F_OK, 0), -1);
	CU_ASSERT_EQUAL(suspend_marker_remove(&fixture.directory, &key), 0);
	CU_ASSERT_EQUAL(umount2(fixture.path, MNT_DETACH), 0);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_marker_is_written_read_and_removed),
		TEST(a_later_marker_takes_the_place_of_an_earlier_one),
		TEST(names_and_brokers_are_told_apart),
		TEST(the_file_is_for_its_owner_alone_and_nothing_else_is_left),
		TEST(the_longest_name_has_room),
		TEST(rubbish_in_the_file_means_suspended),
		TEST(a_marker_with_more_behind_it_means_suspended),
		TEST(what_is_no_regular_file_means_suspended_and_does_not_block),
		TEST(a_link_is_replaced_and_never_followed),
		TEST(a_broker_killed_before_its_rename_left_nothing),
		TEST(a_broker_killed_while_it_replaces_leaves_the_old_marker),
		TEST(a_directory_without_rights_means_suspended),
		TEST(a_marker_that_cannot_be_written_is_an_error),
		TEST(a_marker_that_cannot_be_removed_stays),
		TEST(a_missing_directory_that_can_be_made_holds_no_marker),
		TEST(a_missing_directory_that_cannot_be_made_means_suspended),
		TEST(a_full_disk_is_an_error_and_keeps_the_old_marker),
		CU_TEST_INFO_NULL,
	};

	return harness_run("suspend_marker", tests);
}
