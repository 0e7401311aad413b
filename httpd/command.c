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

struct command {
	int fd;
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

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct tokenbroker_control_answer answer;
	int r = control_call_receive(fd, &answer);

	(void)source;
	(void)events;
	finish(userdata, r, r < 0 ? NULL : &answer);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	finish(userdata, -ETIMEDOUT, NULL);
	return 0;
}

static int watch(struct command *command, sd_event *event)
{
	int r = sd_event_add_io(event, &command->io, command->fd, EPOLLIN, on_answer, command);

	if (r >= 0)
		r = sd_event_add_time_relative(event, &command->timer, CLOCK_MONOTONIC, ANSWER_USEC,
					       0, on_timeout, command);
	return r < 0 ? r : 0;
}

int command_start(struct command **ret, sd_event *event, const char *runtime_path,
		  const struct tokenbroker_control_request *request, command_done done,
		  void *userdata)
{
	CLEANUP(close_fd) int directory_fd = -1;
	CLEANUP(close_fd) int fd = -1;
	struct command *command;
	uid_t owner;
	int r = runtime_path_open(runtime_path, &directory_fd, &owner);

	if (r < 0)
		return r == -ENOENT ? -ECONNREFUSED : r;
	r = control_call_open(directory_fd, owner, 0, &fd);
	if (r == 0)
		r = control_call_send(fd, request);
	if (r < 0)
		return r;
	command = calloc(1, sizeof(*command));
	if (command == NULL)
		return -ENOMEM;
	*command = (struct command){.fd = fd, .done = done, .userdata = userdata};
	fd = -1;
	r = watch(command, event);
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
