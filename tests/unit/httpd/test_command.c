/* SPDX-License-Identifier: MIT */
#include "httpd/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/fake_broker.h"
#include "harness.h"

/* For what must happen. */
#define LONG_USEC (10 * USEC_PER_S)
/* So long a command knocks. */
#define KNOCKS_NS NS_PER_S

/* A command and the broker it is for, in one loop. */
struct scene {
	struct stage stage;
	sd_event *event;
	sd_event_source *listener;
	int listen_fd;
	unsigned busy_turns; /* so many are answered "busy" before the others */
	bool is_mute;        /* takes connections and says nothing */
	unsigned knocks;     /* connections taken */
	struct tokenbroker_control_request request; /* the last one */
	struct command *command;
	unsigned done; /* how often */
	int error;
	struct tokenbroker_control_answer answer;
};

static int on_knock(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct scene *scene = userdata;
	CLEANUP(close_fd) int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	enum tokenbroker_control_result result = scene->knocks < scene->busy_turns
							 ? TOKENBROKER_CONTROL_BUSY
							 : TOKENBROKER_CONTROL_ACCEPTED;
	const struct tokenbroker_control_answer answer = fake_answer(result);

	(void)source;
	(void)events;
	STAGE_MUST(client >= 0);
	scene->knocks++;
	STAGE_MUST(recv(client, &scene->request, sizeof(scene->request), 0) ==
		   sizeof(scene->request));
	if (!scene->is_mute)
		(void)send(client, &answer, sizeof(answer), MSG_NOSIGNAL); /* it may be gone */
	return 0;
}

static void on_done(void *userdata, int error, const struct tokenbroker_control_answer *answer)
{
	struct scene *scene = userdata;

	scene->done++;
	scene->command = NULL;
	scene->error = error;
	if (answer != NULL)
		scene->answer = *answer;
}

static void set_up(struct scene *scene, int backlog)
{
	*scene = (struct scene){.stage = stage_set_up(), .error = 1, .listen_fd = -1};
	STAGE_MUST(sd_event_new(&scene->event) >= 0);
	if (backlog < 0)
		return;
	scene->listen_fd = fake_listen(&scene->stage);
	STAGE_MUST(listen(scene->listen_fd, backlog) == 0);
}

static void open_up(struct scene *scene)
{
	STAGE_MUST(sd_event_add_io(scene->event, &scene->listener, scene->listen_fd, EPOLLIN,
				   on_knock, scene) >= 0);
}

static void tear_down(struct scene *scene)
{
	command_cancel(scene->command);
	sd_event_source_disable_unref(scene->listener);
	sd_event_unref(scene->event);
	cleanup_close_fd(&scene->listen_fd);
	stage_tear_down(&scene->stage);
}

static int start(struct scene *scene)
{
	const struct peer peer = {.is_unix = true, .uid = 12, .gid = 34};
	const struct tokenbroker_control_request request =
		command_request(TOKENBROKER_CONTROL_REFRESH, "default", &peer);

	return command_start(&scene->command, scene->event, scene->stage.dir, &request, on_done,
			     scene);
}

static void run_until_done(struct scene *scene)
{
	while (scene->done == 0)
		STAGE_MUST(sd_event_run(scene->event, LONG_USEC) > 0);
}

static void what_the_broker_answers_is_told_once(void)
{
	struct scene scene;

	set_up(&scene, 8);
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	CU_ASSERT_EQUAL(scene.done, 0); /* never from within command_start() */
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, 0);
	CU_ASSERT_EQUAL(scene.answer.result, TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(scene.answer.generation, 7);
	CU_ASSERT_EQUAL(scene.request.command, TOKENBROKER_CONTROL_REFRESH);
	CU_ASSERT_STRING_EQUAL(scene.request.name, "default");
	CU_ASSERT_EQUAL(scene.request.origin, TOKENBROKER_CONTROL_USER);
	CU_ASSERT_EQUAL(scene.request.origin_uid, 12);
	CU_ASSERT_EQUAL(scene.request.origin_gid, 34);
	CU_ASSERT_EQUAL(sd_event_run(scene.event, 0), 0); /* nothing of it is left in the loop */
	CU_ASSERT_EQUAL(scene.done, 1);
	tear_down(&scene);
}

static void a_busy_broker_is_asked_again(void)
{
	struct scene scene;

	set_up(&scene, 8);
	scene.busy_turns = 3;
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, 0);
	CU_ASSERT_EQUAL(scene.answer.result, TOKENBROKER_CONTROL_ACCEPTED);
	CU_ASSERT_EQUAL(scene.knocks, 4);
	tear_down(&scene);
}

static void a_broker_that_stays_busy_is_asked_for_a_second_less_and_less_often(void)
{
	int64_t start_ns = clock_monotonic_ns();
	struct scene scene;

	set_up(&scene, 8);
	scene.busy_turns = UINT_MAX;
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, 0);
	CU_ASSERT_EQUAL(scene.answer.result, TOKENBROKER_CONTROL_BUSY);
	CU_ASSERT(clock_monotonic_ns() - start_ns >= KNOCKS_NS);
	/* 0, 10, 30, 70, 150 ms, then each 100 ms. */
	CU_ASSERT(scene.knocks > 1 && scene.knocks <= 15);
	tear_down(&scene);
}

/* With the queue full until the first knock has failed. */
static void a_place_in_the_queue_is_waited_for(void)
{
	struct scene other;
	struct scene scene;

	set_up(&scene, 0);
	other = (struct scene){.stage = scene.stage, .event = scene.event};
	CU_ASSERT_EQUAL(start(&other), 0); /* takes the one place */
	CU_ASSERT_EQUAL(start(&scene), 0);
	open_up(&scene);
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, 0);
	CU_ASSERT_EQUAL(scene.knocks, 2);
	CU_ASSERT_EQUAL(other.done, 1);
	tear_down(&scene);
}

static void a_queue_that_stays_full_is_told_after_a_second(void)
{
	int64_t start_ns = clock_monotonic_ns();
	struct scene other;
	struct scene scene;

	set_up(&scene, 0);
	other = (struct scene){.stage = scene.stage, .event = scene.event};
	CU_ASSERT_EQUAL(start(&other), 0);
	CU_ASSERT_EQUAL(start(&scene), 0);
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, -EAGAIN);
	CU_ASSERT(clock_monotonic_ns() - start_ns >= KNOCKS_NS);
	CU_ASSERT_EQUAL(other.done, 0);
	command_cancel(other.command);
	tear_down(&scene);
}

static void a_broker_that_hangs_up_without_a_word_is_an_error(void)
{
	struct scene scene;

	set_up(&scene, 8);
	scene.is_mute = true;
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	run_until_done(&scene);
	CU_ASSERT_EQUAL(scene.error, -ECONNRESET);
	CU_ASSERT_EQUAL(scene.knocks, 1);
	tear_down(&scene);
}

static void where_nobody_listens_nothing_begins(void)
{
	struct scene scene;

	set_up(&scene, -1);
	CU_ASSERT_EQUAL(start(&scene), -ECONNREFUSED); /* no socket */
	scene.listen_fd = fake_listen(&scene.stage);
	cleanup_close_fd(&scene.listen_fd);
	scene.listen_fd = -1;
	CU_ASSERT_EQUAL(start(&scene), -ECONNREFUSED); /* one that a broker left behind */
	STAGE_MUST(chmod(scene.stage.dir, 0777) == 0);
	CU_ASSERT_EQUAL(start(&scene), -EPERM);
	CU_ASSERT_PTR_NULL(scene.command);
	CU_ASSERT_EQUAL(sd_event_run(scene.event, 0), 0);
	CU_ASSERT_EQUAL(scene.done, 0);
	STAGE_MUST(chmod(scene.stage.dir, 0755) == 0);
	tear_down(&scene);
}

static void a_broker_that_goes_while_one_waits_is_told_of(void)
{
	struct scene scene;

	set_up(&scene, 8);
	scene.busy_turns = UINT_MAX;
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	while (scene.knocks < 2)
		STAGE_MUST(sd_event_run(scene.event, LONG_USEC) > 0);
	scene.listener = sd_event_source_disable_unref(scene.listener);
	cleanup_close_fd(&scene.listen_fd);
	scene.listen_fd = -1;
	run_until_done(&scene);
	CU_ASSERT(scene.error == -ECONNREFUSED || scene.error == -ECONNRESET);
	tear_down(&scene);
}

static void who_has_cancelled_hears_nothing(void)
{
	struct scene scene;

	set_up(&scene, 8);
	scene.busy_turns = UINT_MAX;
	CU_ASSERT_EQUAL(start(&scene), 0);
	command_cancel(scene.command); /* while it waits for the answer */
	open_up(&scene);
	CU_ASSERT_EQUAL(start(&scene), 0);
	while (scene.knocks < 3)
		STAGE_MUST(sd_event_run(scene.event, LONG_USEC) > 0);
	command_cancel(scene.command); /* while it waits for a place, or for the answer */
	scene.command = NULL;
	CU_ASSERT_EQUAL(sd_event_run(scene.event, USEC_PER_S / 2), 0);
	CU_ASSERT_EQUAL(scene.done, 0);
	command_cancel(NULL);
	tear_down(&scene);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_the_broker_answers_is_told_once", what_the_broker_answers_is_told_once},
		{"a_busy_broker_is_asked_again", a_busy_broker_is_asked_again},
		{"a_broker_that_stays_busy_is_asked_for_a_second_less_and_less_often",
		 a_broker_that_stays_busy_is_asked_for_a_second_less_and_less_often},
		{"a_place_in_the_queue_is_waited_for", a_place_in_the_queue_is_waited_for},
		{"a_queue_that_stays_full_is_told_after_a_second",
		 a_queue_that_stays_full_is_told_after_a_second},
		{"a_broker_that_hangs_up_without_a_word_is_an_error",
		 a_broker_that_hangs_up_without_a_word_is_an_error},
		{"where_nobody_listens_nothing_begins", where_nobody_listens_nothing_begins},
		{"a_broker_that_goes_while_one_waits_is_told_of",
		 a_broker_that_goes_while_one_waits_is_told_of},
		{"who_has_cancelled_hears_nothing", who_has_cancelled_hears_nothing},
		CU_TEST_INFO_NULL,
	};

	return harness_run("command", tests);
}
