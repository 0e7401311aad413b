/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness.h"
#include "stage.h"
#include "tokenbroker_control.h"

/* What a broker does with one connection. */
enum action {
	ANSWER,              /* with result */
	ANSWER_BEFORE_ASKED, /* the same, and close with the request unread */
	ANSWER_MAGIC,        /* with a wrong one */
	ANSWER_VERSION,
	ANSWER_SHORT,
	ANSWER_LONG,
	CLOSE, /* without a word */
	MUTE,  /* until the client gives up */
};

struct turn {
	enum action action;
	uint16_t result;
};

/* A broker that does one turn after the other, in a thread. */
struct server {
	int fd;
	const struct turn *turns;
	unsigned turn_count;
	unsigned served;
	struct tokenbroker_control_request request; /* the last one */
	pthread_t thread;
};

static int listen_at(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	STAGE_MUST(fd >= 0 && strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	STAGE_MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	STAGE_MUST(chmod(path, 0666) == 0 && listen(fd, backlog) == 0);
	return fd;
}

static int listen_on(const struct stage *stage, int backlog)
{
	char path[STAGE_PATH];

	stage_path(stage, TOKENBROKER_CONTROL_SOCKET, path);
	return listen_at(path, backlog);
}

static void answer(int fd, const struct turn *turn)
{
	struct tokenbroker_control_answer answers[2] = {{
		.magic = TOKENBROKER_CONTROL_MAGIC + (turn->action == ANSWER_MAGIC),
		.version = TOKENBROKER_CONTROL_VERSION + (turn->action == ANSWER_VERSION),
		.result = turn->result,
	}};
	size_t size = sizeof(answers[0]);

	if (turn->action == ANSWER_SHORT)
		size -= 1;
	if (turn->action == ANSWER_LONG)
		size += 1;
	STAGE_MUST(send(fd, answers, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* False once nobody listens any more. */
static bool serve(struct server *server, const struct turn *turn)
{
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t size = sizeof(server->request);
	char end;

	if (fd < 0)
		return false;
	if (turn->action != ANSWER_BEFORE_ASKED)
		STAGE_MUST(recv(fd, &server->request, sizeof(server->request), 0) == size);
	if (turn->action == MUTE)
		STAGE_MUST(recv(fd, &end, 1, 0) == 0);
	else if (turn->action != CLOSE)
		answer(fd, turn);
	STAGE_MUST(close(fd) == 0);
	server->served++;
	return true;
}

static void *run_server(void *argument)
{
	struct server *server = argument;

	while (server->served < server->turn_count && serve(server, &server->turns[server->served]))
		;
	return NULL;
}

static void start(struct server *server, const struct stage *stage, const struct turn *turns,
		  unsigned turn_count)
{
	*server = (struct server){.turns = turns, .turn_count = turn_count};
	server->fd = listen_on(stage, 16);
	STAGE_MUST(pthread_create(&server->thread, NULL, run_server, server) == 0);
}

static void stop(struct server *server)
{
	STAGE_MUST(shutdown(server->fd, SHUT_RDWR) == 0); /* ends an accept(2) */
	STAGE_MUST(pthread_join(server->thread, NULL) == 0 && close(server->fd) == 0);
}

/* What a rejection of generation 7 says when the broker does these turns, with this generation
 * published. */
static int error_beside(uint64_t generation, const struct turn *turns, unsigned turn_count)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct server server;
	int r;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, generation, "a-token");
	WITH_HANDLE(tb);
	start(&server, &stage, turns, turn_count);
	r = tokenbroker_reject(tb, 7);
	stop(&server);
	CU_ASSERT_EQUAL(server.served, turn_count);
	return r;
}

static int error_after(const struct turn *turns, unsigned turn_count)
{
	return error_beside(7, turns, turn_count);
}

static int error_for(enum action action, uint16_t result)
{
	const struct turn turn = {.action = action, .result = result};

	return error_after(&turn, 1);
}

static void every_result_has_its_error(void)
{
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_ACCEPTED), 0);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_NOT_DURABLE), 0);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_STALE), -ESTALE);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_CONFLICT), -EKEYREVOKED);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_DENIED), -EACCES);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_UNKNOWN), -ENOENT);
	CU_ASSERT_EQUAL(error_for(ANSWER, TOKENBROKER_CONTROL_INVALID), -EINVAL);
}

static void an_answer_of_another_kind_is_refused(void)
{
	CU_ASSERT_EQUAL(error_for(ANSWER, 0), -EPROTO);
	CU_ASSERT_EQUAL(error_for(ANSWER, 77), -EPROTO);
	CU_ASSERT_EQUAL(error_for(ANSWER_MAGIC, TOKENBROKER_CONTROL_ACCEPTED), -EPROTO);
	CU_ASSERT_EQUAL(error_for(ANSWER_VERSION, TOKENBROKER_CONTROL_ACCEPTED), -EPROTO);
	CU_ASSERT_EQUAL(error_for(ANSWER_SHORT, TOKENBROKER_CONTROL_ACCEPTED), -EPROTO);
	CU_ASSERT_EQUAL(error_for(ANSWER_LONG, TOKENBROKER_CONTROL_ACCEPTED), -EPROTO);
}

static void an_answer_to_an_unread_request_is_heard(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 20; i++)
		wrong += error_for(ANSWER_BEFORE_ASKED, TOKENBROKER_CONTROL_DENIED) != -EACCES;
	CU_ASSERT_EQUAL(wrong, 0);
}

static void the_request_names_the_token_and_nothing_else(void)
{
	ON_STAGE(stage);
	const struct turn turn = {ANSWER, TOKENBROKER_CONTROL_ACCEPTED};
	struct tokenbroker_control_request wanted = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REJECT,
		.generation = UINT64_MAX,
		.name = STAGE_NAME,
		.origin = TOKENBROKER_CONTROL_SELF,
	};
	struct stage_segment segment;
	struct server server;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	start(&server, &stage, &turn, 1);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, UINT64_MAX), 0);
	stop(&server);
	CU_ASSERT_EQUAL(memcmp(&server.request, &wanted, sizeof(wanted)), 0);
}

static void a_busy_broker_is_asked_again(void)
{
	static const struct turn turns[] = {{ANSWER, TOKENBROKER_CONTROL_BUSY},
					    {ANSWER_BEFORE_ASKED, TOKENBROKER_CONTROL_BUSY},
					    {ANSWER, TOKENBROKER_CONTROL_TOO_SOON},
					    {ANSWER, TOKENBROKER_CONTROL_STALE}};

	CU_ASSERT_EQUAL(error_after(turns, 4), -ESTALE);
}

static void a_newer_token_ends_the_patience_with_a_busy_broker(void)
{
	static const struct turn busy = {ANSWER, TOKENBROKER_CONTROL_BUSY};

	CU_ASSERT_EQUAL(error_beside(8, &busy, 1), -ESTALE);
}

static void a_newer_token_is_told_by_a_broker_that_says_nothing(void)
{
	static const struct turn mute = {MUTE, 0};

	CU_ASSERT_EQUAL(error_beside(8, &mute, 1), -ESTALE);
}

static void a_lost_connection_is_made_again(void)
{
	static const struct turn turns[] = {
		{CLOSE, 0}, {CLOSE, 0}, {ANSWER, TOKENBROKER_CONTROL_ACCEPTED}};

	CU_ASSERT_EQUAL(error_after(turns, 3), 0);
}

static void a_broker_that_stays_busy_is_left_alone_after_a_second(void)
{
	ON_STAGE(stage);
	static struct turn turns[1000];
	struct stage_segment segment;
	struct server server;
	int64_t start_ns;

	for (unsigned i = 0; i < 1000; i++)
		turns[i] = (struct turn){ANSWER, TOKENBROKER_CONTROL_BUSY};
	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	start(&server, &stage, turns, 1000);
	start_ns = stage_now_ns();
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -EAGAIN);
	CU_ASSERT(stage_ms_since(start_ns) >= 800 && stage_ms_since(start_ns) < 1500);
	stop(&server);
	CU_ASSERT(server.served >= 5 && server.served < 30);
}

static void a_mute_broker_costs_a_second(void)
{
	int64_t start_ns = stage_now_ns();

	CU_ASSERT_EQUAL(error_for(MUTE, 0), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 990 && stage_ms_since(start_ns) < 1500);
}

static void a_full_queue_is_waited_for(void)
{
	ON_STAGE(stage);
	static const struct turn turns[] = {{ANSWER_BEFORE_ASKED, TOKENBROKER_CONTROL_BUSY},
					    {ANSWER, TOKENBROKER_CONTROL_ACCEPTED}};
	struct server server = {.turns = turns, .turn_count = 2};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stage_segment segment;
	pid_t child;
	int status;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	server.fd = listen_on(&stage, 0); /* room for one */
	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/control.sock", stage.dir);
	STAGE_MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	child = fork();
	if (child == 0)
		_exit(tokenbroker_reject(tb, 7) == 0 ? 0 : 1);
	stage_sleep_ms(50);
	STAGE_MUST(pthread_create(&server.thread, NULL, run_server, &server) == 0);
	STAGE_MUST(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT_EQUAL(status, 0);
	stop(&server);
	STAGE_MUST(close(fd) == 0);
}

static void a_queue_that_stays_full_costs_a_second(void)
{
	ON_STAGE(stage);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int server = listen_on(&stage, 0);
	struct stage_segment segment;
	int64_t start_ns;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/control.sock", stage.dir);
	STAGE_MUST(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	start_ns = stage_now_ns();
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 800 && stage_ms_since(start_ns) < 1500);
	STAGE_MUST(close(client) == 0 && close(server) == 0);
}

static void without_a_broker_there_is_nobody_to_tell(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -ECONNREFUSED);
	STAGE_MUST(close(listen_on(&stage, 1)) == 0); /* a socket that a dead broker left */
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -ECONNREFUSED);
}

static void without_a_runtime_directory_there_is_no_broker(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	char aside[STAGE_PATH];

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	snprintf(aside, sizeof(aside), "%.200s.aside", stage.dir);
	STAGE_MUST(rename(stage.dir, aside) == 0);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -ECONNREFUSED);
	STAGE_MUST(rename(aside, stage.dir) == 0);
}

static void generation_zero_never_was(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 0), -EINVAL);
}

static void a_directory_that_others_may_write_has_no_broker_to_trust(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	int fd = listen_on(&stage, 1);

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	STAGE_MUST(chmod(stage.dir, 0777) == 0);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -EPERM);
	STAGE_MUST(close(fd) == 0);
}

/* In a process of its own: listen(2) is where the credentials are taken. */
static pid_t listen_as(const struct stage *stage, uid_t uid)
{
	int ready[2];
	pid_t child;
	char byte = 0;

	STAGE_MUST(pipe2(ready, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		STAGE_MUST(setresuid(uid, uid, uid) == 0);
		listen_on(stage, 4);
		STAGE_MUST(write(ready[1], &byte, 1) == 1);
		pause();
		_exit(1);
	}
	STAGE_MUST(child > 0 && read(ready[0], &byte, 1) == 1);
	STAGE_MUST(close(ready[0]) == 0 && close(ready[1]) == 0);
	return child;
}

static int error_of_server_of(const struct stage *stage, struct tokenbroker *tb, uid_t uid)
{
	char path[STAGE_PATH];
	int status;
	int r;
	pid_t child;

	/* Whoever it is must be able to make the socket; the reader sees 0755 again. */
	STAGE_MUST(chmod(stage->dir, 0777) == 0);
	child = listen_as(stage, uid);
	STAGE_MUST(chmod(stage->dir, 0755) == 0);
	r = tokenbroker_reject(tb, 7);
	STAGE_MUST(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
	stage_path(stage, TOKENBROKER_CONTROL_SOCKET, path);
	STAGE_MUST(unlink(path) == 0);
	return r;
}

static void only_the_owner_of_the_directory_and_root_are_believed(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	if (stage_lacks_root())
		return;
	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(error_of_server_of(&stage, tb, 1), -EPERM);
	STAGE_MUST(chown(stage.dir, 1, 1) == 0);
	CU_ASSERT_EQUAL(error_of_server_of(&stage, tb, 2), -EPERM);
	CU_ASSERT_EQUAL(error_of_server_of(&stage, tb, 1), -ETIMEDOUT); /* believed, but mute */
}

static void root_is_believed_in_anybodys_directory(void)
{
	ON_STAGE(stage);
	const struct turn turn = {ANSWER, TOKENBROKER_CONTROL_ACCEPTED};
	struct stage_segment segment;
	struct server server;

	if (stage_lacks_root())
		return;
	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	STAGE_MUST(chown(stage.dir, 1, 1) == 0);
	start(&server, &stage, &turn, 1);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), 0);
	stop(&server);
	STAGE_MUST(chown(stage.dir, 65534, 65534) == 0);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), -EPERM);
}

/* The server listens in the stage, and its socket moves into a runtime directory with a long name.
 */
static void a_path_too_long_for_an_address_is_no_obstacle(void)
{
	ON_STAGE(stage);
	const struct turn turn = {ANSWER, TOKENBROKER_CONTROL_ACCEPTED};
	struct stage deep = stage;
	struct stage_segment segment;
	struct server server;
	char from[STAGE_PATH];
	char to[STAGE_PATH];

	strcat(deep.dir, "/a-directory-with-a-name-that-is-long-enough-to-make-a-path-of-it"
			 "-which-no-socket-address-has-room-for");
	stage_fill(&deep);
	stage_show(&deep, &segment, "a");
	WITH_HANDLE(tb);
	start(&server, &stage, &turn, 1);
	stage_path(&stage, TOKENBROKER_CONTROL_SOCKET, from);
	stage_path(&deep, TOKENBROKER_CONTROL_SOCKET, to);
	STAGE_MUST(rename(from, to) == 0);
	CU_ASSERT_EQUAL(tokenbroker_reject(tb, 7), 0);
	stop(&server);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_result_has_its_error", every_result_has_its_error},
		{"an_answer_of_another_kind_is_refused", an_answer_of_another_kind_is_refused},
		{"an_answer_to_an_unread_request_is_heard",
		 an_answer_to_an_unread_request_is_heard},
		{"the_request_names_the_token_and_nothing_else",
		 the_request_names_the_token_and_nothing_else},
		{"a_busy_broker_is_asked_again", a_busy_broker_is_asked_again},
		{"a_newer_token_ends_the_patience_with_a_busy_broker",
		 a_newer_token_ends_the_patience_with_a_busy_broker},
		{"a_newer_token_is_told_by_a_broker_that_says_nothing",
		 a_newer_token_is_told_by_a_broker_that_says_nothing},
		{"a_lost_connection_is_made_again", a_lost_connection_is_made_again},
		{"a_broker_that_stays_busy_is_left_alone_after_a_second",
		 a_broker_that_stays_busy_is_left_alone_after_a_second},
		{"a_mute_broker_costs_a_second", a_mute_broker_costs_a_second},
		{"a_full_queue_is_waited_for", a_full_queue_is_waited_for},
		{"a_queue_that_stays_full_costs_a_second", a_queue_that_stays_full_costs_a_second},
		{"without_a_broker_there_is_nobody_to_tell",
		 without_a_broker_there_is_nobody_to_tell},
		{"without_a_runtime_directory_there_is_no_broker",
		 without_a_runtime_directory_there_is_no_broker},
		{"generation_zero_never_was", generation_zero_never_was},
		{"a_directory_that_others_may_write_has_no_broker_to_trust",
		 a_directory_that_others_may_write_has_no_broker_to_trust},
		{"only_the_owner_of_the_directory_and_root_are_believed",
		 only_the_owner_of_the_directory_and_root_are_believed},
		{"root_is_believed_in_anybodys_directory", root_is_believed_in_anybodys_directory},
		{"a_path_too_long_for_an_address_is_no_obstacle",
		 a_path_too_long_for_an_address_is_no_obstacle},
		CU_TEST_INFO_NULL,
	};

	return harness_run("reject", tests);
}
