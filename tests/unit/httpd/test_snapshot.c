/* SPDX-License-Identifier: MIT */
/* status.json in a directory of the test's own, replaced by rename as the broker does it. */
#include "httpd/snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness.h"

/* 2026-11-23T10:00:00Z */
#define START_S     INT64_C(1795428000)
#define AT(seconds) ((START_S + (seconds)) * NS_PER_S)

#define VALID                                                                                      \
	"{\"tokens\":[{\"name\":\"default\",\"state\":\"valid\","                                  \
	"\"expires_at\":\"2026-11-23T10:01:00Z\"}]}"
#define SUSPENDED "{\"tokens\":[{\"name\":\"default\",\"state\":\"suspended\"}]}"

struct place {
	char path[64];
	int fd;
};

static struct place make_place(void)
{
	struct place place = {.path = "/tmp/snapshot-XXXXXX"};

	if (mkdtemp(place.path) == NULL)
		abort();
	place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place;
}

static void remove_place(const struct place *place)
{
	(void)unlinkat(place->fd, STATUS_FILE_NAME, 0);
	(void)close(place->fd);
	(void)rmdir(place->path);
}

static void touch(const struct place *place, int64_t seconds)
{
	const struct timespec times[2] = {{START_S + seconds, 0}, {START_S + seconds, 0}};

	if (utimensat(place->fd, STATUS_FILE_NAME, times, 0) < 0)
		abort();
}

/* Written that many seconds after the start. */
static void put(const struct place *place, const char *text, int64_t seconds)
{
	int fd = openat(place->fd, "aside", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (write(fd, text, strlen(text)) < 0 || close(fd) < 0 ||
	    renameat(place->fd, "aside", place->fd, STATUS_FILE_NAME) < 0)
		abort();
	touch(place, seconds);
}

static bool shows(const struct snapshot *snapshot, const char *state)
{
	return snapshot->document != NULL && snapshot->view != NULL &&
	       strstr(snapshot->document->whole->data, state) != NULL;
}

static bool says(const struct snapshot *snapshot, const char *words)
{
	return snapshot->document == NULL && snapshot->view == NULL &&
	       strstr(snapshot->error.text, words) != NULL;
}

static void a_file_is_read_and_its_heartbeat_judged(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(0)));
	put(&place, VALID, 0);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	CU_ASSERT_EQUAL(snapshot.version, 1);
	CU_ASSERT(snapshot_is_up(&snapshot, AT(45)));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(46)));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_file_that_is_only_touched_is_the_same_version_with_a_new_heartbeat(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, SUSPENDED, 0);
	snapshot_refresh(&snapshot, AT(1));
	touch(&place, 15);
	snapshot_refresh(&snapshot, AT(16));
	CU_ASSERT_EQUAL(snapshot.version, 1);
	CU_ASSERT(snapshot_is_up(&snapshot, AT(60)));
	put(&place, SUSPENDED, 30);
	snapshot_refresh(&snapshot, AT(31));
	CU_ASSERT_EQUAL(snapshot.version, 1);
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_file_that_has_not_changed_is_not_read_again(void)
{
	struct place place = make_place();
	const struct document *document;
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, SUSPENDED, 0);
	snapshot_refresh(&snapshot, AT(1));
	document = snapshot.document;
	snapshot_refresh(&snapshot, AT(2));
	CU_ASSERT_PTR_EQUAL(snapshot.document, document);
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void another_file_is_another_version(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 0);
	snapshot_refresh(&snapshot, AT(1));
	put(&place, SUSPENDED, 1);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(shows(&snapshot, "\"suspended\""));
	CU_ASSERT_EQUAL(snapshot.version, 2);
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void an_expiry_that_passes_is_another_version_of_the_same_file(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 59);
	snapshot_refresh(&snapshot, AT(59));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	snapshot_refresh(&snapshot, AT(60));
	CU_ASSERT(shows(&snapshot, "\"expired\""));
	CU_ASSERT_EQUAL(snapshot.version, 2);
	snapshot_refresh(&snapshot, AT(61));
	CU_ASSERT_EQUAL(snapshot.version, 2);
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_missing_file_or_directory_says_so_and_comes_back(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(says(&snapshot, "there is no status.json in /tmp/snapshot-"));
	CU_ASSERT_EQUAL(snapshot.version, 0);
	put(&place, VALID, 1);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	remove_place(&place);
	snapshot_refresh(&snapshot, AT(2));
	CU_ASSERT(says(&snapshot, "there is no status.json"));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(2)));
	CU_ASSERT_EQUAL(snapshot.version, 2);
	snapshot_fini(&snapshot);
}

static void the_same_document_after_a_gap_is_told_again(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, SUSPENDED, 0);
	snapshot_refresh(&snapshot, AT(0));
	(void)unlinkat(place.fd, STATUS_FILE_NAME, 0);
	snapshot_refresh(&snapshot, AT(1));
	put(&place, SUSPENDED, 2);
	snapshot_refresh(&snapshot, AT(2));
	CU_ASSERT(shows(&snapshot, "\"suspended\""));
	CU_ASSERT_EQUAL(snapshot.version, 3);
	snapshot_fini(&snapshot);
	remove_place(&place);
}

/* The broker lives: it has touched the file. What it wrote is another matter. */
static void a_damaged_file_says_where_and_its_heartbeat_counts(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 0);
	snapshot_refresh(&snapshot, AT(0));
	put(&place, "{\"tokens\":[{\"name\":7}]}", 1);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(says(&snapshot, "damaged: tokens[0].name: not a string"));
	CU_ASSERT(snapshot_is_up(&snapshot, AT(1)));
	snapshot.error.text[0] = '\0';
	snapshot_refresh(&snapshot, AT(2));
	CU_ASSERT(says(&snapshot, "")); /* once for each change */
	CU_ASSERT_STRING_EQUAL(snapshot.error.text, "");
	put(&place, VALID, 3);
	snapshot_refresh(&snapshot, AT(3));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_file_cut_short_or_empty_is_damaged(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, "", 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(says(&snapshot, "damaged"));
	put(&place, "{\"tokens\":[{\"name\":\"defau", 1);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(says(&snapshot, "damaged"));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_file_too_large_is_not_read_and_is_no_heartbeat(void)
{
	struct place place = make_place();
	struct snapshot snapshot;
	char path[96];

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 0);
	(void)snprintf(path, sizeof(path), "%s/%s", place.path, STATUS_FILE_NAME);
	CU_ASSERT_EQUAL_FATAL(truncate(path, (off_t)STATUS_FILE_BYTES_MAX + 1), 0);
	touch(&place, 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(says(&snapshot, "too large"));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(0)));
	put(&place, VALID, 1);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void what_others_could_have_put_there_is_not_believed(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT_EQUAL_FATAL(fchmod(place.fd, 0777), 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(says(&snapshot, "not believed"));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(0)));
	CU_ASSERT_EQUAL_FATAL(fchmod(place.fd, 0700), 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	(void)unlinkat(place.fd, STATUS_FILE_NAME, 0);
	CU_ASSERT_EQUAL_FATAL(symlinkat("/dev/null", place.fd, STATUS_FILE_NAME), 0);
	snapshot_refresh(&snapshot, AT(0));
	CU_ASSERT(says(&snapshot, "not believed"));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(0)));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

static void a_broker_that_was_stopped_is_not_up(void)
{
	struct place place = make_place();
	struct snapshot snapshot;

	snapshot_init(&snapshot, place.path);
	put(&place, VALID, 0);
	snapshot_refresh(&snapshot, AT(0));
	touch(&place, -START_S);
	snapshot_refresh(&snapshot, AT(1));
	CU_ASSERT(shows(&snapshot, "\"valid\""));
	CU_ASSERT(!snapshot_is_up(&snapshot, AT(1)));
	snapshot_fini(&snapshot);
	remove_place(&place);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_file_is_read_and_its_heartbeat_judged",
		 a_file_is_read_and_its_heartbeat_judged},
		{"a_file_that_is_only_touched_is_the_same_version_with_a_new_heartbeat",
		 a_file_that_is_only_touched_is_the_same_version_with_a_new_heartbeat},
		{"a_file_that_has_not_changed_is_not_read_again",
		 a_file_that_has_not_changed_is_not_read_again},
		{"another_file_is_another_version", another_file_is_another_version},
		{"an_expiry_that_passes_is_another_version_of_the_same_file",
		 an_expiry_that_passes_is_another_version_of_the_same_file},
		{"a_missing_file_or_directory_says_so_and_comes_back",
		 a_missing_file_or_directory_says_so_and_comes_back},
		{"the_same_document_after_a_gap_is_told_again",
		 the_same_document_after_a_gap_is_told_again},
		{"a_damaged_file_says_where_and_its_heartbeat_counts",
		 a_damaged_file_says_where_and_its_heartbeat_counts},
		{"a_file_cut_short_or_empty_is_damaged", a_file_cut_short_or_empty_is_damaged},
		{"a_file_too_large_is_not_read_and_is_no_heartbeat",
		 a_file_too_large_is_not_read_and_is_no_heartbeat},
		{"what_others_could_have_put_there_is_not_believed",
		 what_others_could_have_put_there_is_not_believed},
		{"a_broker_that_was_stopped_is_not_up", a_broker_that_was_stopped_is_not_up},
		CU_TEST_INFO_NULL,
	};

	return harness_run("snapshot", tests);
}
