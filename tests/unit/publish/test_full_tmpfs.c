/* SPDX-License-Identifier: MIT */
/* No memory for a new segment: readers keep what they have, a withdraw gets through, it heals. */
#include "fixture.h"

#define LONG_BYTES 20000

static char long_token[LONG_BYTES + 1];

/* A runtime directory that is a tmpfs of 64 KiB, with a first token in it. */
static struct publication *begin(struct stage *stage)
{
	*stage = (struct stage){.now_ns = START_NS};
	sandbox_open(&stage->sandbox);
	CU_ASSERT_EQUAL_FATAL(mkdir(stage->sandbox.run, 0755), 0);
	CU_ASSERT_EQUAL_FATAL(mount("none", stage->sandbox.run, "tmpfs", 0, "size=64k,mode=0755"),
			      0);
	stage_start(stage, RUNTIME_DIR_BACKING_DIRECTORY);
	return publish_first(stage, "first");
}

static void end(struct stage *stage)
{
	stage_stop(stage);
	CU_ASSERT_EQUAL(umount(stage->sandbox.run), 0);
	sandbox_close(&stage->sandbox);
}

static void fill_up(const struct stage *stage)
{
	static const char block[4096];
	char path[96];
	int fd;

	path_in_run(stage, "ballast", path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	CU_ASSERT_EQUAL(errno, ENOSPC);
	(void)close(fd);
}

static void make_room(const struct stage *stage)
{
	char path[96];

	path_in_run(stage, "ballast", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static int put(struct stage *stage, struct publication *publication, const char *token)
{
	struct publication_content content = valid_content(token, 2);

	return publication_put(publication, &content, false, stage->now_ns);
}

static void the_old_token_stays_until_there_is_room(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, long_token), -ENOSPC);
	CU_ASSERT_EQUAL(publication_error(publication), -ENOSPC);
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_EQUAL(publication_content(publication)->length, LONG_BYTES);
	CU_ASSERT_EQUAL(mount("none", stage.sandbox.run, "tmpfs", MS_REMOUNT, "size=1m"), 0);
	stage.now_ns += NS_PER_S - 1;
	publisher_run(stage.publisher, stage.now_ns);
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	stage.now_ns++;
	publisher_run(stage.publisher, stage.now_ns);
	CU_ASSERT_TRUE(shows(&seen, &stage, long_token));
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	end(&stage);
}

static void tries_are_further_and_further_apart(void)
{
	static const int64_t pauses_s[] = {1, 2, 4, 8, 16, 30, 30};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, long_token), -ENOSPC);
	for (size_t i = 0; i < sizeof(pauses_s) / sizeof(pauses_s[0]); i++) {
		CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher),
				stage.now_ns + pauses_s[i] * NS_PER_S);
		stage.now_ns += pauses_s[i] * NS_PER_S;
		publisher_run(stage.publisher, stage.now_ns);
	}
	CU_ASSERT_EQUAL(publication_error(publication), -ENOSPC);
	end(&stage);
}

static void a_token_that_fits_ends_the_error(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, long_token), -ENOSPC);
	CU_ASSERT_EQUAL(put(&stage, publication, "short"), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "short"));
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	end(&stage);
}

static void publishing_in_place_needs_no_room(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	fill_up(&stage);
	for (int i = 0; i < 8; i++) {
		stage_pass_ms(&stage, 1);
		CU_ASSERT_EQUAL(put(&stage, publication, "another"), 0);
	}
	CU_ASSERT_TRUE(shows(&seen, &stage, "another"));
	make_room(&stage);
	end(&stage);
}

static void an_adopted_segment_needs_no_room(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	(void)begin(&stage);
	fill_up(&stage);
	stage_restart(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_TRUE_FATAL(found.has_content);
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	end(&stage);
}

static void old_readers_get_no_new_token_but_a_withdraw(void)
{
	static uid_t uid = 5001;
	const struct principals one = {.uids = &uid, .uid_count = 1};
	const struct publication_content withdrawn = no_content(1);
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	fill_up(&stage);
	CU_ASSERT_EQUAL(publication_set_readers(publication, &one, stage.now_ns), -ENOSPC);
	CU_ASSERT_EQUAL(put(&stage, publication, "second"), -ENOSPC);
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_EQUAL(publication_put(publication, &withdrawn, true, stage.now_ns), 0);
	CU_ASSERT_EQUAL(publication_error(publication), -ENOSPC);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	stage_pass_ms(&stage, 5);
	see(&seen, &stage, "default");
	CU_ASSERT_FALSE(holds_anywhere(&seen, "first"));
	make_room(&stage);
	stage.now_ns += 60 * NS_PER_S;
	publisher_run(stage.publisher, stage.now_ns);
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.head, 1);
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	end(&stage);
}

static void what_is_out_can_be_withdrawn_while_its_successor_waits(void)
{
	/* Larger than the segment, and it fits once there is room. */
	const char *token = long_token + LONG_BYTES - 5000;
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	fill_up(&stage);
	CU_ASSERT_EQUAL(put(&stage, publication, token), -ENOSPC);
	CU_ASSERT_EQUAL(publication_published(publication)->length, strlen("first"));
	CU_ASSERT_EQUAL(publication_content(publication)->length, 5000);
	publication_withdraw_published(publication, stage.now_ns);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	stage_pass_ms(&stage, 5);
	see(&seen, &stage, "default");
	CU_ASSERT_FALSE(holds_anywhere(&seen, "first"));
	CU_ASSERT_EQUAL(publication_error(publication), -ENOSPC);
	make_room(&stage);
	stage.now_ns += 60 * NS_PER_S;
	publisher_run(stage.publisher, stage.now_ns);
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, token));
	/* Readers see what was put: nothing is taken from them. */
	publication_withdraw_published(publication, stage.now_ns);
	CU_ASSERT_TRUE(shows(&seen, &stage, token));
	end(&stage);
}

static void a_stop_does_not_wait_for_room_but_withdraws(void)
{
	static uid_t uid = 5001;
	const struct principals one = {.uids = &uid, .uid_count = 1};
	const struct publication_content withdrawn = no_content(1);
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	fill_up(&stage);
	CU_ASSERT_EQUAL(publication_set_readers(publication, &one, stage.now_ns), -ENOSPC);
	CU_ASSERT_EQUAL(publication_put(publication, &withdrawn, false, stage.now_ns), 0);
	CU_ASSERT_EQUAL(publication_put(publication, &withdrawn, true, stage.now_ns), 0);
	stage_stop(&stage);
	see(&seen, &stage, "default");
	CU_ASSERT_TRUE(seen.is_there);
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_FALSE(holds_anywhere(&seen, "first"));
	end(&stage);
}

static void nothing_is_left_of_a_segment_that_could_not_be_made(void)
{
	struct publication *publication;
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	publication = begin(&stage);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, long_token), -ENOSPC);
	CU_ASSERT_EQUAL(count_segments(&stage), 1);
	end(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(the_old_token_stays_until_there_is_room),
		TEST(tries_are_further_and_further_apart),
		TEST(a_token_that_fits_ends_the_error),
		TEST(publishing_in_place_needs_no_room),
		TEST(an_adopted_segment_needs_no_room),
		TEST(old_readers_get_no_new_token_but_a_withdraw),
		TEST(what_is_out_can_be_withdrawn_while_its_successor_waits),
		TEST(a_stop_does_not_wait_for_room_but_withdraws),
		TEST(nothing_is_left_of_a_segment_that_could_not_be_made),
		CU_TEST_INFO_NULL,
	};

	memset(long_token, 'L', LONG_BYTES);
	isolate_shm();
	return harness_run("full_tmpfs", tests);
}
