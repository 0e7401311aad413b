/* SPDX-License-Identifier: MIT */
#include "cli/run_child.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness.h"

enum { LONG_MS = 20000 };

/* Runs a shell script to its end. The mask of this program is put back. */
static int status_of(const char *script)
{
	char *const command[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
				 (char *)(uintptr_t)script, NULL};
	struct run_child child;
	int status = -1;

	run_child_init(&child);
	CU_ASSERT_EQUAL(run_child_start(&child, command, "SOME_FILE", "/some/where"), 0);
	CU_ASSERT_TRUE(run_child_wait(&child, LONG_MS, &status));
	(void)sigprocmask(SIG_SETMASK, &child.old_mask, NULL);
	return status;
}

static int error_of(const char *name)
{
	char *const command[] = {(char *)(uintptr_t)name, NULL};
	struct run_child child;
	int r;

	run_child_init(&child);
	r = run_child_start(&child, command, "SOME_FILE", "/some/where");
	(void)sigprocmask(SIG_SETMASK, &child.old_mask, NULL);
	return r;
}

static void the_status_is_the_commands(void)
{
	CU_ASSERT_EQUAL(status_of("exit 0"), 0);
	CU_ASSERT_EQUAL(status_of("exit 42"), 42);
	CU_ASSERT_EQUAL(status_of("exit 255"), 255);
}

static void a_signal_counts_from_128_as_in_sh(void)
{
	CU_ASSERT_EQUAL(status_of("kill -TERM $$"), 128 + SIGTERM);
	CU_ASSERT_EQUAL(status_of("kill -KILL $$"), 128 + SIGKILL);
}

static void the_variable_is_in_its_environment(void)
{
	CU_ASSERT_EQUAL(status_of("test \"$SOME_FILE\" = /some/where"), 0);
}

static void what_cannot_be_executed_says_why(void)
{
	CU_ASSERT_EQUAL(error_of("/nowhere/at/all"), -ENOENT);
	CU_ASSERT_EQUAL(error_of("no-such-command-anywhere"), -ENOENT);
	CU_ASSERT_EQUAL(error_of("/dev/null"), -EACCES);
}

static void its_signal_mask_is_as_it_was(void)
{
	/* Linux: SigBlk in hexadecimal. */
	CU_ASSERT_EQUAL(status_of("grep -q '^SigBlk:.*0000000000000000$' /proc/self/status"), 0);
}

/* The file would be left behind if a closed stderr ended us. */
static void a_message_that_nobody_reads_does_not_end_us(void)
{
	const struct timespec now = {0};
	struct run_child child;
	sigset_t broken_pipe;

	run_child_init(&child);
	(void)raise(SIGPIPE);
	(void)sigemptyset(&broken_pipe);
	(void)sigaddset(&broken_pipe, SIGPIPE);
	CU_ASSERT_EQUAL(sigtimedwait(&broken_pipe, NULL, &now), SIGPIPE);
	(void)sigprocmask(SIG_SETMASK, &child.old_mask, NULL);
}

static void ignored_children_still_have_a_status(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
	CU_ASSERT_EQUAL(status_of("exit 7"), 7);
	(void)signal(SIGCHLD, SIG_DFL);
}

static void signals_sent_to_us_reach_it(void)
{
	static const int passed[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		/* COMMAND sends it to its parent, which is us, and hears it in return. */
		char script[128];

		/* Under nohup(1) it would be ignored, and a shell cannot trap that. */
		(void)signal(passed[i], SIG_DFL);
		(void)snprintf(script, sizeof(script),
			       "trap 'exit 9' %d; kill -%d $PPID; while :; do sleep 0.01; done",
			       passed[i], passed[i]);
		CU_ASSERT_EQUAL(status_of(script), 9);
	}
}

static void a_stop_stops_us_both_and_a_continue_wakes_us(void)
{
	char *const command[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
				 (char *)(uintptr_t) "kill -TSTP $PPID; sleep 0.3; exit 5", NULL};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct run_child child;

		(void)setpgid(0, 0); /* with a parent outside of it, the group is no orphan */
		run_child_init(&child);
		if (run_child_start(&child, command, "X", "") < 0 ||
		    !run_child_wait(&child, LONG_MS, &status))
			_exit(1);
		_exit(status);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CU_ASSERT_TRUE(WIFSTOPPED(status));
	(void)kill(pid, SIGCONT);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static void what_the_terminal_sends_is_not_sent_twice(void)
{
	CU_ASSERT_FALSE(run_child_must_pass_on(SIGINT, SI_KERNEL));
	CU_ASSERT_FALSE(run_child_must_pass_on(SIGWINCH, SI_KERNEL));
	CU_ASSERT_TRUE(run_child_must_pass_on(SIGINT, SI_USER));
	CU_ASSERT_TRUE(run_child_must_pass_on(SIGTERM, SI_TKILL));
	CU_ASSERT_TRUE(run_child_must_pass_on(SIGCONT, SI_KERNEL));
	CU_ASSERT_FALSE(run_child_must_pass_on(SIGCHLD, SI_USER));
}

static void waiting_ends_when_its_time_is_over(void)
{
	char *const command[] = {(char *)(uintptr_t) "sleep", (char *)(uintptr_t) "30", NULL};
	struct run_child child;
	int64_t start_ns = clock_monotonic_ns();
	int status = -1;

	run_child_init(&child);
	CU_ASSERT_EQUAL_FATAL(run_child_start(&child, command, "X", ""), 0);
	CU_ASSERT_FALSE(run_child_wait(&child, 50, &status));
	CU_ASSERT(clock_monotonic_ns() - start_ns >= 50 * NS_PER_MS);
	CU_ASSERT_EQUAL(status, -1);
	(void)kill(child.pid, SIGKILL);
	CU_ASSERT_TRUE(run_child_wait(&child, LONG_MS, &status));
	(void)sigprocmask(SIG_SETMASK, &child.old_mask, NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_status_is_the_commands", the_status_is_the_commands},
		{"a_signal_counts_from_128_as_in_sh", a_signal_counts_from_128_as_in_sh},
		{"the_variable_is_in_its_environment", the_variable_is_in_its_environment},
		{"what_cannot_be_executed_says_why", what_cannot_be_executed_says_why},
		{"its_signal_mask_is_as_it_was", its_signal_mask_is_as_it_was},
		{"a_message_that_nobody_reads_does_not_end_us",
		 a_message_that_nobody_reads_does_not_end_us},
		{"ignored_children_still_have_a_status", ignored_children_still_have_a_status},
		{"signals_sent_to_us_reach_it", signals_sent_to_us_reach_it},
		{"a_stop_stops_us_both_and_a_continue_wakes_us",
		 a_stop_stops_us_both_and_a_continue_wakes_us},
		{"what_the_terminal_sends_is_not_sent_twice",
		 what_the_terminal_sends_is_not_sent_twice},
		{"waiting_ends_when_its_time_is_over", waiting_ends_when_its_time_is_over},
		CU_TEST_INFO_NULL,
	};

	return harness_run("run_child", tests);
}
