/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "publish/segment_wake.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

#define SLEEPERS 130

struct bedroom {
	_Atomic uint32_t word;
	pthread_t threads[SLEEPERS];
};

static void *sleep_until_woken(void *argument)
{
	struct bedroom *bedroom = argument;

	while (syscall(SYS_futex, &bedroom->word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0)
		;
	return NULL;
}

/* Counted by the kernel: moving the sleepers of a word to that same word disturbs none of them. */
static long asleep(struct bedroom *bedroom)
{
	return syscall(SYS_futex, &bedroom->word, FUTEX_CMP_REQUEUE, 0, INT_MAX, &bedroom->word, 0);
}

static void put_to_sleep(struct bedroom *bedroom)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	pthread_attr_t small;

	bedroom->word = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_attr_init(&small), 0);
	CU_ASSERT_EQUAL(pthread_attr_setstacksize(&small, 65536), 0);
	for (size_t i = 0; i < SLEEPERS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&bedroom->threads[i], &small, sleep_until_woken, bedroom),
			0);
	(void)pthread_attr_destroy(&small);
	while (asleep(bedroom) < SLEEPERS)
		(void)nanosleep(&pause, NULL);
}

static void wake_the_rest(struct bedroom *bedroom)
{
	(void)syscall(SYS_futex, &bedroom->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	for (size_t i = 0; i < SLEEPERS; i++)
		(void)pthread_join(bedroom->threads[i], NULL);
}

static void sleepers_are_woken_in_batches(void)
{
	static struct bedroom bedroom;
	struct segment_wake wake;

	put_to_sleep(&bedroom);
	segment_wake_start(&wake);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_EQUAL(asleep(&bedroom), SLEEPERS - 64);
	CU_ASSERT_TRUE(wake.is_due);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_EQUAL(asleep(&bedroom), SLEEPERS - 128);
	CU_ASSERT_TRUE(wake.is_due);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_EQUAL(asleep(&bedroom), 0);
	CU_ASSERT_FALSE(wake.is_due);
	wake_the_rest(&bedroom);
}

static void sleepers_that_go_on_sleeping_do_not_keep_it_going(void)
{
	static struct bedroom bedroom;
	struct segment_wake wake = {.woken = SEGMENT_WAKE_TOTAL - 64, .is_due = true};

	put_to_sleep(&bedroom);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_FALSE(wake.is_due);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_EQUAL(asleep(&bedroom), SLEEPERS - 64);
	segment_wake_start(&wake);
	CU_ASSERT_EQUAL(wake.woken, 0);
	wake_the_rest(&bedroom);
}

static void nothing_happens_unless_it_is_due(void)
{
	static struct bedroom bedroom;
	struct segment_wake wake = {.is_due = false};

	put_to_sleep(&bedroom);
	segment_wake_run(&wake, &bedroom.word);
	CU_ASSERT_EQUAL(asleep(&bedroom), SLEEPERS);
	wake_the_rest(&bedroom);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(sleepers_are_woken_in_batches),
		TEST(sleepers_that_go_on_sleeping_do_not_keep_it_going),
		TEST(nothing_happens_unless_it_is_due),
		CU_TEST_INFO_NULL,
	};

	return harness_run("segment_wake", tests);
}
