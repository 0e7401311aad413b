/* SPDX-License-Identifier: MIT */
/*
 * A control server on a loop of its own in this process, with clients that never block. What the
 * ops were asked is written down here. Each client connects as the user it names, which takes root
 * unless that is ourselves.
 */
#ifndef TESTS_UNIT_CONTROL_SERVER_FIXTURE_H
#define TESTS_UNIT_CONTROL_SERVER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "control/control_server.h"
#include "control/request.h"
#include "harness.h"

/* Users from here on are administrators; those from READERS on are readers; STRANGER is nobody. */
enum { STRANGER = 29999, READERS = 30000, ADMINS = 40000 };

struct fixture {
	char directory[64];
	int directory_fd;
	sd_event *event;
	struct control_server *server;
	struct error_text error;
	enum control_class own_class; /* of whoever runs the tests */
	unsigned handled;
	struct control_peer peer; /* the last one; its groups are gone */
	gid_t first_group;
	struct tokenbroker_control_request request; /* the last one */
	unsigned refused;
	enum tokenbroker_control_result refused_result;
};

static inline enum control_class classify(void *userdata, const struct control_peer *peer)
{
	const struct fixture *fixture = userdata;

	if (peer->uid == STRANGER)
		return CONTROL_NOBODY;
	if (peer->uid >= ADMINS)
		return CONTROL_ADMIN;
	return peer->uid >= READERS ? CONTROL_READER : fixture->own_class;
}

static void handle(void *userdata, const struct control_peer *peer,
		   const struct tokenbroker_control_request *request,
		   struct tokenbroker_control_answer *answer)
{
	struct fixture *fixture = userdata;

	fixture->handled++;
	fixture->peer = *peer;
	fixture->first_group = peer->group_count > 0 ? peer->groups[0] : 0;
	fixture->request = *request;
	*answer = control_answer(TOKENBROKER_CONTROL_ACCEPTED);
	answer->generation = 42;
}

static void on_refused(void *userdata, const struct tokenbroker_control_request *request,
		       enum tokenbroker_control_result result)
{
	struct fixture *fixture = userdata;

	fixture->refused++;
	fixture->request = *request;
	fixture->refused_result = result;
}

static const struct control_ops ops = {classify, handle, on_refused};

static void start(struct fixture *fixture)
{
	*fixture = (struct fixture){.directory = "/tmp/test_control.XXXXXX",
				    .own_class = CONTROL_READER};
	if (mkdtemp(fixture->directory) == NULL || chmod(fixture->directory, 0755) < 0 ||
	    sd_event_new(&fixture->event) < 0)
		abort();
	fixture->directory_fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fixture->directory_fd < 0 ||
	    control_server_new(&fixture->server, fixture->event, fixture->directory_fd,
			       fixture->directory, &ops, fixture, &fixture->error) < 0)
		abort();
}

static void cleanup_fixture(struct fixture *fixture)
{
	control_server_free(fixture->server);
	sd_event_unref(fixture->event);
	(void)unlinkat(fixture->directory_fd, TOKENBROKER_CONTROL_SOCKET, 0);
	(void)close(fixture->directory_fd);
	(void)rmdir(fixture->directory);
}

#define FIXTURE(name)                                                                              \
	CLEANUP(fixture) struct fixture name;                                                      \
	start(&name)

/* A turn of the loop that waits for nothing. True: there was something to do. */
static inline bool turn(struct fixture *fixture)
{
	return sd_event_run(fixture->event, 0) > 0;
}

static inline void run_until_idle(struct fixture *fixture)
{
	while (turn(fixture))
		;
}

static inline int connect_client(struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock",
		       fixture->directory);
	while (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (fd < 0 || errno != EAGAIN)
			abort();
		run_until_idle(fixture); /* the queue is full */
	}
	return fd;
}

/* Only root can; the kernel takes the effective user at connect(2). */
static inline int connect_as(struct fixture *fixture, uid_t uid)
{
	int fd;

	if (seteuid(uid) < 0)
		abort();
	fd = connect_client(fixture);
	if (seteuid(0) < 0)
		abort();
	return fd;
}

static inline struct tokenbroker_control_request refresh_request(void)
{
	return (struct tokenbroker_control_request){
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REFRESH,
		.name = "default",
	};
}

/* Negative errno if the peer has closed. */
static inline int send_request(int fd)
{
	struct tokenbroker_control_request request = refresh_request();

	return send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The result of the answer; 0: the end without one; negative errno: -EAGAIN, nothing yet. */
static inline int receive_answer(int fd, struct tokenbroker_control_answer *ret)
{
	ssize_t n = recv(fd, ret, sizeof(*ret), 0);

	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (n != sizeof(*ret) || ret->magic != TOKENBROKER_CONTROL_MAGIC ||
	    ret->version != TOKENBROKER_CONTROL_VERSION)
		return -EBADMSG;
	return ret->result;
}

static inline int result_of(int fd)
{
	struct tokenbroker_control_answer answer;

	return receive_answer(fd, &answer);
}

/* Connections are closed by a thread: it is given a while. Anything unread makes it false. */
static inline bool is_closed(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&poll_fd, 1, 10000) == 1 && recv(fd, &byte, sizeof(byte), 0) == 0;
}

static inline bool is_root(const char *test)
{
	if (geteuid() == 0)
		return true;
	printf("skipped %s: only root can connect as another user\n", test);
	return false;
}

#endif
