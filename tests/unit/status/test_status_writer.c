/* SPDX-License-Identifier: MIT */
#include "status/status_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status_file.h"
#include "harness.h"

#define ASIDE ".status.json.new"

struct fixture {
	char directory[64];
	int directory_fd;
	struct status_writer writer;
};

static void start(struct fixture *fixture)
{
	*fixture = (struct fixture){.directory = "/tmp/test_status.XXXXXX"};
	if (mkdtemp(fixture->directory) == NULL)
		abort();
	fixture->directory_fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fixture->directory_fd < 0)
		abort();
	status_writer_init(&fixture->writer, fixture->directory_fd, clock_boottime_ns());
}

static void cleanup_fixture(struct fixture *fixture)
{
	(void)unlinkat(fixture->directory_fd, STATUS_FILE_NAME, 0);
	(void)unlinkat(fixture->directory_fd, ASIDE, 0);
	(void)close(fixture->directory_fd);
	(void)rmdir(fixture->directory);
}

#define FIXTURE(name)                                                                              \
	CLEANUP(fixture) struct fixture name;                                                      \
	start(&name)

static int write_text(struct fixture *fixture, const char *text)
{
	return status_writer_write(&fixture->writer, text, strlen(text), clock_monotonic_ns());
}

static void check_content(const struct fixture *fixture, const char *expected)
{
	CLEANUP(close_fd)
	int fd = openat(fixture->directory_fd, STATUS_FILE_NAME, O_RDONLY | O_CLOEXEC);
	char text[256] = {0};

	CU_ASSERT_EQUAL(read(fd, text, sizeof(text) - 1), (ssize_t)strlen(expected));
	CU_ASSERT_STRING_EQUAL(text, expected);
	CU_ASSERT_EQUAL(faccessat(fixture->directory_fd, ASIDE, F_OK, 0), -1);
}

static struct stat status_of(const struct fixture *fixture)
{
	struct stat status;

	if (fstatat(fixture->directory_fd, STATUS_FILE_NAME, &status, 0) < 0)
		abort();
	return status;
}

static void a_document_replaces_the_one_before(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int old = -1;
	char text[8] = {0};

	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns()), STATUS_DUE_WRITE);
	CU_ASSERT_EQUAL(write_text(&fixture, "first"), 0);
	check_content(&fixture, "first");
	old = openat(fixture.directory_fd, STATUS_FILE_NAME, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(write_text(&fixture, "2nd"), 0);
	check_content(&fixture, "2nd");
	CU_ASSERT_EQUAL(read(old, text, sizeof(text)), 5); /* who had it open reads it whole */
	CU_ASSERT_STRING_EQUAL(text, "first");
}

static void everybody_may_read_it_whatever_the_umask(void)
{
	FIXTURE(fixture);
	mode_t saved = umask(0777);

	CU_ASSERT_EQUAL(write_text(&fixture, "a"), 0);
	CU_ASSERT_EQUAL(status_of(&fixture).st_mode, S_IFREG | 0644);
	umask(0);
	CU_ASSERT_EQUAL(write_text(&fixture, "b"), 0);
	umask(saved);
	CU_ASSERT_EQUAL(status_of(&fixture).st_mode, S_IFREG | 0644);
}

static void a_write_is_followed_by_a_pause(void)
{
	FIXTURE(fixture);
	int64_t before_ns = clock_boottime_ns();

	CU_ASSERT_EQUAL(
		status_writer_write(&fixture.writer, "a", 1, clock_monotonic_ns() - 20 * NS_PER_MS),
		0);
	CU_ASSERT_TRUE(status_writer_next_ns(&fixture.writer) >= before_ns + 15 * NS_PER_S);
	status_writer_mark_changed(&fixture.writer);
	/* 20 ms were spent on building, so 380 ms of rest. */
	CU_ASSERT_TRUE(status_writer_next_ns(&fixture.writer) >= before_ns + 380 * NS_PER_MS);
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, before_ns), STATUS_DUE_NOTHING);
}

static void leftovers_of_a_killed_broker_are_no_obstacle(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd)
	int victim = openat(fixture.directory_fd, "victim", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat status;

	CU_ASSERT_EQUAL(write(victim, "precious", 8), 8);
	CU_ASSERT_EQUAL(symlinkat("victim", fixture.directory_fd, ASIDE), 0);
	CU_ASSERT_EQUAL(write_text(&fixture, "new"), 0);
	check_content(&fixture, "new");
	CU_ASSERT_EQUAL(fstat(victim, &status), 0);
	CU_ASSERT_EQUAL(status.st_size, 8);
	CU_ASSERT_EQUAL(unlinkat(fixture.directory_fd, "victim", 0), 0);
}

static void a_touch_moves_the_heartbeat_only(void)
{
	FIXTURE(fixture);
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	CU_ASSERT_EQUAL(write_text(&fixture, "doc"), 0);
	CU_ASSERT_EQUAL(utimensat(fixture.directory_fd, STATUS_FILE_NAME, long_ago, 0), 0);
	CU_ASSERT_EQUAL(status_writer_touch(&fixture.writer), 0);
	CU_ASSERT_TRUE(status_of(&fixture).st_mtim.tv_sec > 1000000);
	check_content(&fixture, "doc");
	CU_ASSERT_TRUE(status_writer_next_ns(&fixture.writer) >
		       clock_boottime_ns() + 14 * NS_PER_S);
}

static void a_file_that_is_gone_is_written_again(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(write_text(&fixture, "doc"), 0);
	CU_ASSERT_EQUAL(unlinkat(fixture.directory_fd, STATUS_FILE_NAME, 0), 0);
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns() + NS_PER_S),
			STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_writer_touch(&fixture.writer), -ENOENT);
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns() + NS_PER_S),
			STATUS_DUE_WRITE);
}

static void a_document_that_cannot_be_built_is_tried_again(void)
{
	FIXTURE(fixture);

	status_writer_not_built(&fixture.writer, clock_monotonic_ns());
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns()),
			STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns() + 2 * NS_PER_S),
			STATUS_DUE_WRITE);
}

static void a_directory_in_its_place_is_an_error(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(mkdirat(fixture.directory_fd, STATUS_FILE_NAME, 0755), 0);
	CU_ASSERT_EQUAL(write_text(&fixture, "doc"), -EISDIR);
	CU_ASSERT_EQUAL(faccessat(fixture.directory_fd, ASIDE, F_OK, 0), -1);
	CU_ASSERT_EQUAL(status_writer_due(&fixture.writer, clock_boottime_ns()),
			STATUS_DUE_NOTHING);
	CU_ASSERT_EQUAL(unlinkat(fixture.directory_fd, STATUS_FILE_NAME, AT_REMOVEDIR), 0);
}

static void a_full_disk_keeps_the_old_document(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int small_fd = -1;
	static char large[64 * 1024];
	int64_t now_ns;

	if (mount("tmpfs", fixture.directory, "tmpfs", 0, "size=16k") < 0) {
		printf("skipped %s: only root can mount a small disk\n", __func__);
		return;
	}
	small_fd = open(fixture.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status_writer_init(&fixture.writer, small_fd, clock_boottime_ns());
	CU_ASSERT_EQUAL(write_text(&fixture, "old"), 0);
	memset(large, 'x', sizeof(large) - 1);
	CU_ASSERT_EQUAL(write_text(&fixture, large), -ENOSPC);
	now_ns = clock_boottime_ns();
	CU_ASSERT_EQUAL(faccessat(small_fd, STATUS_FILE_NAME, F_OK, 0), 0);
	CU_ASSERT_EQUAL(faccessat(small_fd, ASIDE, F_OK, 0), -1);
	status_writer_mark_changed(&fixture.writer);
	CU_ASSERT_TRUE(status_writer_next_ns(&fixture.writer) > now_ns + 900 * NS_PER_MS);
	CU_ASSERT_EQUAL(status_writer_touch(&fixture.writer), 0); /* the heart beats on */
	CU_ASSERT_EQUAL(write_text(&fixture, "new"), 0);
	CU_ASSERT_EQUAL(umount2(fixture.directory, MNT_DETACH), 0);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_document_replaces_the_one_before),
		TEST(everybody_may_read_it_whatever_the_umask),
		TEST(a_write_is_followed_by_a_pause),
		TEST(leftovers_of_a_killed_broker_are_no_obstacle),
		TEST(a_touch_moves_the_heartbeat_only),
		TEST(a_file_that_is_gone_is_written_again),
		TEST(a_document_that_cannot_be_built_is_tried_again),
		TEST(a_directory_in_its_place_is_an_error),
		TEST(a_full_disk_keeps_the_old_document),
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_writer", tests);
}
