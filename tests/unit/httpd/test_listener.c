/* SPDX-License-Identifier: MIT */
/* Sockets on loopback and in a directory of the test's own; systemd is a child with descriptors. */
#include "httpd/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static char nothing[] = "";
static char token_file[] = "/etc/token";
static char any_port[] = "127.0.0.1:0";
static char any_port_6[] = "[::1]:0";
static char *one_address[] = {any_port};
static char *two_addresses[] = {any_port, any_port_6};

static const struct config_http unix_only = {.access_token_file = nothing};
static const struct config_http one = {.listen = {.items = one_address, .count = 1},
				       .access_token_file = nothing};
static const struct config_http two = {.listen = {.items = two_addresses, .count = 2},
				       .access_token_file = nothing};

struct place {
	char directory[64];
	char path[96]; /* of the socket, in a directory that is not there yet */
};

static struct place make_place(void)
{
	struct place place = {.directory = "/tmp/listener-XXXXXX"};

	if (mkdtemp(place.directory) == NULL)
		abort();
	(void)snprintf(place.path, sizeof(place.path), "%s/d/http.sock", place.directory);
	return place;
}

static void remove_place(const struct place *place)
{
	char parent[sizeof(place->directory) + 2];

	(void)snprintf(parent, sizeof(parent), "%s/d", place->directory);
	(void)unlink(place->path);
	(void)rmdir(parent);
	CU_ASSERT_EQUAL(rmdir(place->directory), 0);
}

static bool is_named(struct listeners *listeners, size_t at, const char *start)
{
	return at < listeners->count &&
	       strncmp(listeners->items[at].name, start, strlen(start)) == 0;
}

static int make_socket(const struct place *place, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char parent[sizeof(place->directory) + 2];
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(parent, sizeof(parent), "%s/d", place->directory);
	(void)mkdir(parent, 0755);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		abort();
	return fd;
}

static void every_address_is_listened_on_and_named_with_its_port(void)
{
	struct listeners listeners;
	struct error_text error;

	CU_ASSERT_EQUAL_FATAL(listeners_open(&listeners, &two, "", &error), 0);
	CU_ASSERT_EQUAL(listeners.count, 2);
	CU_ASSERT(is_named(&listeners, 0, "http://127.0.0.1:"));
	CU_ASSERT(is_named(&listeners, 1, "http://[::1]:"));
	CU_ASSERT(listeners.items[0].is_loopback && listeners.items[1].is_loopback);
	CU_ASSERT_EQUAL(strstr(listeners.items[0].name, ":0"), NULL);
	CU_ASSERT(sd_is_socket(listeners.items[0].fd, AF_INET, SOCK_STREAM, 1) > 0);
	CU_ASSERT((fcntl(listeners.items[0].fd, F_GETFL) & O_NONBLOCK) != 0);
	CU_ASSERT((fcntl(listeners.items[0].fd, F_GETFD) & FD_CLOEXEC) != 0);
	listeners_close(&listeners);
	CU_ASSERT_EQUAL(listeners.count, 0);
}

static void the_unix_socket_is_for_everybody_whatever_the_umask(void)
{
	struct place place = make_place();
	mode_t former = umask(0077);
	struct listeners listeners;
	struct error_text error;
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(listeners_open(&listeners, &one, place.path, &error), 0);
	(void)umask(former);
	CU_ASSERT_EQUAL(listeners.count, 2);
	CU_ASSERT(is_named(&listeners, 1, "unix:/tmp/listener-"));
	CU_ASSERT(listeners.items[1].is_unix && listeners.items[1].is_ours);
	CU_ASSERT_EQUAL(stat(place.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0666);
	*strrchr(place.path, '/') = '\0';
	CU_ASSERT_EQUAL(stat(place.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0755);
	place.path[strlen(place.path)] = '/';
	listeners_close(&listeners);
	CU_ASSERT_EQUAL(access(place.path, F_OK), -1);
	remove_place(&place);
}

static void a_socket_that_nobody_listens_on_any_more_is_replaced(void)
{
	struct place place = make_place();
	struct listeners listeners;
	struct error_text error;

	(void)close(make_socket(&place, SOCK_STREAM));
	CU_ASSERT_EQUAL(listeners_open(&listeners, &unix_only, place.path, &error), 0);
	listeners_close(&listeners);
	remove_place(&place);
}

/* Such as the broker's control.sock, which is of another type. */
static void a_socket_that_somebody_listens_on_is_left_alone(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	struct listeners listeners;
	struct error_text error;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct place place = make_place();
		int fd = make_socket(&place, types[i]);

		CU_ASSERT(listeners_open(&listeners, &unix_only, place.path, &error) < 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.text, place.path));
		CU_ASSERT_EQUAL(listeners.count, 0);
		CU_ASSERT_EQUAL(access(place.path, F_OK), 0);
		(void)close(fd);
		remove_place(&place);
	}
}

static void a_path_that_does_not_fit_or_is_no_socket_is_refused(void)
{
	struct place place = make_place();
	struct listeners listeners;
	struct error_text error;
	char path[200];

	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(listeners_open(&listeners, &unix_only, path, &error), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(listeners_open(&listeners, &unix_only, place.directory, &error), -EEXIST);
	remove_place(&place);
}

static void nothing_to_listen_on_is_a_mistake(void)
{
	struct listeners listeners;
	struct error_text error;

	CU_ASSERT_EQUAL(listeners_open(&listeners, &unix_only, "", &error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "nothing to listen on"));
}

/* Their close could block for as long as the client likes. */
static void descriptors_cannot_be_passed_along_where_the_kernel_can_forbid_it(void)
{
	CLEANUP(close_fd) int fresh = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct place place = make_place();
	struct listeners listeners;
	struct error_text error;
	socklen_t size = sizeof(int);
	int is_passed = 1;

	CU_ASSERT_EQUAL_FATAL(listeners_open(&listeners, &unix_only, place.path, &error), 0);
	if (getsockopt(fresh, SOL_SOCKET, SO_PASSRIGHTS, &is_passed, &size) < 0) {
		CU_ASSERT_EQUAL(errno, ENOPROTOOPT); /* before Linux 6.16 */
	} else {
		CU_ASSERT_EQUAL(is_passed, 1);
		CU_ASSERT_EQUAL(getsockopt(listeners.items[0].fd, SOL_SOCKET, SO_PASSRIGHTS,
					   &is_passed, &size),
				0);
		CU_ASSERT_EQUAL(is_passed, 0);
	}
	listeners_close(&listeners);
	remove_place(&place);
}

/* --- the rule for addresses ------------------------------------------------------------------- */

static int check_rule(bool is_loopback, char *file, bool allow_cleartext)
{
	const struct config_http http = {.access_token_file = file,
					 .allow_cleartext = allow_cleartext};
	struct listeners listeners = {.count = 2};
	struct error_text error = {.text = ""};
	int r;

	listeners.items[0] = (struct listener){.fd = -1, .is_unix = true, .name = "unix:/x"};
	listeners.items[1] = (struct listener){
		.fd = -1, .is_loopback = is_loopback, .name = "http://192.0.2.1:80"};
	r = listeners_check(&listeners, &http, &error);
	CU_ASSERT_EQUAL(r < 0, strstr(error.text, "http://192.0.2.1:80 is not loopback") != NULL);
	return r;
}

static void beyond_loopback_it_takes_a_token_and_a_yes_to_cleartext(void)
{
	CU_ASSERT_EQUAL(check_rule(false, nothing, false), -EINVAL);
	CU_ASSERT_EQUAL(check_rule(false, nothing, true), -EINVAL);
	CU_ASSERT_EQUAL(check_rule(false, token_file, false), -EINVAL);
	CU_ASSERT_EQUAL(check_rule(false, token_file, true), 0);
	CU_ASSERT_EQUAL(check_rule(true, nothing, false), 0);
}

/* --- sockets of systemd ----------------------------------------------------------------------- */

/* Runs as a service that was given count copies of fd; the child's answer is r, or that many
 * listeners. */
static int with_given(int fd, int count, const char *unix_socket)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct listeners listeners;
		struct error_text error;
		char number[16];
		int copy = fcntl(fd, F_DUPFD, SD_LISTEN_FDS_START + count);
		int r;

		for (int i = 0; i < count; i++)
			if (dup2(copy, SD_LISTEN_FDS_START + i) < 0)
				_exit(255);
		(void)snprintf(number, sizeof(number), "%d", getpid());
		(void)setenv("LISTEN_PID", number, 1);
		(void)snprintf(number, sizeof(number), "%d", count);
		(void)setenv("LISTEN_FDS", number, 1);
		r = listeners_open(&listeners, &one, unix_socket, &error);
		count = (int)listeners.count;
		listeners_close(&listeners);
		_exit(r == 0 ? count : 128 - r);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status) > 128 ? 128 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

static int tcp_listener(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		abort();
	return fd;
}

static void sockets_of_systemd_replace_the_addresses(void)
{
	CLEANUP(close_fd) int tcp = tcp_listener();
	struct place place = make_place();
	CLEANUP(close_fd) int local = make_socket(&place, SOCK_STREAM);
	struct place other = make_place();

	CU_ASSERT_EQUAL(with_given(tcp, 2, ""), 2);
	CU_ASSERT_EQUAL(with_given(tcp, 2, other.path), 3);
	CU_ASSERT_EQUAL(with_given(local, 1, other.path), 1);
	CU_ASSERT_EQUAL(access(place.path, F_OK), 0); /* systemd's: not ours to remove */
	remove_place(&other);
	remove_place(&place);
}

static void more_sockets_than_there_is_room_for_are_refused(void)
{
	CLEANUP(close_fd) int tcp = tcp_listener();
	struct place place = make_place();

	CU_ASSERT_EQUAL(with_given(tcp, LISTENERS_MAX - 1, place.path), LISTENERS_MAX);
	CU_ASSERT_EQUAL(with_given(tcp, LISTENERS_MAX, place.path), -EINVAL);
	CU_ASSERT_EQUAL(with_given(tcp, LISTENERS_MAX + 1, place.path), -EINVAL);
	remove_place(&place);
}

static void what_does_not_listen_is_refused(void)
{
	CLEANUP(close_fd) int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(close_fd) int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct place place = make_place();
	CLEANUP(close_fd) int packets = make_socket(&place, SOCK_SEQPACKET);

	CU_ASSERT_EQUAL(with_given(idle, 1, ""), -EINVAL);
	CU_ASSERT_EQUAL(with_given(file, 1, ""), -EINVAL);
	CU_ASSERT_EQUAL(with_given(packets, 1, ""), -EINVAL);
	remove_place(&place);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_address_is_listened_on_and_named_with_its_port",
		 every_address_is_listened_on_and_named_with_its_port},
		{"the_unix_socket_is_for_everybody_whatever_the_umask",
		 the_unix_socket_is_for_everybody_whatever_the_umask},
		{"a_socket_that_nobody_listens_on_any_more_is_replaced",
		 a_socket_that_nobody_listens_on_any_more_is_replaced},
		{"a_socket_that_somebody_listens_on_is_left_alone",
		 a_socket_that_somebody_listens_on_is_left_alone},
		{"a_path_that_does_not_fit_or_is_no_socket_is_refused",
		 a_path_that_does_not_fit_or_is_no_socket_is_refused},
		{"nothing_to_listen_on_is_a_mistake", nothing_to_listen_on_is_a_mistake},
		{"descriptors_cannot_be_passed_along_where_the_kernel_can_forbid_it",
		 descriptors_cannot_be_passed_along_where_the_kernel_can_forbid_it},
		{"beyond_loopback_it_takes_a_token_and_a_yes_to_cleartext",
		 beyond_loopback_it_takes_a_token_and_a_yes_to_cleartext},
		{"sockets_of_systemd_replace_the_addresses",
		 sockets_of_systemd_replace_the_addresses},
		{"more_sockets_than_there_is_room_for_are_refused",
		 more_sockets_than_there_is_room_for_are_refused},
		{"what_does_not_listen_is_refused", what_does_not_listen_is_refused},
		CU_TEST_INFO_NULL,
	};

	return harness_run("listener", tests);
}
