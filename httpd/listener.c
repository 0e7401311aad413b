/* SPDX-License-Identifier: MIT */
#include "httpd/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/tcp_address.h"
#include "base/text.h"

#define TCP_SCHEME  "http://"
#define UNIX_SCHEME "unix:"

enum { BACKLOG = 1024 };
/* The last place is the configured Unix socket's. */
enum { TCP_MAX = LISTENERS_MAX - 1 };

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; as everywhere but on alpha, mips, parisc and sparc */
#endif

static int open_tcp(const char *text, int *ret_fd)
{
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_storage address;
	const int on = 1;
	socklen_t size;
	int r = tcp_address_parse(text, &address, &size);

	if (r < 0)
		return r;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "[::]" is IPv6 alone: an IPv4 address is listed by itself. */
	if (address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* A socket that nobody listens on was left by a run that was killed. */
static int remove_stale(const struct sockaddr_un *address)
{
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	/* Anything else is alive, too: a socket of another type, such as the broker's. */
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int make_parent(const char *path)
{
	char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *parent;

	(void)strcpy(copy, path);
	parent = dirname(copy);
	if (mkdir(parent, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* Whatever the umask: everybody may connect. */
	return chmod(parent, 0755) < 0 ? -errno : 0;
}

/* Closing a descriptor that a client has passed along can block for as long as the client likes
 * (SO_LINGER). Older kernels have no such option. */
static void refuse_descriptors(int fd)
{
	const int off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

static int open_unix(const char *path, int *ret_fd)
{
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	(void)strcpy(address.sun_path, path);
	r = make_parent(path);
	if (r == 0)
		r = remove_stale(&address);
	if (r < 0)
		return r;
	refuse_descriptors(fd);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static void set_name(struct listener *listener, const char *scheme, const char *address)
{
	struct text text;

	text_init(&text, listener->name, sizeof(listener->name));
	text_add(&text, scheme);
	text_add(&text, address);
}

/* Takes fd over when it succeeds. */
static int add(struct listeners *listeners, int fd)
{
	struct listener *listener = &listeners->items[listeners->count];
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	const struct sockaddr *generic = (const struct sockaddr *)&address;
	socklen_t size = sizeof(address);
	char text[TCP_ADDRESS_BYTES];
	int r;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	*listener = (struct listener){.fd = fd, .is_unix = address.ss_family == AF_UNIX};
	if (listener->is_unix) {
		set_name(listener, UNIX_SCHEME,
			 ((const struct sockaddr_un *)(const void *)&address)->sun_path);
	} else {
		r = tcp_address_format(generic, text);
		if (r < 0)
			return r;
		listener->is_loopback = tcp_address_is_loopback(generic);
		set_name(listener, TCP_SCHEME, text);
	}
	listeners->count++;
	return 0;
}

/* One socket of systemd. */
static int adopt(struct listeners *listeners, int fd, struct error_text *error)
{
	int r;

	if (listeners->count == TCP_MAX || sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
		error_text_set(error,
			       "descriptor %d of systemd is no listening stream socket, or "
			       "one too many",
			       fd);
		return -EINVAL;
	}
	r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : add(listeners, fd);
	if (r < 0) {
		error_text_set(error, "socket %d of systemd: %s", fd, strerror(-r));
		return r;
	}
	if (listeners->items[listeners->count - 1].is_unix)
		refuse_descriptors(fd);
	return 0;
}

static int open_configured(struct listeners *listeners, const struct config_http *http,
			   struct error_text *error)
{
	for (size_t i = 0; i < http->listen.count; i++) {
		const char *address = http->listen.items[i];
		CLEANUP(close_fd) int fd = -1;
		int r = listeners->count < TCP_MAX ? open_tcp(address, &fd) : -E2BIG;

		if (r == 0)
			r = add(listeners, fd);
		if (r < 0) {
			error_text_set(error, "cannot listen on %s: %s", address, strerror(-r));
			return r;
		}
		fd = -1;
	}
	return 0;
}

static int open_all(struct listeners *listeners, const struct config_http *http,
		    const char *unix_socket, struct error_text *error)
{
	CLEANUP(close_fd) int fd = -1;
	int given = sd_listen_fds(1);
	bool has_unix = false;
	int r = 0;

	for (int i = 0; i < given && r == 0; i++) {
		r = adopt(listeners, SD_LISTEN_FDS_START + i, error);
		has_unix = has_unix || (r == 0 && listeners->items[i].is_unix);
	}
	if (r == 0 && given <= 0)
		r = open_configured(listeners, http, error);
	if (r < 0 || has_unix || unix_socket[0] == '\0')
		return r;
	r = open_unix(unix_socket, &fd);
	if (r == 0)
		r = add(listeners, fd);
	if (r < 0) {
		error_text_set(error, "cannot listen on unix_socket %s: %s", unix_socket,
			       r == -EADDRINUSE ? "another server answers there" : strerror(-r));
		return r;
	}
	fd = -1;
	listeners->items[listeners->count - 1].is_ours = true;
	return 0;
}

int listeners_open(struct listeners *ret, const struct config_http *http, const char *unix_socket,
		   struct error_text *error)
{
	int r;

	*ret = (struct listeners){.count = 0};
	r = open_all(ret, http, unix_socket, error);
	if (r == 0)
		r = listeners_check(ret, http, error);
	if (r < 0) {
		listeners_close(ret);
		return r;
	}
	if (ret->count == 0) {
		error_text_set(error, "nothing to listen on: listen and unix_socket are empty");
		return -EINVAL;
	}
	return 0;
}

int listeners_check(const struct listeners *listeners, const struct config_http *http,
		    struct error_text *error)
{
	if (http->access_token_file[0] != '\0' && http->allow_cleartext)
		return 0;
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = &listeners->items[i];

		if (listener->is_unix || listener->is_loopback)
			continue;
		error_text_set(error,
			       "%s is not loopback: it needs access_token_file and "
			       "allow_cleartext = true",
			       listener->name);
		return -EINVAL;
	}
	return 0;
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->items[i];

		if (listener->is_ours)
			(void)unlink(listener->name + strlen(UNIX_SCHEME));
		if (listener->fd >= 0)
			(void)close(listener->fd);
	}
	listeners->count = 0;
}
