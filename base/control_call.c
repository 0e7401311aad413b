/* SPDX-License-Identifier: MIT */
#include "base/control_call.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct tokenbroker_control_request control_call_request(enum tokenbroker_control_command command,
							const char *name)
{
	struct tokenbroker_control_request request = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = (uint16_t)command,
		.origin = TOKENBROKER_CONTROL_SELF,
	};

	assert(strlen(name) < sizeof(request.name));
	memcpy(request.name, name, strlen(name));
	return request;
}

static int set_timeout(int fd, int timeout_ms)
{
	const struct timeval timeout = {
		.tv_sec = timeout_ms / MS_PER_S,
		.tv_usec = timeout_ms % MS_PER_S * (USEC_PER_S / MS_PER_S),
	};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	return 0;
}

static int connect_to(int fd, int runtime_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* Through the descriptor: it is the directory that was checked, and a long path fits, too.
	 */
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		       "/proc/self/fd/%d/" TOKENBROKER_CONTROL_SOCKET, runtime_fd);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	return errno == ENOENT ? -ECONNREFUSED : -errno;
}

/* Whoever may write a socket into the directory is not yet the broker. */
static int check_peer(int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == owner || peer.uid == 0 ? 0 : -EPERM;
}

int control_call_open(int runtime_fd, uid_t owner, int timeout_ms, int *ret_fd)
{
	CLEANUP(close_fd)
	int fd = socket(AF_UNIX,
			SOCK_SEQPACKET | SOCK_CLOEXEC | (timeout_ms == 0 ? SOCK_NONBLOCK : 0), 0);
	int r;

	if (fd < 0)
		return -errno;
	r = timeout_ms == 0 ? 0 : set_timeout(fd, timeout_ms);
	if (r == 0)
		r = connect_to(fd, runtime_fd);
	if (r == 0)
		r = check_peer(fd, owner);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int control_call_send(int fd, const struct tokenbroker_control_request *request)
{
	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return -errno;
	return 0;
}

int control_call_receive(int fd, struct tokenbroker_control_answer *ret)
{
	struct tokenbroker_control_answer answer;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_TRUNC);

	/* A broker that refuses without reading resets the connection; its answer is behind that.
	 */
	if (n < 0 && errno == ECONNRESET)
		n = recv(fd, &answer, sizeof(answer), MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	if (n != sizeof(answer) || answer.magic != TOKENBROKER_CONTROL_MAGIC ||
	    answer.version != TOKENBROKER_CONTROL_VERSION)
		return -EPROTO;
	*ret = answer;
	return 0;
}
