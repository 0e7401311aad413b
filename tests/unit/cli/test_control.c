/* SPDX-License-Identifier: MIT */
#include "cli/control.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "fake_broker.h"
#include "harness.h"

/* Asks on that stage; the broker's files belong to owner. */
static int ask(const struct stage *stage, uid_t owner, int timeout_ms,
	       struct tokenbroker_control_answer *ret)
{
	CLEANUP(close_fd) int fd = open(stage->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return control_ask(fd, owner, TOKENBROKER_CONTROL_REVOKE, "default", timeout_ms, ret);
}

static void request_and_answer_go_through(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage,
				     .answer = fake_answer(TOKENBROKER_CONTROL_TOO_SOON)};
	struct tokenbroker_control_answer answer;

	fake_start(&broker);
	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), 0);
	fake_stop(&broker);
	CU_ASSERT_EQUAL(answer.result, TOKENBROKER_CONTROL_TOO_SOON);
	CU_ASSERT_EQUAL(broker.request_bytes, sizeof(broker.request));
	CU_ASSERT_EQUAL(broker.request.magic, TOKENBROKER_CONTROL_MAGIC);
	CU_ASSERT_EQUAL(broker.request.version, TOKENBROKER_CONTROL_VERSION);
	CU_ASSERT_EQUAL(broker.request.command, TOKENBROKER_CONTROL_REVOKE);
	CU_ASSERT_EQUAL(broker.request.generation, 0);
	CU_ASSERT_EQUAL(broker.request.origin, TOKENBROKER_CONTROL_SELF);
	CU_ASSERT_STRING_EQUAL(broker.request.name, "default");
}

static void an_answer_in_front_of_the_request_counts(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage,
				     .is_deaf = true,
				     .answer = fake_answer(TOKENBROKER_CONTROL_DENIED)};
	struct tokenbroker_control_answer answer;

	fake_start(&broker);
	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), 0);
	fake_stop(&broker);
	CU_ASSERT_EQUAL(answer.result, TOKENBROKER_CONTROL_DENIED);
}

static void without_a_listener_nobody_is_there(void)
{
	ON_STAGE(stage);
	struct tokenbroker_control_answer answer;

	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), -ECONNREFUSED);
	STAGE_MUST(close(fake_listen(&stage)) == 0); /* what a dead broker left */
	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), -ECONNREFUSED);
}

static void a_mute_broker_is_given_up(void)
{
	ON_STAGE(stage);
	int fd = fake_listen(&stage); /* accepts, and says nothing */
	struct tokenbroker_control_answer answer;
	int64_t start_ns = stage_now_ns();

	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 100, &answer), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 100);
	(void)close(fd);
}

static void what_is_no_answer_is_refused(void)
{
	ON_STAGE(stage);
	struct fake_broker broker = {.stage = &stage};
	struct tokenbroker_control_answer answer;

	fake_start(&broker);
	CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), -ECONNRESET);
	fake_stop(&broker);

	for (int i = 0; i < 3; i++) {
		broker = (struct fake_broker){.stage = &stage,
					      .answer = fake_answer(TOKENBROKER_CONTROL_ACCEPTED)};
		if (i == 0)
			broker.answer.magic++;
		if (i == 1)
			broker.answer.version++;
		if (i == 2)
			broker.answer_bytes = sizeof(broker.answer) - 1;
		fake_start(&broker);
		CU_ASSERT_EQUAL(ask(&stage, geteuid(), 5000, &answer), -EPROTO);
		fake_stop(&broker);
	}
}

static void a_stranger_who_listens_is_not_believed(void)
{
	ON_STAGE(stage);
	struct tokenbroker_control_answer answer;
	int status;
	int fd;
	pid_t pid;

	if (stage_lacks_root())
		return;
	/* The credentials of a listening socket are those of listen(2). */
	fd = fake_listen(&stage);
	pid = fork();
	if (pid == 0)
		_exit(setuid(12345) == 0 && listen(fd, 8) == 0 ? 0 : 1);
	STAGE_MUST(waitpid(pid, &status, 0) == pid && status == 0);
	CU_ASSERT_EQUAL(ask(&stage, 0, 5000, &answer), -EPERM);
	CU_ASSERT_EQUAL(ask(&stage, 23456, 5000, &answer), -EPERM);
	CU_ASSERT_EQUAL(ask(&stage, 12345, 100, &answer), -ETIMEDOUT);
	(void)close(fd);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"request_and_answer_go_through", request_and_answer_go_through},
		{"an_answer_in_front_of_the_request_counts",
		 an_answer_in_front_of_the_request_counts},
		{"without_a_listener_nobody_is_there", without_a_listener_nobody_is_there},
		{"a_mute_broker_is_given_up", a_mute_broker_is_given_up},
		{"what_is_no_answer_is_refused", what_is_no_answer_is_refused},
		{"a_stranger_who_listens_is_not_believed", a_stranger_who_listens_is_not_believed},
		CU_TEST_INFO_NULL,
	};

	return harness_run("control", tests);
}
