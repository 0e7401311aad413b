/* SPDX-License-Identifier: MIT */
/*
 * One read of a token from each place where programs have it from today.
 *
 *   peers ROUNDS LENGTH KIND:ADDRESS...
 *
 * - tokenbroker:NAME: tokenbroker_get()
 * - pread:FILE: pread() from a descriptor that is kept
 * - file:FILE: open, read, close
 * - keyctl:ID: KEYCTL_READ of a key
 * - redis:SOCKET: GET token over a Unix socket that is kept; redis-call: connected for each read
 * - memcached:SOCKET: get token likewise; memcached-call
 * - http:PORT: GET / from 127.0.0.1, a connection that is kept
 * - oidc:LIBRARY: getAccessToken3() of liboidc-agent, for the account "bench"
 *
 * Prints a line of JSON: the figures of each (bench/batches.h). Each is first asked once whether it
 * gives a token of LENGTH bytes.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <tokenbroker.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/batches.h"

enum { PEERS_MAX = 16, ANSWER_BYTES = 16384, BATCH_US = 500, CALLS_MAX = 5000 };

struct peer;
/* Reads the token once; its length. */
typedef size_t read_function(struct peer *peer);

struct peer {
	const char *address;
	read_function *read;
	const char *question; /* of a server, and how its answer ends behind the token */
	const char *end;
	int fd;
	struct tokenbroker *tb;
	char *(*get_access_token)(const char *, time_t, const char *, const char *, const char *);
	void (*secure_free)(void *);
	unsigned calls; /* in a batch, so that it takes about BATCH_US */
	char answer[ANSWER_BYTES];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "peers: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static size_t read_tokenbroker(struct peer *peer)
{
	struct tokenbroker_info info;

	if (tokenbroker_get(peer->tb, 0, peer->answer, sizeof(peer->answer), &info) < 0)
		die("tokenbroker_get");
	return info.length;
}

static size_t must_read(ssize_t length)
{
	if (length < 0)
		die("read");
	return (size_t)length;
}

static size_t read_pread(struct peer *peer)
{
	return must_read(pread(peer->fd, peer->answer, sizeof(peer->answer), 0));
}

static size_t read_file(struct peer *peer)
{
	CLEANUP(close_fd) int fd = open(peer->address, O_RDONLY | O_CLOEXEC);

	return must_read(read(fd, peer->answer, sizeof(peer->answer)));
}

static size_t read_key(struct peer *peer)
{
	return must_read(
		syscall(SYS_keyctl, KEYCTL_READ, peer->fd, peer->answer, sizeof(peer->answer), 0));
}

/* Servers: a question and an answer in text, told to be whole by its end. */

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static int connect_loopback(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		die(port);
	return fd;
}

/* What stands before the end of the answer, in its last or last but one line. */
static size_t ask(struct peer *peer, int fd)
{
	size_t end_length = strlen(peer->end);
	size_t length = 0;
	const char *token;

	if (write(fd, peer->question, strlen(peer->question)) < 0)
		die(peer->address);
	do {
		ssize_t n = read(fd, peer->answer + length, sizeof(peer->answer) - 1 - length);

		if (n <= 0)
			die(peer->address);
		length += (size_t)n;
	} while (length < end_length ||
		 memcmp(peer->answer + length - end_length, peer->end, end_length) != 0 ||
		 memchr(peer->answer, '\n', length - end_length) == NULL);
	length -= end_length;
	token = memrchr(peer->answer, '\n', length);
	return (size_t)(peer->answer + length - (token + 1));
}

static size_t read_kept(struct peer *peer)
{
	return ask(peer, peer->fd);
}

static size_t read_connected(struct peer *peer)
{
	CLEANUP(close_fd) int fd = connect_unix(peer->address);

	return ask(peer, fd);
}

static size_t read_oidc(struct peer *peer)
{
	char *token = peer->get_access_token("bench", 60, NULL, "bench", NULL);
	size_t length;

	if (token == NULL)
		die("oidc-agent gives no token");
	length = strlen(token);
	peer->secure_free(token);
	return length;
}

static void open_oidc(struct peer *peer)
{
	void *library = dlopen(peer->address, RTLD_NOW);

	if (library == NULL)
		die(dlerror());
	*(void **)&peer->get_access_token = dlsym(library, "getAccessToken3");
	*(void **)&peer->secure_free = dlsym(library, "_secFree");
	if (peer->get_access_token == NULL || peer->secure_free == NULL)
		die(dlerror());
}

#define REDIS     "GET token\r\n", "\r\n"
#define MEMCACHED "get token\r\n", "\r\nEND\r\n"
/* Two ends of line: the headers do not end so. */
#define HTTP "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\n\n"

static const struct {
	const char *kind;
	read_function *read;
	const char *question;
	const char *end;
} kinds[] = {
	{"tokenbroker", read_tokenbroker, NULL, NULL},
	{"pread", read_pread, NULL, NULL},
	{"file", read_file, NULL, NULL},
	{"keyctl", read_key, NULL, NULL},
	{"redis", read_kept, REDIS},
	{"redis-call", read_connected, REDIS},
	{"memcached", read_kept, MEMCACHED},
	{"memcached-call", read_connected, MEMCACHED},
	{"http", read_kept, HTTP},
	{"oidc", read_oidc, NULL, NULL},
};

static void open_peer(struct peer *peer, const char *kind)
{
	if (peer->read == read_tokenbroker && tokenbroker_open(&peer->tb, peer->address) < 0)
		die("tokenbroker_open");
	if (peer->read == read_pread)
		peer->fd = open(peer->address, O_RDONLY | O_CLOEXEC);
	if (peer->read == read_key)
		peer->fd = atoi(peer->address);
	if (peer->read == read_kept)
		peer->fd = strcmp(kind, "http") == 0 ? connect_loopback(peer->address)
						     : connect_unix(peer->address);
	if (peer->read == read_oidc)
		open_oidc(peer);
}

/* argument is cut: KIND and ADDRESS. */
static void peer_init(struct peer *peer, char *argument)
{
	char *colon = strchr(argument, ':');
	size_t i = 0;

	if (colon == NULL)
		die(argument);
	*colon = '\0';
	while (i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[i].kind, argument) != 0)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		die(argument);
	*peer = (struct peer){
		.address = colon + 1,
		.read = kinds[i].read,
		.question = kinds[i].question,
		.end = kinds[i].end,
		.fd = -1,
	};
	open_peer(peer, argument);
}

static void run(void *context, unsigned calls)
{
	struct peer *peer = context;

	for (unsigned i = 0; i < calls; i++)
		(void)peer->read(peer);
}

static void check(struct peer *peer, const char *kind, size_t length)
{
	size_t got = peer->read(peer);
	double call_ns;

	if (got != length) {
		(void)fprintf(stderr, "peers: %s gave %zu bytes, not %zu\n", kind, got, length);
		exit(EXIT_FAILURE);
	}
	call_ns = batches_time(&(struct batch_case){kind, run, peer}, 50);
	peer->calls = (unsigned)(BATCH_US * 1000 / call_ns) + 1;
	if (peer->calls > CALLS_MAX)
		peer->calls = CALLS_MAX;
}

int main(int argc, char **argv)
{
	static struct peer peers[PEERS_MAX];
	size_t count = argc > 3 ? (size_t)argc - 3 : 0;
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[1]) : 0;
	double *times = calloc(count * rounds + 1, sizeof(*times));

	if (count == 0 || count > PEERS_MAX || rounds == 0 || times == NULL)
		die("peers ROUNDS LENGTH KIND:ADDRESS...");
	for (size_t i = 0; i < count; i++) {
		peer_init(&peers[i], argv[i + 3]);
		check(&peers[i], argv[i + 3], (size_t)atoi(argv[2]));
	}
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			times[i * rounds + round] = batches_time(
				&(struct batch_case){argv[i + 3], run, &peers[i]}, peers[i].calls);
	for (size_t i = 0; i < count; i++) {
		printf("%s", i == 0 ? "{" : ",");
		batches_print(argv[i + 3], batches_figures(times + i * rounds, rounds));
	}
	printf("}\n");
	free(times);
	return EXIT_SUCCESS;
}
