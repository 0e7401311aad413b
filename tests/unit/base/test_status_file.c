/* SPDX-License-Identifier: MIT */
#include "base/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "harness.h"

struct place {
	char path[64];
	int fd;
};

static struct place make_place(void)
{
	struct place place = {.path = "/tmp/status-file-XXXXXX"};

	if (mkdtemp(place.path) == NULL)
		abort();
	place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place;
}

static void remove_place(const struct place *place)
{
	(void)unlinkat(place->fd, STATUS_FILE_NAME, 0);
	(void)unlinkat(place->fd, "other", 0);
	(void)close(place->fd);
	(void)rmdir(place->path);
}

static void put(const struct place *place, const char *name, const char *text)
{
	int fd = openat(place->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	(void)close(fd);
}

static void its_text_and_heartbeat_are_read(void)
{
	CLEANUP(status_file) struct status_file file = {0};
	struct place place = make_place();
	const struct timespec times[2] = {{1000, 0}, {2000, 5}};
	struct status_file_mark mark;

	put(&place, STATUS_FILE_NAME, "{}\n");
	(void)utimensat(place.fd, STATUS_FILE_NAME, times, 0);
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), 0);
	CU_ASSERT_STRING_EQUAL(file.text, "{}\n");
	CU_ASSERT_EQUAL(file.length, 3);
	CU_ASSERT_EQUAL(file.mark.modified_ns, 2000 * NS_PER_S + 5);
	CU_ASSERT_EQUAL(status_file_look(place.fd, &mark), 0);
	CU_ASSERT_EQUAL(mark.modified_ns, file.mark.modified_ns);
	CU_ASSERT_EQUAL(mark.inode, file.mark.inode);
	remove_place(&place);
}

static void a_missing_one_says_so(void)
{
	struct place place = make_place();
	struct status_file file;
	struct status_file_mark mark;

	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), -ENOENT);
	CU_ASSERT_EQUAL(status_file_look(place.fd, &mark), -ENOENT);
	remove_place(&place);
}

static void somebody_elses_is_not_believed(void)
{
	struct place place = make_place();
	struct status_file file;

	put(&place, STATUS_FILE_NAME, "{}");
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid() + 1, &file), -EPERM);
	remove_place(&place);
}

static void only_a_regular_file_will_do(void)
{
	struct place place = make_place();
	struct status_file file;

	put(&place, "other", "{}");
	CU_ASSERT_EQUAL(symlinkat("other", place.fd, STATUS_FILE_NAME), 0);
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), -EPERM);
	(void)unlinkat(place.fd, STATUS_FILE_NAME, 0);
	/* Opening a FIFO must not wait for a writer. */
	CU_ASSERT_EQUAL(mkfifoat(place.fd, STATUS_FILE_NAME, 0644), 0);
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), -EPERM);
	remove_place(&place);
}

static void one_that_is_too_large_is_not_read(void)
{
	struct place place = make_place();
	struct status_file file;
	char path[96];

	put(&place, STATUS_FILE_NAME, "");
	(void)snprintf(path, sizeof(path), "%s/" STATUS_FILE_NAME, place.path);
	CU_ASSERT_EQUAL(truncate(path, STATUS_FILE_BYTES_MAX + 1), 0);
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), -EFBIG);
	remove_place(&place);
}

static void three_missed_beats_make_it_stale(void)
{
	const struct status_file_mark mark = {.modified_ns = 1000 * NS_PER_S};

	CU_ASSERT_FALSE(status_file_is_stale(&mark, 1045 * NS_PER_S));
	CU_ASSERT_TRUE(status_file_is_stale(&mark, 1045 * NS_PER_S + 1));
}

static void a_heartbeat_far_in_the_future_is_stale(void)
{
	const struct status_file_mark mark = {.modified_ns = 1000 * NS_PER_S};

	CU_ASSERT_FALSE(status_file_is_stale(&mark, 955 * NS_PER_S));
	CU_ASSERT_TRUE(status_file_is_stale(&mark, 955 * NS_PER_S - 1));
	CU_ASSERT_TRUE(status_file_is_stale(&mark, 10 * NS_PER_S));
}

static void a_heartbeat_at_the_epoch_is_that_of_a_stopped_broker(void)
{
	CLEANUP(status_file) struct status_file file = {0};
	struct place place = make_place();
	const struct timespec times[2] = {{0, 0}, {0, 0}};

	put(&place, STATUS_FILE_NAME, "{}\n");
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), 0);
	CU_ASSERT_FALSE(status_file_is_of_a_stopped_broker(&file.mark));
	status_file_fini(&file);
	(void)utimensat(place.fd, STATUS_FILE_NAME, times, 0);
	CU_ASSERT_EQUAL(status_file_read(place.fd, geteuid(), &file), 0);
	CU_ASSERT_TRUE(status_file_is_of_a_stopped_broker(&file.mark));
	CU_ASSERT_TRUE(status_file_is_stale(&file.mark, clock_realtime_ns()));
	remove_place(&place);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"its_text_and_heartbeat_are_read", its_text_and_heartbeat_are_read},
		{"a_missing_one_says_so", a_missing_one_says_so},
		{"somebody_elses_is_not_believed", somebody_elses_is_not_believed},
		{"only_a_regular_file_will_do", only_a_regular_file_will_do},
		{"one_that_is_too_large_is_not_read", one_that_is_too_large_is_not_read},
		{"three_missed_beats_make_it_stale", three_missed_beats_make_it_stale},
		{"a_heartbeat_far_in_the_future_is_stale", a_heartbeat_far_in_the_future_is_stale},
		{"a_heartbeat_at_the_epoch_is_that_of_a_stopped_broker",
		 a_heartbeat_at_the_epoch_is_that_of_a_stopped_broker},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_file", tests);
}
