/* SPDX-License-Identifier: MIT */
#include "control/closer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control_socket.h"
#include "control/request.h"
#include "harness.h"

#define LINGER_S 2

static inline void cleanup_closer(struct closer **closer)
{
	closer_free(*closer);
}

struct pair {
	int server, client;
};

static struct pair connect_pair(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	return (struct pair){.server = fds[0], .client = fds[1]};
}

static struct tokenbroker_control_request refresh_request(void)
{
	return (struct tokenbroker_control_request){
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REFRESH,
		.name = "default",
	};
}

/* Whether the other end is closed within a while, with nothing to read before. */
static bool is_closed(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&poll_fd, 1, 10000) == 1 && recv(fd, &byte, sizeof(byte), 0) == 0;
}

/* A TCP connection whose closing takes LINGER_S, because its other end never reads. */
static int make_lingering(int *ret_other)
{
	CLEANUP(close_fd) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};
	socklen_t size = sizeof(address);
	static const char block[65536];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(fd, (struct sockaddr *)&address, size) < 0)
		abort();
	*ret_other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	if (*ret_other < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		abort();
	return fd;
}

/* Sends a good request with fd in it, and gives fd up. */
static void send_with_descriptor(int client, int fd)
{
	struct tokenbroker_control_request request = refresh_request();
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec part = {&request, sizeof(request)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	if (sendmsg(client, &message, MSG_NOSIGNAL) != (ssize_t)sizeof(request))
		abort();
	(void)close(fd);
}

static void what_is_given_is_closed(void)
{
	CLEANUP(closer) struct closer *closer = NULL;
	struct pair pair = connect_pair();

	CU_ASSERT_EQUAL_FATAL(closer_new(&closer), 0);
	closer_give(closer, pair.server);
	CU_ASSERT_TRUE(is_closed(pair.client));
	CU_ASSERT_FALSE(closer_is_full(closer));
	(void)close(pair.client);
}

static void an_answer_is_heard_though_the_request_was_never_taken(void)
{
	CLEANUP(closer) struct closer *closer = NULL;
	const struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_STALE);
	struct tokenbroker_control_request request = refresh_request();
	struct tokenbroker_control_answer heard = {.magic = 0};
	struct pair pair = connect_pair();
	struct pollfd hang_up = {.fd = pair.client};

	CU_ASSERT_EQUAL_FATAL(closer_new(&closer), 0);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(send(pair.client, &request, sizeof(request), 0),
				(ssize_t)sizeof(request));
	CU_ASSERT_EQUAL(control_socket_look(pair.server, &request), CONTROL_RECEIVED_REQUEST);
	control_socket_answer(pair.server, &answer);
	closer_give(closer, pair.server);
	CU_ASSERT_EQUAL(poll(&hang_up, 1, 10000), 1); /* it is closed */
	CU_ASSERT_EQUAL(hang_up.revents & POLLHUP, POLLHUP);
	CU_ASSERT_EQUAL(recv(pair.client, &heard, sizeof(heard), 0), (ssize_t)sizeof(heard));
	CU_ASSERT_EQUAL(heard.result, TOKENBROKER_CONTROL_STALE);
	(void)close(pair.client);
}

static void a_descriptor_that_lingers_holds_up_nobody_but_the_thread(void)
{
	CLEANUP(closer) struct closer *closer = NULL;
	CLEANUP(close_fd) int other = -1;
	struct tokenbroker_control_request request;
	struct pair poisoned = connect_pair(), next = connect_pair();
	int64_t start_ns, took_ms;

	CU_ASSERT_EQUAL_FATAL(closer_new(&closer), 0);
	send_with_descriptor(poisoned.client, make_lingering(&other));
	start_ns = clock_monotonic_ns();
	CU_ASSERT_EQUAL(control_socket_look(poisoned.server, &request), CONTROL_RECEIVED_RUBBISH);
	closer_give(closer, poisoned.server);
	closer_give(closer, next.server);
	took_ms = (clock_monotonic_ns() - start_ns) / NS_PER_MS;
	CU_ASSERT_TRUE(took_ms < 1000 * LINGER_S - 500);
	CU_ASSERT_TRUE(is_closed(next.client));
	took_ms = (clock_monotonic_ns() - start_ns) / NS_PER_MS;
	CU_ASSERT_TRUE(took_ms >= 1000 * LINGER_S - 500); /* it would have been us */
	(void)close(poisoned.client);
	(void)close(next.client);
}

static void it_says_when_too_many_wait(void)
{
	CLEANUP(closer) struct closer *closer = NULL;
	CLEANUP(close_fd) int other = -1;
	struct pair poisoned = connect_pair(), last = connect_pair();

	CU_ASSERT_EQUAL_FATAL(closer_new(&closer), 0);
	send_with_descriptor(poisoned.client, make_lingering(&other));
	closer_give(closer, poisoned.server);
	for (int i = 1; i < CLOSER_BACKLOG_MAX; i++)
		closer_give(closer, dup(poisoned.client));
	CU_ASSERT_FALSE(closer_is_full(closer));
	closer_give(closer, dup(poisoned.client));
	CU_ASSERT_TRUE(closer_is_full(closer));
	closer_give(closer, last.server);
	CU_ASSERT_EQUAL(closer_closed(closer), 0); /* nothing moves while it lingers */
	CU_ASSERT_TRUE(is_closed(last.client));    /* the end of the queue */
	CU_ASSERT_FALSE(closer_is_full(closer));
	CU_ASSERT(closer_closed(closer) > CLOSER_BACKLOG_MAX);
	(void)close(poisoned.client);
	(void)close(last.client);
}

static void freeing_does_not_wait_but_everything_is_closed(void)
{
	struct closer *closer = NULL;
	int other = -1;
	struct pair poisoned = connect_pair(), last = connect_pair();
	int64_t start_ns = clock_monotonic_ns();

	CU_ASSERT_EQUAL_FATAL(closer_new(&closer), 0);
	send_with_descriptor(poisoned.client, make_lingering(&other));
	closer_give(closer, poisoned.server);
	closer_give(closer, last.server);
	closer_free(closer);
	CU_ASSERT_TRUE((clock_monotonic_ns() - start_ns) / NS_PER_MS < 1000 * LINGER_S - 500);
	CU_ASSERT_TRUE(is_closed(last.client));
	closer_free(NULL);
	(void)close(other);
	(void)close(poisoned.client);
	(void)close(last.client);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(what_is_given_is_closed),
		TEST(an_answer_is_heard_though_the_request_was_never_taken),
		TEST(a_descriptor_that_lingers_holds_up_nobody_but_the_thread),
		TEST(it_says_when_too_many_wait),
		TEST(freeing_does_not_wait_but_everything_is_closed),
		CU_TEST_INFO_NULL,
	};

	return harness_run("closer", tests);
}
