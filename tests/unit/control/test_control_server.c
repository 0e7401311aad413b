/* SPDX-License-Identifier: MIT */
#include "server_fixture.h"

#include <sys/resource.h>

#include "base/clock.h"

static void a_message_is_answered_and_the_connection_closed(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);
	struct tokenbroker_control_answer answer;

	CU_ASSERT_EQUAL(send_request(client), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(receive_answer(client, &answer), TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(answer.generation, 42);
	CU_ASSERT_TRUE(is_closed(client));
	CU_ASSERT_EQUAL(fixture.handled, 1);
	CU_ASSERT_STRING_EQUAL(fixture.request.name, "default");
	CU_ASSERT_EQUAL(fixture.peer.uid, geteuid());
	CU_ASSERT_EQUAL(fixture.peer.gid, getegid());
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->handled, 1);
}

static void a_message_that_comes_later_is_answered_too(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);

	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(client), -EAGAIN);
	CU_ASSERT_EQUAL(send_request(client), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_TRUE(is_closed(client));
	CU_ASSERT_EQUAL(fixture.peer.uid, geteuid());
}

static void odd_messages_are_invalid(void)
{
	FIXTURE(fixture);
	const size_t lengths[] = {1, 511, 513, 4096};
	char message[4096];

	memset(message, 0, sizeof(message));
	for (size_t i = 0; i < 4; i++) {
		CLEANUP(close_fd) int client = connect_client(&fixture);
		struct tokenbroker_control_request good = refresh_request();

		memcpy(message, &good, sizeof(good)); /* wrong by its length alone */
		CU_ASSERT_EQUAL(send(client, message, lengths[i], 0), (ssize_t)lengths[i]);
		run_until_idle(&fixture);
		CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_INVALID);
		CU_ASSERT_TRUE(is_closed(client));
	}
	CU_ASSERT_EQUAL(fixture.handled, 0);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->invalid, 4);
}

static void an_empty_message_and_a_closed_half_are_invalid(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int empty = connect_client(&fixture);
	CLEANUP(close_fd) int half = connect_client(&fixture);

	CU_ASSERT_EQUAL(send(empty, "", 0, 0), 0);
	CU_ASSERT_EQUAL(shutdown(half, SHUT_WR), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(empty), TOKENBROKER_CONTROL_INVALID);
	CU_ASSERT_EQUAL(result_of(half), TOKENBROKER_CONTROL_INVALID);
}

static void only_the_first_message_counts(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);

	CU_ASSERT_EQUAL(send_request(client), 0);
	CU_ASSERT_EQUAL(send_request(client), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(fixture.handled, 1);
	CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_ACCEPTED);
}

static void peers_that_vanish_do_no_harm(void)
{
	FIXTURE(fixture);
	int before = connect_client(&fixture);
	int asking = connect_client(&fixture);
	int waiting;

	CU_ASSERT_EQUAL(send_request(asking), 0);
	close(before);
	close(asking);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(fixture.handled, 1); /* it was asked for, heard or not */
	waiting = connect_client(&fixture);
	run_until_idle(&fixture);
	close(waiting);
	run_until_idle(&fixture);
	CU_ASSERT_FALSE(turn(&fixture)); /* nothing left that would spin */
}

static void a_silent_client_is_closed_after_a_second(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int first = connect_client(&fixture);
	CLEANUP(close_fd) int second = -1;
	int64_t start_ns = clock_monotonic_ns();
	int64_t took_ms;

	CU_ASSERT_EQUAL(sd_event_run(fixture.event, 0), 1);
	(void)sd_event_run(fixture.event, 300000);
	second = connect_client(&fixture);
	while (control_server_counts(fixture.server)->late < 1)
		(void)sd_event_run(fixture.event, USEC_PER_S);
	took_ms = (clock_monotonic_ns() - start_ns) / NS_PER_MS;
	CU_ASSERT_TRUE(took_ms >= 990);
	CU_ASSERT_TRUE(is_closed(first));
	if (took_ms < 1250) { /* unless the machine stood still: its own second is not over */
		CU_ASSERT_EQUAL(result_of(second), -EAGAIN);
	}
	while (control_server_counts(fixture.server)->late < 2)
		(void)sd_event_run(fixture.event, USEC_PER_S);
	took_ms = (clock_monotonic_ns() - start_ns) / NS_PER_MS;
	CU_ASSERT_TRUE(took_ms >= 1290);
	CU_ASSERT_TRUE(is_closed(second));
	CU_ASSERT_FALSE(turn(&fixture));
}

static void one_user_holds_sixteen_places(void)
{
	FIXTURE(fixture);
	struct tokenbroker_control_answer answer;
	int clients[18];

	for (size_t i = 0; i < 18; i++)
		clients[i] = connect_client(&fixture);
	CU_ASSERT_EQUAL(send_request(clients[17]), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(clients[15]), -EAGAIN);
	CU_ASSERT_EQUAL(receive_answer(clients[16], &answer), TOKENBROKER_CONTROL_BUSY);
	CU_ASSERT_EQUAL(answer.retry_after_ms, 1000);
	CU_ASSERT_TRUE(is_closed(clients[16]));
	CU_ASSERT_EQUAL(send_request(clients[16]), -EPIPE);
	/* The one whose message was there is counted for its token, and hears the answer. */
	CU_ASSERT_EQUAL(receive_answer(clients[17], &answer), TOKENBROKER_CONTROL_BUSY);
	CU_ASSERT_EQUAL(fixture.refused, 1);
	CU_ASSERT_EQUAL(fixture.refused_result, TOKENBROKER_CONTROL_BUSY);
	CU_ASSERT_STRING_EQUAL(fixture.request.name, "default");
	CU_ASSERT_EQUAL(fixture.handled, 0);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->busy, 2);

	CU_ASSERT_EQUAL(send_request(clients[0]), 0); /* makes room */
	run_until_idle(&fixture);
	close(clients[17]);
	clients[17] = connect_client(&fixture);
	CU_ASSERT_EQUAL(send_request(clients[17]), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(clients[17]), TOKENBROKER_CONTROL_ACCEPTED);
	for (size_t i = 0; i < 18; i++)
		close(clients[i]);
}

static void sixteen_places_are_kept_for_administrators(void)
{
	FIXTURE(fixture);
	int clients[256];

	if (!is_root(__func__))
		return;
	for (unsigned i = 0; i < 240; i++)
		clients[i] = connect_as(&fixture, READERS + i / 16);
	run_until_idle(&fixture);
	{
		CLEANUP(close_fd) int late_reader = connect_as(&fixture, READERS + 15);

		CU_ASSERT_EQUAL(send_request(late_reader), 0);
		run_until_idle(&fixture);
		CU_ASSERT_EQUAL(result_of(late_reader), TOKENBROKER_CONTROL_BUSY);
	}
	for (unsigned i = 240; i < 256; i++)
		clients[i] = connect_as(&fixture, ADMINS);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->busy, 1);
	{
		CLEANUP(close_fd) int late_admin = connect_as(&fixture, ADMINS + 1);

		run_until_idle(&fixture);
		CU_ASSERT_EQUAL(result_of(late_admin), TOKENBROKER_CONTROL_BUSY);
	}
	for (unsigned i = 0; i < 256; i++) {
		CU_ASSERT_EQUAL(send_request(clients[i]), 0);
		run_until_idle(&fixture);
		CU_ASSERT_EQUAL(result_of(clients[i]), TOKENBROKER_CONTROL_ACCEPTED);
		close(clients[i]);
	}
	CU_ASSERT_EQUAL(fixture.handled, 256);
}

static void nobody_is_denied_at_once(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int silent = -1;
	CLEANUP(close_fd) int asking = -1;

	fixture.own_class = CONTROL_NOBODY;
	silent = connect_client(&fixture);
	asking = connect_client(&fixture);
	CU_ASSERT_EQUAL(send_request(asking), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(silent), TOKENBROKER_CONTROL_DENIED);
	CU_ASSERT_TRUE(is_closed(silent));
	CU_ASSERT_EQUAL(result_of(asking), TOKENBROKER_CONTROL_DENIED);
	CU_ASSERT_TRUE(is_closed(asking));
	CU_ASSERT_EQUAL(fixture.handled, 0);
	CU_ASSERT_EQUAL(fixture.refused, 1);
	CU_ASSERT_EQUAL(fixture.refused_result, TOKENBROKER_CONTROL_DENIED);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->denied, 2);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->busy, 0);
}

static void nobody_in_numbers_takes_no_place_from_others(void)
{
	FIXTURE(fixture);
	int strangers[200];
	int reader;

	if (!is_root(__func__))
		return;
	for (size_t i = 0; i < 200; i++)
		strangers[i] = connect_as(&fixture, STRANGER);
	reader = connect_as(&fixture, READERS);
	CU_ASSERT_EQUAL(send_request(reader), 0);
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->denied, 200);
	CU_ASSERT_EQUAL(result_of(reader), TOKENBROKER_CONTROL_ACCEPTED);
	for (size_t i = 0; i < 200; i++)
		close(strangers[i]);
	close(reader);
}

static void groups_are_those_of_the_connecting_process(void)
{
	FIXTURE(fixture);
	const gid_t groups[] = {501, 502, 503};
	int client;

	if (!is_root(__func__))
		return;
	if (setgroups(3, groups) < 0 || setegid(500) < 0)
		abort();
	client = connect_as(&fixture, READERS);
	if (setegid(0) < 0 || setgroups(0, NULL) < 0)
		abort();
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(send_request(client), 0); /* sent by root, asked by the reader */
	run_until_idle(&fixture);
	CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(fixture.peer.uid, READERS);
	CU_ASSERT_EQUAL(fixture.peer.gid, 500);
	CU_ASSERT_EQUAL(fixture.peer.group_count, 3);
	CU_ASSERT_EQUAL(fixture.first_group, 501);
	close(client);
}

static void a_flood_is_answered_a_bounded_piece_at_a_time(void)
{
	enum { QUEUE = 120, ROUNDS = 16 };
	FIXTURE(fixture);
	int clients[QUEUE];
	unsigned answered = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (size_t i = 0; i < QUEUE; i++) {
			clients[i] = connect_client(&fixture);
			CU_ASSERT_EQUAL(send_request(clients[i]), 0);
		}
		while (fixture.handled < round * QUEUE) {
			unsigned before = fixture.handled;

			if (sd_event_run(fixture.event, 10 * USEC_PER_S) <= 0)
				break;
			CU_ASSERT_TRUE(fixture.handled - before <= 64);
		}
		for (size_t i = 0; i < QUEUE; i++) {
			answered += result_of(clients[i]) == TOKENBROKER_CONTROL_ACCEPTED;
			close(clients[i]);
		}
	}
	CU_ASSERT_EQUAL(answered, QUEUE * ROUNDS);
	CU_ASSERT_EQUAL(fixture.handled, QUEUE * ROUNDS);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->paused, 0);
}

static void without_descriptors_it_pauses_instead_of_spinning(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);
	CLEANUP(close_fd) int lowest_free = dup(client);
	struct rlimit saved, limit;
	int64_t start_ns;

	CU_ASSERT_EQUAL(send_request(client), 0);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &saved), 0);
	limit = (struct rlimit){.rlim_cur = (rlim_t)lowest_free, .rlim_max = saved.rlim_max};
	close(lowest_free);
	lowest_free = -1;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	start_ns = clock_monotonic_ns();
	CU_ASSERT_TRUE(turn(&fixture));
	CU_ASSERT_FALSE(turn(&fixture));
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->paused, 1);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->pause_error, -EMFILE);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &saved), 0);

	while (fixture.handled == 0 && clock_monotonic_ns() - start_ns < 2 * NS_PER_S)
		(void)sd_event_run(fixture.event, USEC_PER_S);
	CU_ASSERT_TRUE(clock_monotonic_ns() - start_ns >= 95 * NS_PER_MS);
	CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(control_server_counts(fixture.server)->paused, 1);
}

/* Linux 6.16 and later. */
static bool can_refuse_descriptors(void)
{
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const int so_passrights = 83;
	int off = 0;

	return setsockopt(fd, SOL_SOCKET, so_passrights, &off, sizeof(off)) == 0;
}

static void a_descriptor_that_is_passed_is_refused(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);
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

	memcpy(CMSG_DATA(&control.header), &client, sizeof(int));
	if (can_refuse_descriptors()) {
		CU_ASSERT_EQUAL(sendmsg(client, &message, 0), -1);
		CU_ASSERT_EQUAL(errno, EPERM);
	} else {
		CU_ASSERT_EQUAL(sendmsg(client, &message, 0), (ssize_t)sizeof(request));
		run_until_idle(&fixture);
		CU_ASSERT_EQUAL(result_of(client), TOKENBROKER_CONTROL_INVALID);
	}
}

static void the_old_socket_gives_way_and_everybody_may_connect(void)
{
	FIXTURE(fixture);
	struct stat old_status, status;
	mode_t saved = umask(0777);
	int r;

	CU_ASSERT_EQUAL(fstatat(fixture.directory_fd, "control.sock", &old_status, 0), 0);
	control_server_free(fixture.server);
	fixture.server = NULL;
	CU_ASSERT_EQUAL(faccessat(fixture.directory_fd, "control.sock", F_OK, 0), 0);
	r = control_server_new(&fixture.server, fixture.event, fixture.directory_fd,
			       fixture.directory, &ops, &fixture, &fixture.error);
	umask(saved);
	CU_ASSERT_EQUAL_FATAL(r, 0);
	CU_ASSERT_EQUAL(fstatat(fixture.directory_fd, "control.sock", &status, 0), 0);
	CU_ASSERT_EQUAL(status.st_mode, S_IFSOCK | 0666);
	CU_ASSERT_EQUAL(old_status.st_mode, S_IFSOCK | 0666);
}

static void a_path_too_long_for_an_address_works(void)
{
	FIXTURE(fixture);
	char name[201], path[300];
	CLEANUP(close_fd) int directory_fd = -1;
	struct control_server *server = NULL;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s", fixture.directory, name);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0755), 0);
	directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(control_server_new(&server, fixture.event, directory_fd, path, &ops,
					   &fixture, &fixture.error),
			0);
	CU_ASSERT_EQUAL(faccessat(directory_fd, "control.sock", F_OK, 0), 0);
	control_server_free(server);
	CU_ASSERT_EQUAL(unlinkat(directory_fd, "control.sock", 0), 0);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void a_directory_in_its_place_is_an_error_that_names_it(void)
{
	FIXTURE(fixture);
	struct control_server *server = NULL;

	control_server_free(fixture.server);
	fixture.server = NULL;
	CU_ASSERT_EQUAL(unlinkat(fixture.directory_fd, "control.sock", 0), 0);
	CU_ASSERT_EQUAL(mkdirat(fixture.directory_fd, "control.sock", 0755), 0);
	CU_ASSERT_TRUE(control_server_new(&server, fixture.event, fixture.directory_fd,
					  fixture.directory, &ops, &fixture, &fixture.error) < 0);
	CU_ASSERT_PTR_NULL(server);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, "/control.sock: cannot remove"));
	CU_ASSERT_EQUAL(unlinkat(fixture.directory_fd, "control.sock", AT_REMOVEDIR), 0);
}

static void freeing_closes_those_who_wait(void)
{
	FIXTURE(fixture);
	CLEANUP(close_fd) int client = connect_client(&fixture);

	run_until_idle(&fixture);
	control_server_free(fixture.server);
	fixture.server = NULL;
	CU_ASSERT_TRUE(is_closed(client));
	control_server_free(NULL);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_message_is_answered_and_the_connection_closed),
		TEST(a_message_that_comes_later_is_answered_too),
		TEST(odd_messages_are_invalid),
		TEST(an_empty_message_and_a_closed_half_are_invalid),
		TEST(only_the_first_message_counts),
		TEST(peers_that_vanish_do_no_harm),
		TEST(a_silent_client_is_closed_after_a_second),
		TEST(one_user_holds_sixteen_places),
		TEST(sixteen_places_are_kept_for_administrators),
		TEST(nobody_is_denied_at_once),
		TEST(nobody_in_numbers_takes_no_place_from_others),
		TEST(groups_are_those_of_the_connecting_process),
		TEST(a_flood_is_answered_a_bounded_piece_at_a_time),
		TEST(without_descriptors_it_pauses_instead_of_spinning),
		TEST(a_descriptor_that_is_passed_is_refused),
		TEST(the_old_socket_gives_way_and_everybody_may_connect),
		TEST(a_path_too_long_for_an_address_works),
		TEST(a_directory_in_its_place_is_an_error_that_names_it),
		TEST(freeing_closes_those_who_wait),
		CU_TEST_INFO_NULL,
	};

	return harness_run("control_server", tests);
}
