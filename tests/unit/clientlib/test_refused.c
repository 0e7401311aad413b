/* SPDX-License-Identifier: MIT */
/*
 * What the machine may refuse to an open and to a rejection, and what a rejection makes of it. This
 * program has functions of its own in the place of libc's, which refuse what a test wants refused;
 * its sockets lead nowhere, but to the answer that a test wants given.
 */
#undef _FORTIFY_SOURCE /* it would make others of the functions that are defined here */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "clientlib/runtime_dir.h"
#include "harness.h"
#include "stage.h"
#include "tokenbroker_control.h"

enum { TURNS = 2 };

/* The error of each call in turn; 0: it succeeds, as all that follow do. */
struct turns {
	int errors[TURNS];
	unsigned taken;
};

static struct {
	struct turns calloc_errors;
	struct turns asprintf_errors;
	struct turns strndup_errors;
	struct turns fstat_errors;
	struct turns socket_errors;
	struct turns setsockopt_errors;
	struct turns connect_errors;
	struct turns getsockopt_errors;
	struct turns send_errors;
	struct turns ppoll_errors;
	struct turns recv_errors;
	unsigned clock_calls; /* of CLOCK_BOOTTIME */
	unsigned jumps_after; /* so many of them the time is two seconds later; 0: never */
} now;

static void refuse_nothing(void)
{
	memset(&now, 0, sizeof(now));
}

/* Whether this call fails; errno says how. */
static bool is_refused(struct turns *turns)
{
	if (turns->taken == TURNS || turns->errors[turns->taken] == 0) {
		turns->taken = TURNS;
		return false;
	}
	errno = turns->errors[turns->taken++];
	return true;
}

static bool was_asked(const struct turns *turns)
{
	return turns->taken > 0;
}

void *calloc(size_t count, size_t size)
{
	void *memory;

	if (is_refused(&now.calloc_errors))
		return NULL;
	memory = reallocarray(NULL, count, size);
	if (memory != NULL)
		memset(memory, 0, count * size);
	return memory;
}

__attribute__((format(printf, 2, 0))) static int print(char **ret, const char *format,
						       va_list arguments)
{
	*ret = (char *)ret; /* whoever frees it after a failure is seen */
	return is_refused(&now.asprintf_errors) ? -1 : vasprintf(ret, format, arguments);
}

int asprintf(char **restrict ret, const char *restrict format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = print(ret, format, arguments);
	va_end(arguments);
	return length;
}

/* What the library calls where it is compiled with _FORTIFY_SOURCE. */
int __asprintf_chk(char **restrict ret, int flag, const char *restrict format, ...)
	__attribute__((format(printf, 3, 4)));
int __asprintf_chk(char **restrict ret, int flag, const char *restrict format, ...)
{
	va_list arguments;
	int length;

	(void)flag;
	va_start(arguments, format);
	length = print(ret, format, arguments);
	va_end(arguments);
	return length;
}

char *strndup(const char *text, size_t length)
{
	char *copy = is_refused(&now.strndup_errors) ? NULL : malloc(length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

int fstat(int fd, struct stat *ret)
{
	return is_refused(&now.fstat_errors) ? -1 : fstatat(fd, "", ret, AT_EMPTY_PATH);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock == CLOCK_BOOTTIME)
		now.clock_calls++;
	if (syscall(SYS_clock_gettime, clock, ret) < 0)
		return -1;
	if (now.jumps_after > 0 && now.clock_calls > now.jumps_after)
		ret->tv_sec += 2;
	return 0;
}

int socket(int domain, int type, int protocol)
{
	return is_refused(&now.socket_errors) ? -1
					      : (int)syscall(SYS_socket, domain, type, protocol);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	if (is_refused(&now.setsockopt_errors))
		return -1;
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	(void)fd;
	(void)address;
	(void)size;
	return is_refused(&now.connect_errors) ? -1 : 0;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	const struct ucred us = {.uid = geteuid()};

	(void)fd;
	STAGE_MUST(level == SOL_SOCKET && option == SO_PEERCRED && *size == sizeof(us));
	if (is_refused(&now.getsockopt_errors))
		return -1;
	memcpy(value, &us, sizeof(us));
	return 0;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	(void)fd;
	(void)data;
	(void)flags;
	return is_refused(&now.send_errors) ? -1 : (ssize_t)size;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	(void)fds;
	(void)timeout;
	(void)mask;
	return is_refused(&now.ppoll_errors) ? -1 : (int)count;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	const struct tokenbroker_control_answer accepted = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.result = TOKENBROKER_CONTROL_ACCEPTED,
	};

	(void)fd;
	(void)flags;
	STAGE_MUST(size == sizeof(accepted));
	if (is_refused(&now.recv_errors))
		return -1;
	memcpy(data, &accepted, sizeof(accepted));
	return (ssize_t)sizeof(accepted);
}

/* --- an open ---------------------------------------------------------------------------------- */

/* Nothing is given out, and a sanitizer sees what is left. */
static void must_not_open(int error)
{
	struct tokenbroker *tb = NULL;

	CU_ASSERT_EQUAL(tokenbroker_open(&tb, NULL), error);
	CU_ASSERT_PTR_NULL(tb);
	refuse_nothing();
}

static void an_open_without_memory_says_so(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	now.calloc_errors = (struct turns){.errors = {ENOMEM}};
	must_not_open(-ENOMEM);
	now.strndup_errors = (struct turns){.errors = {ENOMEM}}; /* of the directory */
	must_not_open(-ENOMEM);
	now.asprintf_errors = (struct turns){.errors = {ENOMEM}}; /* of the link */
	must_not_open(-ENOMEM);
	WITH_HANDLE(tb);
	CU_ASSERT_PTR_NOT_NULL(tb);
}

static void a_users_directory_without_memory_is_not_found(void)
{
	const struct runtime_dir_places places = {NULL, NULL, "/dev/shm"};
	char *path = NULL;

	now.asprintf_errors = (struct turns){.errors = {ENOMEM}};
	CU_ASSERT_EQUAL(runtime_dir_find(&places, &path), -ENOMEM);
	CU_ASSERT_PTR_NULL(path);
	refuse_nothing();
}

static void a_directory_that_cannot_be_looked_at_is_not_trusted(void)
{
	ON_STAGE(stage);
	uid_t owner = 12345;
	int fd = -1;

	now.fstat_errors = (struct turns){.errors = {EIO}};
	CU_ASSERT_EQUAL(runtime_dir_open(stage.dir, &fd, &owner), -EIO);
	CU_ASSERT(fd == -1 && owner == 12345);
	refuse_nothing();
}

/* --- a rejection ------------------------------------------------------------------------------ */

/* What it says when one of its calls fails in these turns. */
static int error_with(struct turns *turns, int first, int second)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	int r;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "a-token");
	WITH_HANDLE(tb);
	*turns = (struct turns){.errors = {first, second}};
	r = tokenbroker_reject(tb, 7);
	CU_ASSERT(was_asked(turns));
	refuse_nothing();
	return r;
}

static void what_a_rejection_lacks_is_told(void)
{
	CU_ASSERT_EQUAL(error_with(&now.socket_errors, EMFILE, 0), -EMFILE);
	CU_ASSERT_EQUAL(error_with(&now.setsockopt_errors, EDOM, 0), -EDOM);
	CU_ASSERT_EQUAL(error_with(&now.connect_errors, EACCES, 0), -EACCES);
	CU_ASSERT_EQUAL(error_with(&now.getsockopt_errors, ENOBUFS, 0), -ENOBUFS);
	CU_ASSERT_EQUAL(error_with(&now.send_errors, ENOBUFS, 0), -ENOBUFS);
	CU_ASSERT_EQUAL(error_with(&now.ppoll_errors, ENOMEM, 0), -ENOMEM);
	CU_ASSERT_EQUAL(error_with(&now.recv_errors, EIO, 0), -EIO);
}

static void a_signal_does_not_end_a_rejection(void)
{
	CU_ASSERT_EQUAL(error_with(&now.connect_errors, EINTR, 0), 0);
	CU_ASSERT_EQUAL(error_with(&now.ppoll_errors, EINTR, EINTR), 0);
}

static void an_end_that_was_closed_may_have_an_answer(void)
{
	CU_ASSERT_EQUAL(error_with(&now.send_errors, EPIPE, 0), 0);
	CU_ASSERT_EQUAL(error_with(&now.send_errors, ECONNRESET, 0), 0);
	CU_ASSERT_EQUAL(error_with(&now.recv_errors, ECONNRESET, 0), 0);
}

static void who_closed_without_an_answer_is_asked_again(void)
{
	CU_ASSERT_EQUAL(error_with(&now.recv_errors, EAGAIN, 0), 0);
	CU_ASSERT_EQUAL(error_with(&now.recv_errors, ECONNRESET, ECONNRESET), 0);
	CU_ASSERT_EQUAL(error_with(&now.recv_errors, ECONNRESET, EIO), -EIO);
}

/* A process that was stopped for a second: no wait begins, which would be one without an end. */
static void a_second_that_is_over_before_the_first_try_ends_the_rejection(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "a-token");
	WITH_HANDLE(tb);
	refuse_nothing();
	now.jumps_after = 1; /* the call that makes the deadline */
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -ETIMEDOUT);
	CU_ASSERT_TRUE(was_asked(&now.socket_errors));
	CU_ASSERT_FALSE(was_asked(&now.setsockopt_errors));
	CU_ASSERT_FALSE(was_asked(&now.connect_errors));
	refuse_nothing();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an_open_without_memory_says_so", an_open_without_memory_says_so},
		{"a_users_directory_without_memory_is_not_found",
		 a_users_directory_without_memory_is_not_found},
		{"a_directory_that_cannot_be_looked_at_is_not_trusted",
		 a_directory_that_cannot_be_looked_at_is_not_trusted},
		{"what_a_rejection_lacks_is_told", what_a_rejection_lacks_is_told},
		{"a_signal_does_not_end_a_rejection", a_signal_does_not_end_a_rejection},
		{"an_end_that_was_closed_may_have_an_answer",
		 an_end_that_was_closed_may_have_an_answer},
		{"who_closed_without_an_answer_is_asked_again",
		 who_closed_without_an_answer_is_asked_again},
		{"a_second_that_is_over_before_the_first_try_ends_the_rejection",
		 a_second_that_is_over_before_the_first_try_ends_the_rejection},
		CU_TEST_INFO_NULL,
	};

	return harness_run("refused", tests);
}
