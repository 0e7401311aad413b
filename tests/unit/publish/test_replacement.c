/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "tokenbroker.h"

#define SMALL_TOKEN "a-token-of-22-bytes-01"

static char longest_token[TOKENBROKER_TOKEN_MAX + 1];

static int put(struct stage *stage, struct publication *publication, const char *token,
	       uint64_t generation)
{
	struct publication_content content = valid_content(token, generation);

	return publication_put(publication, &content, false, stage->now_ns);
}

/* Publishes SMALL_TOKEN and holds its segment as a reader would; close *ret_fd. */
static struct publication *begin(struct stage *stage, struct seen *seen, int *ret_fd)
{
	struct publication *publication;

	stage_open(stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(stage, SMALL_TOKEN);
	CU_ASSERT_TRUE(shows(seen, stage, SMALL_TOKEN));
	*ret_fd = hold(seen);
	stage_pass_ms(stage, 1);
	return publication;
}

/* What the holder of a segment sees that has been replaced or removed: no name, no secret. */
static void expect_retired(int fd)
{
	CLEANUP(seen) struct seen held = {.is_there = false};
	struct stat status;

	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.head & TOKENBROKER_SEGMENT_RETIRED, TOKENBROKER_SEGMENT_RETIRED);
	CU_ASSERT_EQUAL(held.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(held.length, 0);
	CU_ASSERT_FALSE(holds_anywhere(&held, SMALL_TOKEN));
	CU_ASSERT_EQUAL(fstat(fd, &status), 0);
	CU_ASSERT_EQUAL(status.st_nlink, 0);
}

static void a_token_that_outgrows_its_segment_gets_another(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(seen) struct seen held = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(put(&stage, publication, longest_token, 2), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, longest_token));
	CU_ASSERT_EQUAL(seen.head, 1);
	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.state, TOKENBROKER_SEGMENT_NONE); /* withdrawn at once */
	CU_ASSERT_EQUAL(held.generation, 1);
	CU_ASSERT_EQUAL(held.wake, 2);
	stage_pass_ms(&stage, 3);
	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.head, 4); /* a withdraw and two of three scrubs */
	stage_pass_ms(&stage, 2);
	expect_retired(fd);
	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.wake, 3);
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);
	CU_ASSERT_EQUAL(publication_publishes(publication), 2);
	stage_close(&stage);
}

static void a_shorter_token_stays_in_the_grown_segment(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;
	size_t size;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(put(&stage, publication, longest_token, 2), 0);
	stage_pass_ms(&stage, 10);
	see(&seen, &stage, "default");
	size = seen.size;
	CU_ASSERT_EQUAL(put(&stage, publication, "short", 3), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "short"));
	CU_ASSERT_EQUAL(seen.size, size);
	stage_close(&stage);
}

static void growth_leaves_room_for_more(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	char token[1300];
	char target[160];
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	memset(token, 'g', sizeof(token));
	token[1200] = '\0';
	publication = publish_first(&stage, token);
	CU_ASSERT_TRUE(shows(&seen, &stage, token));
	(void)strcpy(target, seen.target);
	stage_pass_ms(&stage, 1);
	token[1200] = 'g';
	token[1299] = '\0';
	CU_ASSERT_EQUAL(put(&stage, publication, token, 2), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, token));
	CU_ASSERT_STRING_EQUAL(seen.target, target);
	stage_close(&stage);
}

static void other_readers_get_another_segment_with_the_same_token(void)
{
	static uid_t uid = 5001;
	const struct principals one = {.uids = &uid, .uid_count = 1};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;
	struct stat status;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(publication_set_readers(publication, &nobody, stage.now_ns), 0);
	CU_ASSERT_FALSE(is_gone(&seen));
	CU_ASSERT_EQUAL(publication_set_readers(publication, &one, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	CU_ASSERT_EQUAL(stat(seen.target, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(seen.generation, 1);
	stage_pass_ms(&stage, 10);
	expect_retired(fd);
	stage_close(&stage);
}

static void readers_that_changed_while_no_broker_ran_cost_no_token(void)
{
	static uid_t uid = 5001;
	const struct principals one = {.uids = &uid, .uid_count = 1};
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	(void)begin(&stage, &seen, &fd);
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &one, &found), 0);
	CU_ASSERT_TRUE_FATAL(found.has_content);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	stage_pass_ms(&stage, 10);
	expect_retired(fd);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	stage_close(&stage);
}

static void a_damaged_segment_is_replaced_and_unlinked(void)
{
	struct publication_content content = valid_content("fetched-anew", 2);
	struct publication_found found;
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(seen) struct seen damaged = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	(void)begin(&stage, &damaged, &fd);
	stage_stop(&stage);
	CU_ASSERT_TRUE(overwrite(damaged.target, 0x20, "\xff\xff\xff\xff", 4));
	stage_start(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_FALSE(found.has_content);
	CU_ASSERT_EQUAL(publication_put(publication, &content, true, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "fetched-anew"));
	stage_pass_ms(&stage, 5);
	CU_ASSERT_TRUE(is_gone(&damaged));
	stage_close(&stage);
}

static void a_changed_backing_moves_the_token(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	(void)begin(&stage, &seen, &fd);
	stage_restart(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_TRUE_FATAL(found.has_content);
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.target, "/segments/default."));
	stage_pass_ms(&stage, 10);
	expect_retired(fd);
	stage_close(&stage);
}

static void expect_republished(struct stage *stage, struct publication *publication)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	bool was_gone = false;

	CU_ASSERT_EQUAL(publication_check_name(publication, stage->now_ns, &was_gone), 0);
	CU_ASSERT_TRUE(was_gone);
	CU_ASSERT_TRUE(shows(&seen, stage, SMALL_TOKEN));
	stage_pass_ms(stage, 10);
	was_gone = false;
	CU_ASSERT_EQUAL(publication_check_name(publication, stage->now_ns, &was_gone), 0);
	CU_ASSERT_FALSE(was_gone);
}

static void a_link_that_is_gone_or_foreign_is_made_again(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	char link[96];
	struct stage stage;

	publication = begin(&stage, &seen, &fd);
	path_in_run(&stage, "tokens/default", link);
	CU_ASSERT_EQUAL(unlink(link), 0);
	expect_republished(&stage, publication);
	expect_retired(fd);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", link), 0);
	expect_republished(&stage, publication);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(symlink("/dev/shm/tokenbroker.default.0123456789abcdef", link), 0);
	expect_republished(&stage, publication);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_TRUE(write_file(link, "file", 4, 0644));
	expect_republished(&stage, publication);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(mkfifo(link, 0666), 0);
	expect_republished(&stage, publication);
	stage_close(&stage);
}

static void a_segment_whose_name_is_gone_is_made_again(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(unlink(seen.target), 0);
	expect_republished(&stage, publication);
	expect_retired(fd);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	CU_ASSERT_EQUAL(unlink(seen.target), 0);
	CU_ASSERT_TRUE(write_file(seen.target, seen.bytes, seen.size, 0600));
	expect_republished(&stage, publication); /* another file of the same name */
	CU_ASSERT_FALSE(is_gone(&seen));
	(void)unlink(seen.target);
	stage_close(&stage);
}

static void squats_of_the_links_name_are_replaced_at_start(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	char link[96];
	char temporary[96];
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	path_in_run(&stage, "tokens/default", link);
	path_in_run(&stage, "tokens/.default.new", temporary);
	CU_ASSERT_EQUAL(mkfifo(link, 0666), 0);
	CU_ASSERT_TRUE(write_file(temporary, "left over", 9, 0644));
	(void)publish_first(&stage, SMALL_TOKEN);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	CU_ASSERT_EQUAL(access(temporary, F_OK), -1);
	stage_close(&stage);
}

static void a_directory_in_the_links_place_is_an_error_until_it_is_gone(void)
{
	struct publication_content content = valid_content(SMALL_TOKEN, 1);
	struct publication_found found;
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	char link[96];
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	path_in_run(&stage, "tokens/default", link);
	CU_ASSERT_EQUAL(mkdir(link, 0755), 0);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_EQUAL(publication_put(publication, &content, true, stage.now_ns), -EISDIR);
	CU_ASSERT_EQUAL(publication_error(publication), -EISDIR);
	CU_ASSERT_STRING_EQUAL(publication_segment_name(publication), "");
	CU_ASSERT_EQUAL(count_segments(&stage), 0);
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), stage.now_ns + NS_PER_S);
	CU_ASSERT_EQUAL(rmdir(link), 0);
	stage.now_ns += NS_PER_S;
	publisher_run(stage.publisher, stage.now_ns);
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, SMALL_TOKEN));
	stage_close(&stage);
}

static void a_removed_token_leaves_nothing_behind(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(seen) struct seen held = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;
	char link[96];
	struct stat status;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(publication_remove(publication, stage.now_ns), 0);
	CU_ASSERT_TRUE(see_descriptor(&held, fd));
	CU_ASSERT_EQUAL(held.state, TOKENBROKER_SEGMENT_NONE);
	path_in_run(&stage, "tokens/default", link);
	CU_ASSERT_EQUAL(lstat(link, &status), -1);
	stage_pass_ms(&stage, 10);
	expect_retired(fd);
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);
	stage_close(&stage);
}

static void a_removal_is_finished_by_a_clean_stop(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(publication_remove(publication, stage.now_ns), 0);
	stage_stop(&stage);
	expect_retired(fd);
	stage_close(&stage);
}

static void a_token_can_come_back_after_its_removal(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(close_fd) int fd = -1;
	struct publication *publication;
	struct stage stage;

	publication = begin(&stage, &seen, &fd);
	CU_ASSERT_EQUAL(publication_remove(publication, stage.now_ns), 0);
	(void)publish_first(&stage, "back-again");
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(shows(&seen, &stage, "back-again"));
	expect_retired(fd);
	stage_close(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_token_that_outgrows_its_segment_gets_another),
		TEST(a_shorter_token_stays_in_the_grown_segment),
		TEST(growth_leaves_room_for_more),
		TEST(other_readers_get_another_segment_with_the_same_token),
		TEST(readers_that_changed_while_no_broker_ran_cost_no_token),
		TEST(a_damaged_segment_is_replaced_and_unlinked),
		TEST(a_changed_backing_moves_the_token),
		TEST(a_link_that_is_gone_or_foreign_is_made_again),
		TEST(a_segment_whose_name_is_gone_is_made_again),
		TEST(squats_of_the_links_name_are_replaced_at_start),
		TEST(a_directory_in_the_links_place_is_an_error_until_it_is_gone),
		TEST(a_removed_token_leaves_nothing_behind),
		TEST(a_removal_is_finished_by_a_clean_stop),
		TEST(a_token_can_come_back_after_its_removal),
		CU_TEST_INFO_NULL,
	};

	memset(longest_token, 'L', TOKENBROKER_TOKEN_MAX);
	isolate_shm();
	return harness_run("replacement", tests);
}
