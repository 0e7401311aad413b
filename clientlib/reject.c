/* SPDX-License-Identifier: MIT */
/*
 * One request, one answer, one connection. Nothing here blocks for longer than a second: what
 * cannot be done at once is tried again until it is over. Asking twice is harmless: the broker acts
 * once per generation.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "clientlib/cleanup.h"
#include "clientlib/clock.h"
#include "clientlib/handle.h"
#include "clientlib/runtime_dir.h"
#include "tokenbroker_control.h"

#define TIMEOUT_NS   (1 * NS_PER_S)
#define PAUSE_MIN_NS (5 * NS_PER_MS)
#define PAUSE_MAX_NS (100 * NS_PER_MS)

/* Positive: no error, but nothing that could be told to the caller yet. */
#define NO_ANSWER 1

/* A path too long for sun_path is reached through the descriptor of the directory. */
static int address_of(const char *runtime_dir, int dir, struct sockaddr_un *ret)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = sizeof(address.sun_path);
	int length =
		snprintf(address.sun_path, size, "%s/%s", runtime_dir, TOKENBROKER_CONTROL_SOCKET);

	if ((size_t)length >= size) /* as an error is, which is negative */
		length = snprintf(address.sun_path, size, "/proc/self/fd/%d/%s", dir,
				  TOKENBROKER_CONTROL_SOCKET);
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	*ret = address;
	return 0;
}

/* Whose segments we believe, and root, may tell us what became of a request. */
static int check_server(int fd, uid_t owner)
{
	struct ucred server;
	socklen_t size = sizeof(server);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) < 0)
		return -errno;
	return server.uid == owner || server.uid == 0 ? 0 : -EPERM;
}

/* In a queue that is full we sleep, and are the next to get in. Who looks again and again what is
 * free finds that others look more often. */
static int wait_no_longer_than(int fd, int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns - clock_now_ns();
	const struct timeval timeout = {
		.tv_sec = left_ns / NS_PER_S,
		.tv_usec = left_ns % NS_PER_S / NS_PER_US,
	};

	if (left_ns < NS_PER_US) /* 0 would be for ever */
		return NO_ANSWER;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ? -errno : 0;
}

static int connect_to(const struct sockaddr_un *address, uid_t owner, int64_t deadline_ns,
		      int *ret_fd)
{
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = wait_no_longer_than(fd, deadline_ns);
	if (r != 0)
		return r;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return NO_ANSWER;
		return errno == ENOENT ? -ECONNREFUSED : -errno;
	}
	r = check_server(fd, owner);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* 0 when there is something to receive. */
static int wait_readable(int fd, int64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left_ns = deadline_ns - clock_now_ns();
		struct timespec timeout = {.tv_nsec = left_ns % NS_PER_S,
					   .tv_sec = left_ns / NS_PER_S};
		int count;

		if (left_ns <= 0)
			return NO_ANSWER;
		count = ppoll(&poll_fd, 1, &timeout, NULL);
		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -errno;
	}
}

static bool is_answer(const struct tokenbroker_control_answer *answer, ssize_t size)
{
	return size == (ssize_t)sizeof(*answer) && answer->magic == TOKENBROKER_CONTROL_MAGIC &&
	       answer->version == TOKENBROKER_CONTROL_VERSION;
}

/* A broker that closes before it has read our request (busy, denied) leaves a pending ECONNRESET in
 * front of the answer that it sent: the second recv gets it. */
static int receive(int fd, struct tokenbroker_control_answer *ret)
{
	struct tokenbroker_control_answer answer;
	ssize_t size = recv(fd, &answer, sizeof(answer), MSG_TRUNC | MSG_DONTWAIT);

	if (size < 0 && errno == ECONNRESET)
		size = recv(fd, &answer, sizeof(answer), MSG_TRUNC | MSG_DONTWAIT);
	if (size < 0 && errno != EAGAIN && errno != ECONNRESET)
		return -errno;
	if (size <= 0)
		return NO_ANSWER; /* it closed without a word: stopped or restarted just now */
	if (!is_answer(&answer, size))
		return -EPROTO;
	*ret = answer;
	return 0;
}

static int ask(const struct sockaddr_un *address, uid_t owner,
	       const struct tokenbroker_control_request *request, int64_t deadline_ns,
	       struct tokenbroker_control_answer *ret)
{
	CLEANUP(close_fd) int fd = -1;
	int r = connect_to(address, owner, deadline_ns, &fd);

	if (r != 0)
		return r;
	/* The other end may be closed already, and still have an answer for us. */
	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno != EPIPE && errno != ECONNRESET)
		return -errno;
	r = wait_readable(fd, deadline_ns);
	if (r != 0)
		return r;
	return receive(fd, ret);
}

static int error_of(const struct tokenbroker_control_answer *answer)
{
	switch ((enum tokenbroker_control_result)answer->result) {
	case TOKENBROKER_CONTROL_ACCEPTED:
	case TOKENBROKER_CONTROL_NOT_DURABLE:
		return 0;
	case TOKENBROKER_CONTROL_STALE:
		return -ESTALE;
	case TOKENBROKER_CONTROL_CONFLICT: /* a suspended token is the one conflict of a rejection
					    */
		return -EKEYREVOKED;
	case TOKENBROKER_CONTROL_DENIED:
		return -EACCES;
	case TOKENBROKER_CONTROL_UNKNOWN:
		return -ENOENT;
	case TOKENBROKER_CONTROL_INVALID:
		return -EINVAL;
	case TOKENBROKER_CONTROL_TOO_SOON:
	case TOKENBROKER_CONTROL_BUSY:
		return -EAGAIN;
	}
	return -EPROTO;
}

static void sleep_ns(int64_t for_ns)
{
	struct timespec pause = {.tv_nsec = for_ns}; /* below a second */

	(void)nanosleep(&pause, NULL);
}

/*
 * Asks until there is an answer other than "busy", or the second is over. Of a thousand processes
 * that reject at once the broker hears one and publishes a newer token while most of the others
 * still queue: these need not ask again, and are never told of a busy broker.
 */
static int ask_patiently(struct tokenbroker *tb, const struct sockaddr_un *address, uid_t owner,
			 const struct tokenbroker_control_request *request)
{
	int64_t deadline_ns = clock_now_ns() + TIMEOUT_NS;
	int64_t pause_ns = PAUSE_MIN_NS;
	int result = -ETIMEDOUT;

	for (;;) {
		struct tokenbroker_control_answer answer = {0};
		int r = ask(address, owner, request, deadline_ns, &answer);

		if (r < 0)
			return r;
		if (r == 0)
			result = error_of(&answer);
		if (r == 0 && result != -EAGAIN)
			return result;
		if (tokenbroker_generation(tb) > request->generation)
			return -ESTALE;
		if (clock_now_ns() + pause_ns >= deadline_ns)
			return result;
		sleep_ns(pause_ns);
		pause_ns = pause_ns * 2 < PAUSE_MAX_NS ? pause_ns * 2 : PAUSE_MAX_NS;
	}
}

EXPORT int tokenbroker_reject(struct tokenbroker *tb, uint64_t generation)
{
	struct tokenbroker_control_request request = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REJECT,
		.generation = generation,
		.origin = TOKENBROKER_CONTROL_SELF,
	};
	CLEANUP(close_fd) int dir = -1;
	struct sockaddr_un address;
	uid_t owner;
	int r;

	if (generation == 0)
		return -EINVAL;
	strcpy(request.name, tb->name);
	r = runtime_dir_open(tb->runtime_dir, &dir, &owner);
	if (r < 0)
		return r == -ENOENT ? -ECONNREFUSED : r;
	r = address_of(tb->runtime_dir, dir, &address);
	if (r < 0)
		return r;
	return ask_patiently(tb, &address, owner, &request);
}
