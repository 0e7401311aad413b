/* SPDX-License-Identifier: MIT */
/*
 * What the command line sees of a broker: status.json, and a control socket that answers what the
 * test says and then changes the document as a broker would.
 */
#ifndef TESTS_UNIT_CLI_FAKE_BROKER_H
#define TESTS_UNIT_CLI_FAKE_BROKER_H

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clientlib/stage.h"
#include "tokenbroker_control.h"

/* One token called default. Times are far in the future, and errors newer than any command. */
struct fake_status {
	const char *state; /* NULL: no token at all */
	unsigned generation;
	unsigned fetches_ok;
	unsigned fetches_failed;
	unsigned revocations_ok;
	unsigned revocations_failed;
	const char *last_error; /* JSON, or NULL */
};

/* By rename, as the broker does it. */
static inline void fake_put_status(const struct stage *stage, const char *text)
{
	char aside[STAGE_PATH];
	char path[STAGE_PATH];
	FILE *file;

	stage_path(stage, "status.new", aside);
	stage_path(stage, "status.json", path);
	file = fopen(aside, "we");
	STAGE_MUST(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
	STAGE_MUST(rename(aside, path) == 0);
}

static inline void fake_show_status(const struct stage *stage, const struct fake_status *status)
{
	char token[1024] = "";
	char text[1536];

	if (status->state != NULL)
		STAGE_MUST(snprintf(token, sizeof(token),
				    "{\"name\":\"default\",\"state\":\"%s\",\"generation\":%u,"
				    "\"fingerprint\":\"0123456789ab\","
				    "\"expires_at\":\"2200-01-01T00:00:00Z\",\"last_error\":%s,"
				    "\"counters\":{\"fetches\":{\"ok\":%u,\"failed\":%u},"
				    "\"revocations\":{\"ok\":%u,\"failed\":%u}}}",
				    status->state, status->generation,
				    status->last_error != NULL ? status->last_error : "null",
				    status->fetches_ok, status->fetches_failed,
				    status->revocations_ok,
				    status->revocations_failed) < (int)sizeof(token));
	(void)snprintf(text, sizeof(text),
		       "{\"started_at\":\"2026-11-23T10:00:00Z\",\"tokens\":[%s]}\n", token);
	fake_put_status(stage, text);
}

struct fake_broker {
	const struct stage *stage;
	struct tokenbroker_control_answer answer;
	size_t answer_bytes;                        /* 0: closes without a word */
	bool is_deaf;                               /* answers and closes before it has read */
	const struct fake_status *after;            /* the document from then on; NULL: as it was */
	struct tokenbroker_control_request request; /* what came */
	ssize_t request_bytes;
	int listen_fd;
	pthread_t thread;
};

static inline struct tokenbroker_control_answer fake_answer(enum tokenbroker_control_result result)
{
	return (struct tokenbroker_control_answer){
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.result = (uint16_t)result,
		.generation = 7,
		.state = TOKENBROKER_SEGMENT_VALID,
	};
}

static inline void *fake_serve(void *argument)
{
	struct fake_broker *broker = argument;
	int fd = accept4(broker->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	STAGE_MUST(fd >= 0);
	if (!broker->is_deaf)
		broker->request_bytes =
			recv(fd, &broker->request, sizeof(broker->request), MSG_TRUNC);
	if (broker->answer_bytes > 0)
		STAGE_MUST(send(fd, &broker->answer, broker->answer_bytes, MSG_NOSIGNAL) > 0);
	STAGE_MUST(close(fd) == 0);
	if (broker->after != NULL) {
		stage_sleep_ms(50);
		fake_show_status(broker->stage, broker->after);
	}
	return NULL;
}

static inline int fake_listen(const struct stage *stage)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	STAGE_MUST(snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", stage->dir,
			    TOKENBROKER_CONTROL_SOCKET) < (int)sizeof(address.sun_path));
	STAGE_MUST(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	STAGE_MUST(listen(fd, 8) == 0);
	return fd;
}

/* For one connection; stage, answer and after are set. */
static inline void fake_start(struct fake_broker *broker)
{
	if (broker->answer.magic != 0 && broker->answer_bytes == 0)
		broker->answer_bytes = sizeof(broker->answer);
	broker->listen_fd = fake_listen(broker->stage);
	STAGE_MUST(pthread_create(&broker->thread, NULL, fake_serve, broker) == 0);
}

static inline void fake_stop(struct fake_broker *broker)
{
	char path[STAGE_PATH];

	STAGE_MUST(pthread_join(broker->thread, NULL) == 0);
	STAGE_MUST(close(broker->listen_fd) == 0);
	stage_path(broker->stage, TOKENBROKER_CONTROL_SOCKET, path);
	STAGE_MUST(unlink(path) == 0);
}

#endif
