/* SPDX-License-Identifier: MIT */
#include "control/control_socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "control/request.h"

#ifndef SO_PASSRIGHTS /* Linux 6.16 */
#define SO_PASSRIGHTS 83
#endif

/* Whoever is in the queue is served within the second that clients wait, also on a busy machine in
 * a flood; who finds it full waits for the next place, if it connects as our clients do. */
#define BACKLOG 128

/* A path that does not fit into a socket address is reached through the directory's descriptor. */
static void format_address(struct sockaddr_un *address, int runtime_fd, const char *path)
{
	struct text text;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	text_init(&text, address->sun_path, sizeof(address->sun_path));
	text_addf(&text, "%s/" TOKENBROKER_CONTROL_SOCKET, path);
	if (!text.is_cut)
		return;
	text_init(&text, address->sun_path, sizeof(address->sun_path));
	text_addf(&text, "/proc/self/fd/%d/" TOKENBROKER_CONTROL_SOCKET, runtime_fd);
}

static int fail(struct error_text *error, const char *path, const char *what)
{
	int r = -errno;

	error_text_set(error, "%s/" TOKENBROKER_CONTROL_SOCKET ": %s: %s", path, what,
		       strerror(-r));
	return r;
}

int control_socket_listen(int runtime_fd, const char *path, int *ret_fd, struct error_text *error)
{
	CLEANUP(close_fd)
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	mode_t umask_before;
	int off = 0;
	int r;

	if (fd < 0)
		return fail(error, path, "cannot make a socket");
	if (unlinkat(runtime_fd, TOKENBROKER_CONTROL_SOCKET, 0) < 0 && errno != ENOENT)
		return fail(error, path, "cannot remove the old socket");
	format_address(&address, runtime_fd, path);
	/* bind(2) minds the umask: whoever knocked before the mode is set would be told that he may
	 * not, and for longer where the broker is killed just then. */
	umask_before = umask(0111);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	(void)umask(umask_before);
	if (r < 0)
		return fail(error, path, "cannot bind");
	if (fchmodat(runtime_fd, TOKENBROKER_CONTROL_SOCKET, 0666, 0) < 0)
		return fail(error, path, "cannot set the mode");
	/* Older kernels cannot refuse descriptors that somebody passes: see closer.h. */
	(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	if (listen(fd, BACKLOG) < 0)
		return fail(error, path, "cannot listen");

	*ret_fd = fd;
	fd = -1;
	return 0;
}

int control_socket_peer(int fd, gid_t *groups, size_t capacity, struct control_peer *ret)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	size = (socklen_t)(capacity * sizeof(*groups));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return -errno;
	*ret = (struct control_peer){
		.uid = credentials.uid,
		.gid = credentials.gid,
		.groups = groups,
		.group_count = size / sizeof(*groups),
	};
	return 0;
}

enum control_received control_socket_look(int fd, struct tokenbroker_control_request *ret)
{
	struct tokenbroker_control_request message;
	struct iovec part = {.iov_base = &message, .iov_len = sizeof(message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	/* MSG_TRUNC: the true length, so that a longer message is not taken for its beginning. */
	ssize_t n = recvmsg(fd, &header, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? CONTROL_RECEIVED_NOTHING
							 : CONTROL_RECEIVED_GONE;
	/* MSG_CTRUNC: descriptors came with it, which nobody sends who means well. */
	if ((header.msg_flags & MSG_CTRUNC) != 0 ||
	    !control_request_parse(&message, (size_t)n, ret))
		return CONTROL_RECEIVED_RUBBISH;
	return CONTROL_RECEIVED_REQUEST;
}

void control_socket_answer(int fd, const struct tokenbroker_control_answer *answer)
{
	(void)send(fd, answer, sizeof(*answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}
