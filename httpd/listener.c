/* SPDX-License-Identifier: MIT */
#include "httpd/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/config_url.h"
#include "base/text.h"

#define TCP_SCHEME "http://"

enum { BACKLOG = 1024 };
/* The last place is the configured Unix socket's. */
enum { TCP_MAX = LISTENERS_MAX - 1 };

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; as everywhere but on alpha, mips, parisc and sparc */
#endif

/* "127.0.0.1:8437" or "[::1]:8437", checked by the configuration: numbers only. */
static int split(const char *address, char host[static NI_MAXHOST], char port[static NI_MAXSERV])
{
	const char *colon = strrchr(address, ':');
	size_t length;

	if (colon == NULL)
		return -EINVAL;
	length = (size_t)(colon - address);
	if (address[0] == '[') {
		address++;
		length -= 2;
	}
	if (length >= NI_MAXHOST || strlen(colon + 1) >= NI_MAXSERV)
		return -EINVAL;
	memcpy(host, address, length);
	host[length] = '\0';
	(void)strcpy(port, colon + 1);
	return 0;
}

static int bind_tcp(const struct addrinfo *info, int *ret_fd)
{
	CLEANUP(close_fd)
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "[::]" is IPv6 alone: an IPv4 address is listed by itself. */
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int open_tcp(const char *address, int *ret_fd)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];
	struct addrinfo *info;
	int r = split(address, host, port);

	if (r < 0 || getaddrinfo(host, port, &hints, &info) != 0)
		return -EINVAL;
	r = bind_tcp(info, ret_fd);
	freeaddrinfo(info);
	return r;
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

static struct listener *add(struct listeners *listeners, int fd, bool is_unix)
{
	struct listener *listener = &listeners->items[listeners->count++];

	*listener = (struct listener){.fd = fd, .is_unix = is_unix};
	return listener;
}

static void set_name(struct listener *listener, const char *scheme, const char *address)
{
	struct text text;

	text_init(&text, listener->name, sizeof(listener->name));
	text_add(&text, scheme);
	text_add(&text, address);
}

/* As in the configuration: "127.0.0.1:8437", "[::1]:8437". */
static int describe(int fd, bool *ret_is_unix, char ret[static LISTENER_NAME_BYTES])
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(address);
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];
	struct text text;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	text_init(&text, ret, LISTENER_NAME_BYTES);
	*ret_is_unix = address.ss_family == AF_UNIX;
	if (*ret_is_unix) {
		text_add(&text, ((const struct sockaddr_un *)&address)->sun_path);
		return 0;
	}
	if (getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EAFNOSUPPORT;
	text_addf(&text, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

/* One socket of systemd. */
static int adopt(struct listeners *listeners, int fd, struct error_text *error)
{
	char address[LISTENER_NAME_BYTES];
	bool is_unix;
	int r;

	if (listeners->count == TCP_MAX || sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
		error_text_set(error,
			       "descriptor %d of systemd is no listening stream socket, or "
			       "one too many",
			       fd);
		return -EINVAL;
	}
	r = describe(fd, &is_unix, address);
	if (r < 0) {
		error_text_set(error, "socket %d of systemd: %s", fd, strerror(-r));
		return r;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		error_text_set(error, "socket %d of systemd: %s", fd, strerror(-r));
		return r;
	}
	if (is_unix)
		refuse_descriptors(fd);
	set_name(add(listeners, fd, is_unix), is_unix ? "unix:" : TCP_SCHEME, address);
	return 0;
}

static int open_configured(struct listeners *listeners, const struct config_http *http,
			   struct error_text *error)
{
	for (size_t i = 0; i < http->listen.count; i++) {
		const char *address = http->listen.items[i];
		char name[LISTENER_NAME_BYTES];
		bool is_unix;
		int fd = -1;
		int r = listeners->count < TCP_MAX ? open_tcp(address, &fd) : -E2BIG;

		if (r < 0) {
			error_text_set(error, "cannot listen on %s: %s", address, strerror(-r));
			return r;
		}
		/* The port that was given for 0. */
		if (describe(fd, &is_unix, name) < 0)
			name[0] = '\0';
		set_name(add(listeners, fd, false), TCP_SCHEME, name);
	}
	return 0;
}

static int open_all(struct listeners *listeners, const struct config_http *http,
		    const char *unix_socket, struct error_text *error)
{
	int given = sd_listen_fds(1);
	bool has_unix = false;
	int fd = -1;
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
	if (r < 0) {
		error_text_set(error, "cannot listen on unix_socket %s: %s", unix_socket,
			       r == -EADDRINUSE ? "another server answers there" : strerror(-r));
		return r;
	}
	set_name(add(listeners, fd, true), "unix:", unix_socket);
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

		if (listener->is_unix ||
		    config_listen_is_loopback(listener->name + strlen(TCP_SCHEME)))
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
			(void)unlink(listener->name + strlen("unix:"));
		if (listener->fd >= 0)
			(void)close(listener->fd);
	}
	listeners->count = 0;
}
