/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "harness.h"
#include "stage.h"

/* Something that happens after a while, in a thread of its own. */
struct later {
	int64_t after_ms;
	void (*act)(const struct later *later);
	const struct stage *stage;
	struct stage_segment *segment;
	pthread_t thread;
};

static void *run_later(void *argument)
{
	const struct later *later = argument;

	stage_sleep_ms(later->after_ms);
	later->act(later);
	return NULL;
}

static void start(struct later *later)
{
	STAGE_MUST(pthread_create(&later->thread, NULL, run_later, later) == 0);
}

static void join(struct later *later)
{
	STAGE_MUST(pthread_join(later->thread, NULL) == 0);
}

static void publish_8(const struct later *later)
{
	stage_publish_token(later->segment, 8, "token-8");
}

static void wake_in_vain(const struct later *later)
{
	stage_wake(later->segment);
}

static void show_b(const struct later *later)
{
	struct stage_segment segment;

	stage_create(later->stage, &segment, "b");
	stage_publish_token(&segment, 8, "token-8");
	stage_link(later->stage, segment.target);
}

static void replace_by_b(const struct later *later)
{
	show_b(later);
	stage_withdraw(later->segment, TOKENBROKER_SEGMENT_NONE, 7);
	stage_retire(later->segment);
}

static void interrupt(const struct later *later)
{
	(void)later;
	STAGE_MUST(kill(getpid(), SIGALRM) == 0);
}

static void on_alarm(int number)
{
	(void)number;
}

static void a_newer_token_is_there_already(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 0), 0);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 6, -1), 0);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 6, 1000), 0);
}

static void a_timeout_of_zero_looks_once(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 0), -ETIMEDOUT);
	stage_publish_token(&segment, 7, "token-7");
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, 0), -ETIMEDOUT);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 8, 0), -ETIMEDOUT);
}

static void the_timeout_is_kept(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	int64_t start_ns;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	start_ns = stage_now_ns();
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 80), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 80 && stage_ms_since(start_ns) < 1000);
}

static void a_publish_wakes_the_sleeper(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {.after_ms = 50, .act = publish_8, .segment = &segment};
	int64_t start_ns;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	WITH_HANDLE(tb);
	start_ns = stage_now_ns();
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, -1), 0);
	CU_ASSERT(stage_ms_since(start_ns) >= 50 && stage_ms_since(start_ns) < 3000);
	join(&later);
}

static void a_wake_up_without_a_publish_changes_nothing(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {.after_ms = 20, .act = wake_in_vain, .segment = &segment};
	int64_t start_ns;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	start_ns = stage_now_ns();
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 100), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 100);
	join(&later);
}

static void an_expired_token_is_not_usable(void)
{
	ON_STAGE(stage);
	const struct stage_content expired = {TOKENBROKER_SEGMENT_VALID, 9, -1, "token-9"};
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish(&segment, &expired);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 20), -ETIMEDOUT);
}

static void a_suspension_does_not_end_the_wait(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {.after_ms = 50, .act = publish_8, .segment = &segment};

	stage_show(&stage, &segment, "a");
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 7);
	WITH_HANDLE(tb);
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, 3000), 0);
	join(&later);
}

static void a_replaced_segment_is_followed_in_the_sleep(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {
		.after_ms = 50, .act = replace_by_b, .stage = &stage, .segment = &segment};
	int64_t start_ns;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	WITH_HANDLE(tb);
	start_ns = stage_now_ns();
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, 4000), 0);
	CU_ASSERT(stage_ms_since(start_ns) < 1000);
	join(&later);
}

static void a_token_that_is_removed_and_comes_back_ends_the_wait(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {.after_ms = 50, .act = show_b, .stage = &stage};

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	stage_unlink(&stage);
	stage_retire(&segment);
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, 3000), 0);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 8);
	join(&later);
}

/* An administrator removed the link, nobody retired the segment: its futex word will never move. */
static void a_segment_that_lost_its_link_is_not_slept_on(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct later later = {.after_ms = 50, .act = show_b, .stage = &stage};

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	stage_unlink(&stage);
	start(&later);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 7, 3000), 0);
	join(&later);
}

static void a_signal_ends_the_wait(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct later later = {.after_ms = 50, .act = interrupt};
	sigset_t alarm_only;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	STAGE_MUST(sigaction(SIGALRM, &action, NULL) == 0);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	STAGE_MUST(pthread_sigmask(SIG_BLOCK, &alarm_only, NULL) == 0); /* for the thread */
	start(&later);
	STAGE_MUST(pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL) == 0);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 3000), -EINTR);
	join(&later);
}

static void a_successor_that_cannot_be_used_ends_the_wait(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct stage_segment successor;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	stage_show(&stage, &successor, "b");
	STAGE_MUST(chmod(successor.path, 0666) == 0);
	stage_retire(&segment);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 3000), -EPERM);
}

static void many_sleepers_are_all_woken(void)
{
	enum { SLEEPERS = 8 };
	ON_STAGE(stage);
	struct stage_segment segment;
	int pipe_fds[2];
	char result;
	unsigned woken = 0;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	STAGE_MUST(pipe(pipe_fds) == 0);
	for (unsigned i = 0; i < SLEEPERS; i++)
		if (fork() == 0) {
			result = (char)(tokenbroker_wait(tb, 0, 5000) == 0);
			_exit(write(pipe_fds[1], &result, 1) != 1);
		}
	stage_sleep_ms(50);
	stage_publish_token(&segment, 7, "token-7");
	for (unsigned i = 0; i < SLEEPERS && read(pipe_fds[0], &result, 1) == 1; i++)
		woken += result == 1;
	CU_ASSERT_EQUAL(woken, SLEEPERS);
	while (wait(NULL) > 0)
		;
	STAGE_MUST(close(pipe_fds[0]) == 0 && close(pipe_fds[1]) == 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_newer_token_is_there_already", a_newer_token_is_there_already},
		{"a_timeout_of_zero_looks_once", a_timeout_of_zero_looks_once},
		{"the_timeout_is_kept", the_timeout_is_kept},
		{"a_publish_wakes_the_sleeper", a_publish_wakes_the_sleeper},
		{"a_wake_up_without_a_publish_changes_nothing",
		 a_wake_up_without_a_publish_changes_nothing},
		{"an_expired_token_is_not_usable", an_expired_token_is_not_usable},
		{"a_suspension_does_not_end_the_wait", a_suspension_does_not_end_the_wait},
		{"a_replaced_segment_is_followed_in_the_sleep",
		 a_replaced_segment_is_followed_in_the_sleep},
		{"a_token_that_is_removed_and_comes_back_ends_the_wait",
		 a_token_that_is_removed_and_comes_back_ends_the_wait},
		{"a_segment_that_lost_its_link_is_not_slept_on",
		 a_segment_that_lost_its_link_is_not_slept_on},
		{"a_signal_ends_the_wait", a_signal_ends_the_wait},
		{"a_successor_that_cannot_be_used_ends_the_wait",
		 a_successor_that_cannot_be_used_ends_the_wait},
		{"many_sleepers_are_all_woken", many_sleepers_are_all_woken},
		CU_TEST_INFO_NULL,
	};

	return harness_run("wait", tests);
}
