/* SPDX-License-Identifier: MIT */
/* A broker that dies at any instant: what readers see, and what the next broker makes of it. */
#include "fixture.h"

#include "publish/adopt.h"
#include "publish/publisher_private.h"
#include "publish/token_link.h"

#define OLD_TOKEN "the-old-token-that-readers-have"
#define NEW_TOKEN "the-new-token"

/* The steps of one publish (segment_writer.h), in order. */
enum step { STEP_NONE, STEP_BEGIN, STEP_FILL, STEP_SEAL, STEP_COMMIT, STEP_WAKE };

/* Adopts the segment, begins to publish NEW_TOKEN and stops after the step for good. */
static void die_after(const struct stage *stage, enum step last)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	const struct publication_content content = valid_content(NEW_TOKEN, 2);
	struct segment_writer *writer;
	struct segment_name name;
	uint64_t seq = 0;

	CU_ASSERT_EQUAL_FATAL(token_link_read(stage->dir, "default", &name), 0);
	CU_ASSERT_EQUAL_FATAL(
		adopt_segment(&result, stage->dir, &stage->publisher->identity, &name, &nobody), 0);
	CU_ASSERT_EQUAL_FATAL(result.verdict, ADOPT_CONTINUE);
	writer = &result.segment->writer;
	if (last >= STEP_BEGIN)
		seq = segment_writer_begin(writer);
	if (last >= STEP_FILL)
		segment_writer_fill(writer, seq, &content);
	if (last >= STEP_SEAL)
		segment_writer_seal(writer, seq, &content);
	if (last >= STEP_COMMIT)
		segment_writer_commit(writer, seq);
	if (last >= STEP_WAKE)
		segment_writer_move_wake(writer);
}

/* The next broker keeps what readers saw, and nothing of the other token stays. */
static void expect_recovery(struct stage *stage, const char *kept, const char *lost)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	uint32_t wake;

	CU_ASSERT_TRUE(shows(&seen, stage, kept));
	wake = seen.wake;
	CU_ASSERT_EQUAL_FATAL(
		publication_new(&publication, stage->publisher, "default", &nobody, &found), 0);
	CU_ASSERT_TRUE_FATAL(found.has_content);
	CU_ASSERT_STRING_EQUAL(found.content.token, kept);
	CU_ASSERT_TRUE(shows(&seen, stage, kept));
	CU_ASSERT_EQUAL(seen.wake, wake + 1); /* for those who slept through the commit */
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage->now_ns), 0);
	stage_pass_ms(stage, 5);
	CU_ASSERT_TRUE(shows(&seen, stage, kept));
	CU_ASSERT_FALSE(holds_anywhere(&seen, lost));
}

static void a_kill_at_any_step_of_a_publish_costs_nothing(void)
{
	for (int step = STEP_NONE; step <= STEP_WAKE; step++) {
		bool is_committed = step >= STEP_COMMIT;
		struct stage stage;

		stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
		(void)publish_first(&stage, OLD_TOKEN);
		stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
		die_after(&stage, (enum step)step);
		expect_recovery(&stage, is_committed ? NEW_TOKEN : OLD_TOKEN,
				is_committed ? OLD_TOKEN : NEW_TOKEN);
		stage_close(&stage);
	}
}

/* Each kill leaves another half-filled slot; the ring goes round several times. */
static void kills_one_after_another_cost_nothing(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, OLD_TOKEN);
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	for (int round = 0; round < 12; round++) {
		die_after(&stage, (enum step)(STEP_BEGIN + round % 3));
		CU_ASSERT_TRUE(shows(&seen, &stage, OLD_TOKEN));
	}
	expect_recovery(&stage, OLD_TOKEN, NEW_TOKEN);
	stage_close(&stage);
}

static bool publish_and_withdraw(struct stage *stage)
{
	struct publication_content content = valid_content(OLD_TOKEN, 1);
	const struct publication_content withdrawn = no_content(1);
	struct publication_found found;
	struct publication *publication;
	int r = publication_new(&publication, stage->publisher, "default", &nobody, &found);

	for (int i = 0; i < 4 && r == 0; i++) {
		r = publication_put(publication, &content, false, stage->now_ns);
		stage_pass_ms(stage, 2);
	}
	return r == 0 && publication_put(publication, &withdrawn, true, stage->now_ns) == 0;
}

static void a_kill_in_the_middle_of_a_scrub_is_made_good(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	stage_stop(&stage);
	CU_ASSERT_TRUE(stage_die_after(&stage, RUNTIME_DIR_BACKING_SHM, publish_and_withdraw));
	see(&seen, &stage, "default");
	CU_ASSERT_TRUE(holds_anywhere(&seen, OLD_TOKEN));
	stage_start(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_TRUE_FATAL(found.has_content);
	CU_ASSERT_EQUAL(found.content.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	stage_pass_ms(&stage, 5);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	stage_close(&stage);
}

static bool outgrow(struct stage *stage)
{
	char grown[2001];
	struct publication_content content = valid_content(OLD_TOKEN, 1);
	struct publication_found found;
	struct publication *publication;

	memset(grown, 'G', sizeof(grown) - 1);
	grown[sizeof(grown) - 1] = '\0';
	if (publication_new(&publication, stage->publisher, "default", &nobody, &found) < 0 ||
	    publication_put(publication, &content, false, stage->now_ns) < 0)
		return false;
	stage_pass_ms(stage, 2);
	content = valid_content(grown, 2);
	return publication_put(publication, &content, false, stage->now_ns) == 0;
}

static void a_kill_in_the_middle_of_a_replacement_is_made_good(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	stage_stop(&stage);
	CU_ASSERT_TRUE(stage_die_after(&stage, RUNTIME_DIR_BACKING_DIRECTORY, outgrow));
	CU_ASSERT_EQUAL(count_segments(&stage), 2);
	stage_start(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_TRUE(found.has_content);
	CU_ASSERT_EQUAL(found.content.length, 2000);
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_EQUAL(count_segments(&stage), 1);
	stage_close(&stage);
}

static bool remove_token(struct stage *stage)
{
	struct publication *publication = publish_first(stage, OLD_TOKEN);

	return publication_remove(publication, stage->now_ns) == 0;
}

static void a_kill_in_the_middle_of_a_removal_is_made_good(void)
{
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	stage_stop(&stage);
	CU_ASSERT_TRUE(stage_die_after(&stage, RUNTIME_DIR_BACKING_DIRECTORY, remove_token));
	CU_ASSERT_EQUAL(count_segments(&stage), 1);
	stage_start(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_EQUAL(count_segments(&stage), 0);
	stage_close(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_kill_at_any_step_of_a_publish_costs_nothing),
		TEST(kills_one_after_another_cost_nothing),
		TEST(a_kill_in_the_middle_of_a_scrub_is_made_good),
		TEST(a_kill_in_the_middle_of_a_replacement_is_made_good),
		TEST(a_kill_in_the_middle_of_a_removal_is_made_good),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("kill", tests);
}
