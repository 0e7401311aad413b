/* SPDX-License-Identifier: MIT */
#include "httpd/command.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/control_call.h"
#include "base/runtime_path.h"

/* The broker answers at once; only a suspension waits for a disk. */
#define ANSWER_USEC (15 * USEC_PER_S)
/* For a place in the socket's queue or among the connections that the broker serves at a time, as
 * long as tokenbroker_reject() tries. The pauses between two knocks double: a broker that is
 * busy has the work of every refusal. */
#define PLACE_NS       NS_PER_S
#define KNOCK_MIN_USEC (USEC_PER_S / 100)
#define KNOCK_MAX_USEC (USEC_PER_S / 10)

struct command {
	const char *runtime_path; /* borrowed */
	struct tokenbroker_control_request request;
	int64_t place_by_ns; /* CLOCK_MONOTONIC */
	uint64_t knock_usec; /* the next pause */
	int fd;              /* -1: it waits for a place */
	sd_event_source *io;
	sd_event_source *timer;
	command_done done;
	void *userdata;
};

void command_cancel(struct command *command)
{
	if (command == NULL)
		return;
	sd_event_source_disable_unref(command->io);
	sd_event_source_disable_unref(command->timer);
	cleanup_close_fd(&command->fd);
	free(command);
}

static void finish(struct command *command, int error,
		   const struct tokenbroker_control_answer *answer)
{
	command_done done = command->done;
	void *userdata = command->userdata;

	command_cancel(command);
	done(userdata, error, answer);
}

static int on_knock(sd_event_source *source, uint64_t usec, void *userdata);

static int wait_for_place(struct command *command, sd_event *event)
{
	int r = sd_event_add_time_relative(event, &command->timer, CLOCK_MONOTONIC,
					   command->knock_usec, command->knock_usec / 10, on_knock,
					   command);

	command->knock_usec *= 2;
	if (command->knock_usec > KNOCK_MAX_USEC)
		command->knock_usec = KNOCK_MAX_USEC;
	return r < 0 ? r : 0;
}

static bool has_time_for_a_place(const struct command *command)
{
	return clock_monotonic_ns() < command->place_by_ns;
}

/* The other end has closed the connection. */
static int hang_up_and_wait(struct command *command)
{
	sd_event *event = sd_event_source_get_event(command->io);

	command->io = sd_event_source_disable_unref(command->io);
	command->timer = sd_event_source_disable_unref(command->timer);
	cleanup_close_fd(&command->fd);
	command->fd = -1;
	return wait_for_place(command, event);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct command *command = userdata;
	struct tokenbroker_control_answer answer;
	int r = control_call_receive(fd, &answer);

	(void)source;
	(void)events;
	if (r == 0 && answer.result == TOKENBROKER_CONTROL_BUSY && has_time_for_a_place(command)) {
		r = hang_up_and_wait(command);
		if (r == 0)
			return 0;
	}
	finish(command, r, r < 0 ? NULL : &answer);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	finish(userdata, -ETIMEDOUT, NULL);
	return 0;
}

/* -EAGAIN: there is no place in the queue. */
static int ask(struct command *command)
{
	CLEANUP(close_fd) int directory_fd = -1;
	CLEANUP(close_fd) int fd = -1;
	uid_t owner;
	int r = runtime_path_open(command->runtime_path, &directory_fd, &owner);

	if (r < 0)
		return r == -ENOENT ? -ECONNREFUSED : r;
	r = control_call_open(directory_fd, owner, 0, &fd);
	if (r == 0)
		r = control_call_send(fd, &command->request);
	if (r < 0)
		return r;
	command->fd = fd;
	fd = -1;
	return 0;
}

static int wait_for_answer(struct command *command, sd_event *event)
{
	int r = sd_event_add_io(event, &command->io, command->fd, EPOLLIN, on_answer, command);

	if (r >= 0)
		r = sd_event_add_time_relative(event, &command->timer, CLOCK_MONOTONIC, ANSWER_USEC,
					       0, on_timeout, command);
	return r < 0 ? r : 0;
}

static int knock(struct command *command, sd_event *event)
{
	int r = ask(command);

	if (r == 0)
		return wait_for_answer(command, event);
	if (r == -EAGAIN && has_time_for_a_place(command))
		return wait_for_place(command, event);
	return r;
}

static int on_knock(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct command *command = userdata;
	int r;

	(void)usec;
	command->timer = NULL;
	r = knock(command, sd_event_source_get_event(source));
	sd_event_source_disable_unref(source);
	if (r < 0)
		finish(command, r, NULL);
	return 0;
}

int command_start(struct command **ret, sd_event *event, const char *runtime_path,
		  const struct tokenbroker_control_request *request, command_done done,
		  void *userdata)
{
	struct command *command = calloc(1, sizeof(*command));
	int r;

	if (command == NULL)
		return -ENOMEM;
	*command = (struct command){
		.runtime_path = runtime_path,
		.request = *request,
		.place_by_ns = clock_monotonic_ns() + PLACE_NS,
		.knock_usec = KNOCK_MIN_USEC,
		.fd = -1,
		.done = done,
		.userdata = userdata,
	};
	r = knock(command, event);
	if (r < 0) {
		command_cancel(command);
		return r;
	}
	*ret = command;
	return 0;
}

struct tokenbroker_control_request command_request(enum tokenbroker_control_command command,
						   const char *name, const struct peer *peer)
{
	struct tokenbroker_control_request request = control_call_request(command, name);

	if (!peer->is_unix) {
		request.origin = TOKENBROKER_CONTROL_ACCESS_TOKEN;
		return request;
	}
	request.origin = TOKENBROKER_CONTROL_USER;
	request.origin_uid = peer->uid;
	request.origin_gid = peer->gid;
	request.origin_group_count = (uint32_t)peer->group_count;
	for (size_t i = 0; i < peer->group_count; i++)
		request.origin_groups[i] = peer->groups[i];
	return request;
}
