/* SPDX-License-Identifier: MIT */
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"

/* Passed on to COMMAND; SIGCHLD tells that it ended. */
static const int signals[] = {SIGTERM, SIGINT,   SIGHUP,  SIGQUIT, SIGUSR1,
			      SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD};

void run_child_init(struct run_child *child)
{
	struct sigaction reset = {.sa_handler = SIG_DFL};
	sigset_t blocked;

	*child = (struct run_child){0};
	(void)sigemptyset(&child->signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&child->signals, signals[i]);
	blocked = child->signals;
	/* Nor does a message that nobody reads: the write fails. Not passed on, so not fetched. */
	(void)sigaddset(&blocked, SIGPIPE);
	(void)sigprocmask(SIG_BLOCK, &blocked, &child->old_mask);
	/* With SIGCHLD ignored the kernel would throw COMMAND's status away. */
	(void)sigaction(SIGCHLD, &reset, &child->old_child);
}

/* In the child: becomes COMMAND, or tells why not through the pipe. */
static _Noreturn void become(const struct run_child *child, char *const command[], int pipe_fd)
{
	int error;

	(void)sigaction(SIGCHLD, &child->old_child, NULL);
	(void)sigprocmask(SIG_SETMASK, &child->old_mask, NULL);
	(void)execvp(command[0], command);
	error = errno;
	(void)!write(pipe_fd, &error, sizeof(error));
	_exit(127);
}

int run_child_start(struct run_child *child, char *const command[], const char *variable,
		    const char *value)
{
	CLEANUP(close_fd) int read_fd = -1;
	CLEANUP(close_fd) int write_fd = -1;
	int pipe_fds[2];
	int error = 0;
	pid_t pid;

	if (setenv(variable, value, 1) < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(child, command, write_fd);
	(void)close(write_fd);
	write_fd = -1;
	/* The end of the pipe is closed by a successful exec. */
	if (read(read_fd, &error, sizeof(error)) == (ssize_t)sizeof(error)) {
		(void)waitpid(pid, NULL, 0);
		return -error;
	}
	child->pid = pid;
	return 0;
}

bool run_child_must_pass_on(int signal, int code)
{
	if (signal == SIGCHLD)
		return false;
	/* SI_KERNEL: typed at the terminal, which sent it to COMMAND, too. A shell's `fg` sends
	 * SIGCONT to both; twice does no harm, once to us alone would leave COMMAND stopped. */
	return code <= 0 || signal == SIGCONT;
}

/* As SIGTSTP would have done unblocked: the kernel leaves a process alone whose parent could not
 * continue it. Returns when somebody has. */
static void stop(void)
{
	sigset_t stop_signal;

	(void)sigemptyset(&stop_signal);
	(void)sigaddset(&stop_signal, SIGTSTP);
	(void)raise(SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &stop_signal, NULL);
	(void)sigprocmask(SIG_BLOCK, &stop_signal, NULL);
}

static void pass_on(const struct run_child *child, const siginfo_t *info)
{
	if (run_child_must_pass_on(info->si_signo, info->si_code))
		(void)kill(child->pid, info->si_signo);
	if (info->si_signo == SIGTSTP)
		stop(); /* a shell sees us stop as it would see COMMAND */
}

/* true: COMMAND has ended. */
static bool reap(struct run_child *child, int *ret_status)
{
	int status;

	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	child->pid = 0;
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

bool run_child_wait(struct run_child *child, int timeout_ms, int *ret_status)
{
	int64_t deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;

	for (;;) {
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		const struct timespec left = {left_ns / NS_PER_S, left_ns % NS_PER_S};
		siginfo_t info;

		if (reap(child, ret_status))
			return true;
		if (left_ns <= 0)
			return false;
		if (sigtimedwait(&child->signals, &info, &left) > 0)
			pass_on(child, &info);
	}
}
