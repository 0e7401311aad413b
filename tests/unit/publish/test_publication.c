/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "tokenbroker.h"

#define OLD_TOKEN "an-old-token-of-some-length"

static int put(struct stage *stage, struct publication *publication, const char *token,
	       uint64_t generation)
{
	struct publication_content content = valid_content(token, generation);

	return publication_put(publication, &content, false, stage->now_ns);
}

static int withdraw(struct stage *stage, struct publication *publication, bool scrub)
{
	struct publication_content content = no_content(1);

	return publication_put(publication, &content, scrub, stage->now_ns);
}

static void the_first_put_makes_link_and_segment(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "first");
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_EQUAL(seen.head, 1);
	CU_ASSERT_EQUAL(seen.size, 4096);
	CU_ASSERT_PTR_EQUAL(strstr(seen.target, "/dev/shm/tokenbroker.default."), seen.target);
	CU_ASSERT_STRING_EQUAL(publication_segment_name(publication),
			       seen.target + strlen("/dev/shm"));
	CU_ASSERT_EQUAL(publication_publishes(publication), 1);
	CU_ASSERT_EQUAL(publication_error(publication), 0);
	stage_close(&stage);
}

static void a_directory_can_hold_the_segments(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	publication = publish_first(&stage, "first");
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.target, "/tokens/../segments/default."));
	CU_ASSERT_PTR_EQUAL(strstr(publication_segment_name(publication), "segments/default."),
			    publication_segment_name(publication));
	stage_close(&stage);
}

static void before_the_first_put_there_is_nothing(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication_found found;
	struct publication *publication;
	struct stage stage;
	bool was_gone = false;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_FALSE(found.has_content);
	CU_ASSERT_PTR_NULL(publication_content(publication));
	CU_ASSERT_STRING_EQUAL(publication_segment_name(publication), "");
	CU_ASSERT_EQUAL(publication_check_name(publication, stage.now_ns, &was_gone), 0);
	CU_ASSERT_FALSE(was_gone);
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);
	see(&seen, &stage, "default");
	CU_ASSERT_FALSE(seen.is_there);
	stage_close(&stage);
}

static void all_words_of_a_content_arrive(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	const size_t slot = TOKENBROKER_SEGMENT_SLOT_OFFSET + 896;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "first");
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_EQUAL(seen.generation, 1);
	CU_ASSERT_EQUAL(word_at(&seen, slot + TOKENBROKER_SLOT_EXPIRES_BOOTTIME),
			START_NS + 3600 * NS_PER_S);
	CU_ASSERT_EQUAL(word_at(&seen, slot + TOKENBROKER_SLOT_EXPIRES_REALTIME), 7200 * NS_PER_S);
	CU_ASSERT_EQUAL(word_at(&seen, slot + TOKENBROKER_SLOT_ISSUED_REALTIME), 3600 * NS_PER_S);
	CU_ASSERT_EQUAL(word_at(&seen, slot + TOKENBROKER_SLOT_SOURCE_ID), 0x5012ce);
	stage_close(&stage);
}

static void of_a_burst_the_newest_is_published(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "token-1");
	CU_ASSERT_EQUAL(put(&stage, publication, "token-2", 2), 0);
	CU_ASSERT_EQUAL(put(&stage, publication, "token-3", 3), 0);
	CU_ASSERT_EQUAL(put(&stage, publication, "token-4", 4), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "token-1"));
	CU_ASSERT_STRING_EQUAL(publication_content(publication)->token, "token-4");

	publisher_run(stage.publisher, stage.now_ns); /* wakes */
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), START_NS + NS_PER_MS);
	publisher_run(stage.publisher, START_NS + NS_PER_MS - 1);
	CU_ASSERT_TRUE(shows(&seen, &stage, "token-1"));
	publisher_run(stage.publisher, START_NS + NS_PER_MS);
	CU_ASSERT_TRUE(shows(&seen, &stage, "token-4"));
	CU_ASSERT_EQUAL(seen.head, 2);
	CU_ASSERT_FALSE(holds_anywhere(&seen, "token-2"));
	CU_ASSERT_FALSE(holds_anywhere(&seen, "token-3"));
	CU_ASSERT_EQUAL(publication_publishes(publication), 2);
	stage_close(&stage);
}

static void puts_a_millisecond_apart_are_seen_at_once(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "token-1");
	stage.now_ns += NS_PER_MS;
	CU_ASSERT_EQUAL(put(&stage, publication, "token-2", 2), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "token-2"));
	stage.now_ns += NS_PER_MS;
	CU_ASSERT_EQUAL(withdraw(&stage, publication, true), 0);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(seen.length, 0);
	stage_close(&stage);
}

/* A reader that sleeps on the segment that was seen last. */
struct sleeper {
	char *base;
	size_t size;
	pthread_t thread;
};

static void *sleep_on_wake(void *argument)
{
	const struct timespec patience = {.tv_sec = 5};
	const struct sleeper *sleeper = argument;
	char *wake = sleeper->base + TOKENBROKER_SEGMENT_WAKE_OFFSET;
	const volatile uint32_t *word = (const volatile uint32_t *)(void *)wake;

	return syscall(SYS_futex, wake, FUTEX_WAIT, *word, &patience, NULL, 0) == 0 ? argument
										    : NULL;
}

static void put_to_sleep(struct sleeper *sleeper, const struct seen *seen)
{
	CLEANUP(close_fd) int fd = hold(seen);
	const struct timespec pause = {.tv_nsec = 1000000};
	char *wake;

	sleeper->size = seen->size;
	sleeper->base = mmap(NULL, seen->size, PROT_READ, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(sleeper->base != MAP_FAILED);
	wake = sleeper->base + TOKENBROKER_SEGMENT_WAKE_OFFSET;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&sleeper->thread, NULL, sleep_on_wake, sleeper), 0);
	/* Moving the sleepers of a word to that same word counts them and disturbs none. */
	while (syscall(SYS_futex, wake, FUTEX_CMP_REQUEUE, 0, 1, wake, seen->wake) < 1)
		(void)nanosleep(&pause, NULL);
}

static bool was_woken(struct sleeper *sleeper)
{
	void *woken = NULL;

	CU_ASSERT_EQUAL(pthread_join(sleeper->thread, &woken), 0);
	(void)munmap(sleeper->base, sleeper->size);
	return woken != NULL;
}

/* No turn of the loop lies between the publish and the first sleepers. */
static void sleepers_are_woken_by_the_put_itself(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct sleeper sleeper;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "token-1");
	see(&seen, &stage, "default");
	stage.now_ns += NS_PER_MS;
	put_to_sleep(&sleeper, &seen);
	CU_ASSERT_EQUAL(put(&stage, publication, "token-2", 2), 0);
	CU_ASSERT_TRUE(was_woken(&sleeper));
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);

	see(&seen, &stage, "default");
	put_to_sleep(&sleeper, &seen);
	CU_ASSERT_EQUAL(withdraw(&stage, publication, false), 0);
	CU_ASSERT_TRUE(was_woken(&sleeper));
	stage_close(&stage);
}

static void a_scrub_leaves_no_byte_of_the_old_token(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;
	uint32_t wake;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	for (uint64_t generation = 2; generation <= 4; generation++) {
		stage_pass_ms(&stage, 1);
		CU_ASSERT_EQUAL(put(&stage, publication, OLD_TOKEN, generation), 0);
	}
	stage_pass_ms(&stage, 1);
	see(&seen, &stage, "default");
	wake = seen.wake;
	CU_ASSERT_EQUAL(withdraw(&stage, publication, true), 0);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_TRUE(holds_anywhere(&seen, OLD_TOKEN));
	for (uint64_t head = 5; head <= 8; head++) {
		see(&seen, &stage, "default");
		CU_ASSERT_EQUAL(seen.head, head);
		CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
		CU_ASSERT_EQUAL(seen.wake, wake + 1);
		stage_pass_ms(&stage, 1);
		publisher_run(stage.publisher, stage.now_ns);
	}
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	CU_ASSERT_FALSE(holds_anywhere(&seen, "old-token"));
	CU_ASSERT_EQUAL(publisher_next_ns(stage.publisher), INT64_MAX);
	CU_ASSERT_EQUAL(publication_publishes(publication), 5);
	stage_close(&stage);
}

static void a_put_in_the_middle_of_a_scrub_takes_its_place(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(withdraw(&stage, publication, true), 0); /* 2 */
	stage_pass_ms(&stage, 2);                                /* 3 */
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, "the-new-one", 2), 0);
	stage_pass_ms(&stage, 20);
	CU_ASSERT_TRUE(shows(&seen, &stage, "the-new-one"));
	CU_ASSERT_EQUAL(seen.head, 5); /* four publishes after the old token, as without the put */
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	stage_close(&stage);
}

static void a_withdraw_does_not_wait_for_its_turn(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	CU_ASSERT_EQUAL(withdraw(&stage, publication, true), 0);
	see(&seen, &stage, "default");
	CU_ASSERT_EQUAL(seen.state, TOKENBROKER_SEGMENT_NONE);
	CU_ASSERT_EQUAL(seen.head, 2);
	stage_close(&stage);
}

static void a_scrub_is_owed_even_if_its_content_was_overtaken(void)
{
	const struct publication_content overtaken = valid_content("overtaken", 2);
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	CU_ASSERT_EQUAL(publication_put(publication, &overtaken, true, stage.now_ns), 0);
	CU_ASSERT_EQUAL(put(&stage, publication, "the-new-one", 3), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_TRUE(shows(&seen, &stage, "the-new-one"));
	CU_ASSERT_EQUAL(seen.head, 5);
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	stage_close(&stage);
}

static void a_clean_stop_finishes_what_was_begun(void)
{
	const struct publication_content deferred = valid_content("deferred", 2);
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	CU_ASSERT_EQUAL(publication_put(publication, &deferred, true, stage.now_ns), 0);
	stage_stop(&stage);
	CU_ASSERT_TRUE(shows(&seen, &stage, "deferred"));
	CU_ASSERT_EQUAL(seen.head, 5);
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	stage_close(&stage);
}

static void a_token_that_is_too_long_changes_nothing(void)
{
	static char too_long[TOKENBROKER_TOKEN_MAX + 2];
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	memset(too_long, 'x', TOKENBROKER_TOKEN_MAX + 1);
	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "first");
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, too_long, 2), -EMSGSIZE);
	stage_pass_ms(&stage, 2);
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	CU_ASSERT_STRING_EQUAL(publication_content(publication)->token, "first");
	stage_close(&stage);
}

static void what_was_put_may_be_put_again(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, "first");
	CU_ASSERT_EQUAL(put(&stage, publication, "second", 2), 0); /* deferred */
	CU_ASSERT_EQUAL(
		publication_put(publication, publication_content(publication), true, stage.now_ns),
		0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_EQUAL(
		publication_put(publication, publication_content(publication), true, stage.now_ns),
		0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "second"));
	CU_ASSERT_FALSE(holds_anywhere(&seen, "first"));
	stage_close(&stage);
}

static void a_restarted_broker_finds_the_token_and_publishes_nothing_by_itself(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen before = {.is_there = false};
	CLEANUP(seen) struct seen after = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "first");
	CU_ASSERT_TRUE(shows(&before, &stage, "first"));
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_TRUE(found.has_content);
	CU_ASSERT_EQUAL(found.content.generation, 1);
	CU_ASSERT_STRING_EQUAL(found.content.token, "first");
	CU_ASSERT_STRING_EQUAL(found.token->data, "first");
	stage_pass_ms(&stage, 5);
	CU_ASSERT_TRUE(shows(&after, &stage, "first"));
	CU_ASSERT_STRING_EQUAL(after.target, before.target);
	CU_ASSERT_EQUAL(after.head, before.head);
	CU_ASSERT_EQUAL(after.epoch, before.epoch + 1);
	CU_ASSERT_EQUAL(after.wake, before.wake + 1);
	stage_close(&stage);
}

static void an_adopted_segment_is_published_into(void)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = false};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication *publication;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	publication = publish_first(&stage, OLD_TOKEN);
	stage_pass_ms(&stage, 1);
	CU_ASSERT_EQUAL(put(&stage, publication, "current", 2), 0);
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL(publication_new(&publication, stage.publisher, "default", &nobody, &found),
			0);
	CU_ASSERT_EQUAL(publication_put(publication, &found.content, true, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "current"));
	CU_ASSERT_EQUAL(seen.head, 3);
	stage_pass_ms(&stage, 5);
	CU_ASSERT_TRUE(shows(&seen, &stage, "current"));
	CU_ASSERT_EQUAL(seen.head, 6);
	CU_ASSERT_FALSE(holds_anywhere(&seen, OLD_TOKEN));
	stage_close(&stage);
}

static void publications_do_not_mix(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication_content content = valid_content("the-other", 9);
	struct publication_found found;
	struct publication *other;
	struct stage stage;

	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(&stage, "first");
	CU_ASSERT_EQUAL(publication_new(&other, stage.publisher, "other", &nobody, &found), 0);
	CU_ASSERT_EQUAL(publication_put(other, &content, false, stage.now_ns), 0);
	CU_ASSERT_EQUAL(publication_remove(other, stage.now_ns), 0);
	stage_pass_ms(&stage, 10);
	see(&seen, &stage, "other");
	CU_ASSERT_FALSE(seen.is_there);
	CU_ASSERT_TRUE(shows(&seen, &stage, "first"));
	stage_close(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(the_first_put_makes_link_and_segment),
		TEST(a_directory_can_hold_the_segments),
		TEST(before_the_first_put_there_is_nothing),
		TEST(all_words_of_a_content_arrive),
		TEST(of_a_burst_the_newest_is_published),
		TEST(puts_a_millisecond_apart_are_seen_at_once),
		TEST(sleepers_are_woken_by_the_put_itself),
		TEST(a_scrub_leaves_no_byte_of_the_old_token),
		TEST(a_put_in_the_middle_of_a_scrub_takes_its_place),
		TEST(a_withdraw_does_not_wait_for_its_turn),
		TEST(a_scrub_is_owed_even_if_its_content_was_overtaken),
		TEST(a_clean_stop_finishes_what_was_begun),
		TEST(a_token_that_is_too_long_changes_nothing),
		TEST(what_was_put_may_be_put_again),
		TEST(a_restarted_broker_finds_the_token_and_publishes_nothing_by_itself),
		TEST(an_adopted_segment_is_published_into),
		TEST(publications_do_not_mix),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("publication", tests);
}
