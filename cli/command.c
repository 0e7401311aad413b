/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/broker_status.h"
#include "cli/control.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/subcommand.h"

enum {
	WAIT_DEFAULT_MS = 35000, /* design: the longest request, its turn in the queue, and some */
	ANSWER_MS = 10000,       /* suspend answers after a sync to a disk that may be slow */
	LOOK_MS = 100,           /* the broker writes its status ten times a second at most */
	SHOW_MS = 2000,          /* how long a suspension, in force, waits to be shown */
};

struct command {
	const char *verb;
	const char *name;
	enum tokenbroker_control_command code;
	int64_t wait_ms;
	int64_t deadline_ms; /* by the boot clock: the end of wait_ms */
	struct broker_status status;
	struct outcome_baseline baseline;
	bool is_followed; /* the status document can be read, so the outcome will show in it */
};

static void cleanup_command(struct command *command)
{
	broker_status_fini(&command->status);
}

static enum tokenbroker_control_command code_of(const char *verb)
{
	static const struct {
		const char *verb;
		enum tokenbroker_control_command code;
	} codes[] = {
		{"refresh", TOKENBROKER_CONTROL_REFRESH},
		{"revoke", TOKENBROKER_CONTROL_REVOKE},
		{"suspend", TOKENBROKER_CONTROL_SUSPEND},
		{"resume", TOKENBROKER_CONTROL_RESUME},
	};
	size_t i = 0;

	while (strcmp(codes[i].verb, verb) != 0) {
		i++;
		assert(i < sizeof(codes) / sizeof(codes[0]));
	}
	return codes[i].code;
}

static int64_t realtime_s(void)
{
	return clock_realtime_ns() / NS_PER_S;
}

/* The state before the command. A broker whose status cannot be read is commanded all the same: a
 * leaked token must not live on because a disk is full. */
static void look_before(struct command *command, struct error_text *error)
{
	command->is_followed = broker_status_load(&command->status, error) == 0;
	if (command->is_followed)
		outcome_baseline_init(&command->baseline, command->code, command->status.view,
				      command->name, realtime_s());
}

/* Nobody waits longer than asked to, for the answer either; with no time to spend the answer is
 * waited for all the same, being the whole result. */
static int answer_timeout_ms(const struct command *command)
{
	if (command->wait_ms > 0 && command->wait_ms < ANSWER_MS)
		return (int)command->wait_ms;
	return ANSWER_MS;
}

static int explain_no_answer(const struct command *command, int error)
{
	if (error != -ETIMEDOUT)
		return output_error(error, command->name);
	output_message("tokenbrokerd gave no answer in time, and may %s '%s' yet: `tokenbroker "
		       "status` shows whether it does",
		       command->verb, command->name);
	return EXIT_STATUS_TIMED_OUT;
}

static int send_command(struct command *command)
{
	struct tokenbroker_control_answer answer;
	struct error_text text;
	int r = control_ask(command->status.runtime_fd, command->status.owner, command->code,
			    command->name, answer_timeout_ms(command), &answer);

	if (r < 0)
		return explain_no_answer(command, r);
	outcome_baseline_accepted(&command->baseline, &answer);
	if (answer.result != TOKENBROKER_CONTROL_ACCEPTED) {
		exit_status_explain_answer(&answer, command->verb, command->name, &text);
		output_message("%s", text.text);
	}
	return exit_status_of_result(answer.result);
}

static void explain_last_error(const struct command *command)
{
	const struct status_view_token *token =
		status_view_find(command->status.view, command->name);
	const struct status_view_error *last = &token->last_error;

	if (!token->has_last_error)
		return;
	output_message("%s: %s%s%s", last->reason, last->message, last->hint[0] != '\0' ? "; " : "",
		       last->hint);
}

static int report(const struct command *command, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DONE:
		return EXIT_STATUS_OK;
	case OUTCOME_DONE_SAME_TOKEN:
		output_message("the server gave out the same token '%s' again", command->name);
		return EXIT_STATUS_OK;
	case OUTCOME_DONE_NO_TOKEN:
		output_message(
			"the old token '%s' is revoked; there is no new one yet, and the broker "
			"goes on trying",
			command->name);
		explain_last_error(command);
		return EXIT_STATUS_OK;
	case OUTCOME_FETCH_FAILED:
		output_message("%s '%s': no new token; the broker goes on trying", command->verb,
			       command->name);
		explain_last_error(command);
		return EXIT_STATUS_FAILURE;
	case OUTCOME_REVOCATION_FAILED:
		output_message(
			"the old token '%s' is no longer given to readers, but the server has "
			"not confirmed that it is revoked: `tokenbroker status` shows whether "
			"the broker still tries",
			command->name);
		explain_last_error(command);
		return EXIT_STATUS_FAILURE;
	case OUTCOME_GONE:
		output_message("token '%s' has left the configuration meanwhile", command->name);
		return EXIT_STATUS_NO_TOKEN;
	case OUTCOME_OPEN:
		break;
	}
	output_message("%s '%s' was accepted, but its outcome did not show in time: `tokenbroker "
		       "status` will",
		       command->verb, command->name);
	return EXIT_STATUS_TIMED_OUT;
}

static enum outcome follow(struct command *command)
{
	static const struct timespec pause = {.tv_nsec = LOOK_MS * NS_PER_MS};

	for (;;) {
		enum outcome outcome;

		/* A document that cannot be read now may be readable at the next look. */
		if (broker_status_has_moved(&command->status))
			(void)broker_status_load(&command->status, NULL);
		outcome = outcome_judge(&command->baseline, command->status.view, command->name,
					realtime_s());
		if (outcome != OUTCOME_OPEN || clock_boottime_ms() >= command->deadline_ms)
			return outcome;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

/* The answer to suspend is its outcome; but who looks at the status next shall see it, too. */
static int finish_suspend(struct command *command)
{
	int64_t shown_ms = clock_boottime_ms() + SHOW_MS;

	if (command->deadline_ms > shown_ms)
		command->deadline_ms = shown_ms;
	if (command->is_followed)
		(void)follow(command);
	return EXIT_STATUS_OK;
}

static int execute(struct command *command)
{
	struct error_text error;
	int status;

	command->deadline_ms = clock_boottime_ms() + command->wait_ms;
	if (command->wait_ms > 0)
		look_before(command, &error);
	status = send_command(command);
	if (status != EXIT_STATUS_OK || command->wait_ms == 0)
		return status;
	if (command->code == TOKENBROKER_CONTROL_SUSPEND)
		return finish_suspend(command);
	if (command->is_followed)
		return report(command, follow(command));
	output_message("%s '%s' was accepted, but its outcome cannot be seen: %s", command->verb,
		       command->name, error.text);
	return EXIT_STATUS_FAILURE;
}

int command_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	CLEANUP(command)
	struct command command = {
		.verb = subcommand->name,
		.name = arguments->name,
		.code = code_of(subcommand->name),
		.wait_ms = arguments->wait_ms < 0 ? WAIT_DEFAULT_MS : arguments->wait_ms,
		.status = BROKER_STATUS_NULL,
	};
	struct error_text error;
	int r = broker_status_open(&command.status, &error);

	if (r == 0)
		return execute(&command);
	output_message("%s", error.text);
	return r == -ENOENT ? EXIT_STATUS_NO_BROKER : exit_status_of_error(r);
}
