/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sys/file.h>

#include "publish/publisher_private.h"
#include "publish/sweep.h"

/* Publishes, then takes the link away, as a kill between two steps or an rm would. */
static void orphan(struct stage *stage, struct seen *seen)
{
	char link[96];

	(void)publish_first(stage, "orphaned-token");
	CU_ASSERT_TRUE_FATAL(shows(seen, stage, "orphaned-token"));
	stage_restart(stage, stage->dir->backing);
	path_in_run(stage, "tokens/default", link);
	CU_ASSERT_EQUAL(unlink(link), 0);
}

static void expect_swept(enum runtime_dir_backing made_in, enum runtime_dir_backing found_by)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(seen) struct seen held = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct stage stage;

	stage_open(&stage, made_in);
	orphan(&stage, &seen);
	fd = hold(&seen);
	stage_restart(&stage, found_by);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.head & TOKENBROKER_SEGMENT_RETIRED, TOKENBROKER_SEGMENT_RETIRED);
	CU_ASSERT_EQUAL(held.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(held.generation, 1);
	CU_ASSERT_FALSE(holds_anywhere(&held, "orphaned-token"));
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);
	stage_close(&stage);
}

static void a_segment_without_a_link_is_scrubbed_retired_and_unlinked(void)
{
	expect_swept(RUNTIME_DIR_BACKING_SHM, RUNTIME_DIR_BACKING_SHM);
	expect_swept(RUNTIME_DIR_BACKING_DIRECTORY, RUNTIME_DIR_BACKING_DIRECTORY);
}

static void segments_of_the_other_backing_are_swept_too(void)
{
	expect_swept(RUNTIME_DIR_BACKING_SHM, RUNTIME_DIR_BACKING_DIRECTORY);
	expect_swept(RUNTIME_DIR_BACKING_DIRECTORY, RUNTIME_DIR_BACKING_SHM);
}

static void a_live_segment_is_not_touched(void)
{
	CLEANUP(seen) struct seen before = {.is_there = false};
	CLEANUP(seen) struct seen after = {.is_there = false};
	struct publication_found found;
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "live-token");
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	publication_found_fini(&found);
	see(&before, &stage, "default");
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(shows(&after, &stage, "live-token"));
	CU_ASSERT_EQUAL(memcmp(before.bytes, after.bytes, before.size), 0);
	stage_close(&stage);
}

static void a_second_name_of_a_live_segment_goes_and_the_segment_stays(void)
{
	static const char second[] = "/dev/shm/tokenbroker.default.0123456789abcdef";
	CLEANUP(seen) struct seen before = {.is_there = false};
	CLEANUP(seen) struct seen after = {.is_there = false};
	struct publication_found found;
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "live-token");
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	see(&before, &stage, "default");
	CU_ASSERT_EQUAL_FATAL(link(before.target, second), 0);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	publication_found_fini(&found);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(shows(&after, &stage, "live-token"));
	CU_ASSERT_EQUAL(after.head & TOKENBROKER_SEGMENT_RETIRED, 0);
	CU_ASSERT_NOT_EQUAL(access(second, F_OK), 0);
	stage_close(&stage);
}

static void a_segment_in_our_hands_is_not_swept_though_its_link_is_gone(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	char link[96];
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "live-token");
	CU_ASSERT_TRUE(shows(&seen, &stage, "live-token"));
	path_in_run(&stage, "tokens/default", link);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	CU_ASSERT_PTR_NULL(stage.publisher->retiring);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_FALSE(is_gone(&seen));
	stage_close(&stage);
}

static void a_retiring_segment_is_not_swept_twice(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	orphan(&stage, &seen);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stage.publisher->retiring);
	CU_ASSERT_PTR_NULL(stage.publisher->retiring->next);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	stage_close(&stage);
}

static void a_token_that_is_no_longer_configured_is_withdrawn(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;
	char link[96];
	struct stat status;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "forgotten-token");
	CU_ASSERT_TRUE(shows(&seen, &stage, "forgotten-token"));
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	path_in_run(&stage, "tokens/default", link);
	CU_ASSERT_EQUAL(lstat(link, &status), -1);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	stage_close(&stage);
}

/* As long as the link stands, readers follow it. */
static void a_segment_with_a_link_stays_whatever_is_configured(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "linked-token");
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(sweep_segments(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(shows(&seen, &stage, "linked-token"));
	CU_ASSERT_EQUAL(sweep_links(stage.publisher), 0);
	CU_ASSERT_EQUAL(sweep_segments(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	stage_close(&stage);
}

static void what_no_broker_made_stays_in_tokens(void)
{
	static const char *const names[] = {"README", "file", "foreign", "x.new", ".new"};
	struct stage stage;
	struct stat status;
	char path[96];

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	path_in_run(&stage, "tokens/README", path);
	CU_ASSERT_TRUE(write_file(path, "x", 1, 0644));
	path_in_run(&stage, "tokens/file", path);
	CU_ASSERT_TRUE(write_file(path, "x", 1, 0644));
	path_in_run(&stage, "tokens/foreign", path);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	path_in_run(&stage, "tokens/x.new", path);
	CU_ASSERT_EQUAL(symlink("anything", path), 0);
	path_in_run(&stage, "tokens/.new", path);
	CU_ASSERT_EQUAL(symlink("anything", path), 0);
	path_in_run(&stage, "tokens/.default.new", path);
	CU_ASSERT_EQUAL(symlink("anything", path), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	CU_ASSERT_EQUAL(lstat(path, &status), -1); /* left over by a kill */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/tokens/%s", stage.sandbox.run, names[i]);
		CU_ASSERT_EQUAL(lstat(path, &status), 0);
	}
	stage_close(&stage);
}

static void an_error_does_not_end_the_sweep(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;
	char path[96];

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	orphan(&stage, &seen);
	path_in_run(&stage, "tokens/.default.new", path);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), -EISDIR);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	CU_ASSERT_EQUAL(rmdir(path), 0);
	stage_close(&stage);
}

/* Everything that carries our kind of name and is not ours to touch. */
static void foreign_files_are_not_touched(void)
{
	static const char fifo[] = "/dev/shm/tokenbroker.default.00000000000000f1";
	static const char junk[] = "/dev/shm/tokenbroker.default.00000000000000f2";
	static const char other[] = "/dev/shm/tokenbroker.default.00000000000000f3";
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;
	struct stat status;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	orphan(&stage, &seen);
	CU_ASSERT_EQUAL(mkfifo(fifo, 0666), 0);
	CU_ASSERT_TRUE(write_file(junk, "junk", 4, 0600));
	CU_ASSERT_TRUE(write_file(other, seen.bytes, seen.size, 0600));
	CU_ASSERT_EQUAL(is_root() ? chown(other, 4711, 4711) : chmod(other, 0666), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(is_gone(&seen));
	CU_ASSERT_EQUAL(lstat(fifo, &status), 0);
	CU_ASSERT_EQUAL(lstat(junk, &status), 0);
	CU_ASSERT_EQUAL(lstat(other, &status), 0);
	CU_ASSERT_EQUAL(status.st_size, 4096);
	stage_close(&stage);
	(void)unlink(fifo);
	(void)unlink(junk);
	(void)unlink(other);
}

/* What a kill leaves behind its open, and behind its fallocate. */
static void a_segment_without_a_header_goes_unless_its_maker_lives(void)
{
	static const char *const unfinished[] = {"/dev/shm/tokenbroker.default.00000000000000e1",
						 "/dev/shm/tokenbroker.other.00000000000000e2"};
	static const char zeroes[4096];
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(close_fd) int maker = -1;

		CU_ASSERT_TRUE_FATAL(write_file(unfinished[i], zeroes, i * sizeof(zeroes), 0600));
		maker = open(unfinished[i], O_RDWR | O_CLOEXEC);
		CU_ASSERT_EQUAL_FATAL(flock(maker, LOCK_EX | LOCK_NB), 0);
		CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
		CU_ASSERT_EQUAL(access(unfinished[i], F_OK), 0);
		CU_ASSERT_EQUAL(close(maker), 0);
		maker = -1;
		CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
		CU_ASSERT_NOT_EQUAL(access(unfinished[i], F_OK), 0);
	}
	stage_close(&stage);
}

static void two_brokers_of_one_user_live_side_by_side(void)
{
	CLEANUP(seen) struct seen mine = {.is_there = false};
	CLEANUP(seen) struct seen orphaned = {.is_there = false};
	struct stage stage;
	struct stage other;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	stage_open(&other, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "mine");
	orphan(&other, &orphaned);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_FALSE(is_gone(&orphaned));
	CU_ASSERT_EQUAL(publisher_sweep(other.publisher), 0);
	stage_pass_ms(&other, 10);
	CU_ASSERT_TRUE(is_gone(&orphaned));
	CU_ASSERT_TRUE(shows(&mine, &stage, "mine"));
	stage_close(&other);
	CU_ASSERT_TRUE(shows(&mine, &stage, "mine"));
	stage_close(&stage);
}

/* The link of another broker's runtime directory, as cp -a of it would make. */
static void the_segment_of_a_copied_link_is_not_adopted(void)
{
	CLEANUP(seen) struct seen mine = {.is_there = false};
	struct publication_found found;
	struct publication *publication;
	struct stage stage;
	struct stage copy;
	char path[96];

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "mine");
	CU_ASSERT_TRUE(shows(&mine, &stage, "mine"));
	stage_open(&copy, RUNTIME_DIR_BACKING_SHM);
	path_in_run(&copy, "tokens/default", path);
	CU_ASSERT_EQUAL(symlink(mine.target, path), 0);
	CU_ASSERT_EQUAL(publication_new(&publication, copy.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_FALSE(found.has_content);
	publication_found_fini(&found);
	CU_ASSERT_EQUAL(publication_remove(publication, copy.now_ns), 0);
	stage_pass_ms(&copy, 10);
	CU_ASSERT_TRUE(shows(&mine, &stage, "mine"));
	stage_close(&copy);
	stage_close(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_segment_without_a_link_is_scrubbed_retired_and_unlinked),
		TEST(segments_of_the_other_backing_are_swept_too),
		TEST(a_live_segment_is_not_touched),
		TEST(a_second_name_of_a_live_segment_goes_and_the_segment_stays),
		TEST(a_segment_in_our_hands_is_not_swept_though_its_link_is_gone),
		TEST(a_retiring_segment_is_not_swept_twice),
		TEST(a_token_that_is_no_longer_configured_is_withdrawn),
		TEST(a_segment_with_a_link_stays_whatever_is_configured),
		TEST(what_no_broker_made_stays_in_tokens),
		TEST(an_error_does_not_end_the_sweep),
		TEST(foreign_files_are_not_touched),
		TEST(a_segment_without_a_header_goes_unless_its_maker_lives),
		TEST(two_brokers_of_one_user_live_side_by_side),
		TEST(the_segment_of_a_copied_link_is_not_adopted),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("sweep", tests);
}
