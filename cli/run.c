/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/run_child.h"
#include "cli/run_directory.h"
#include "cli/subcommand.h"
#include "cli/token.h"

/* How long COMMAND's file may lag behind the published token. */
enum { TICK_MS = 250 };

struct run {
	struct token token;
	struct run_directory directory;
	struct tokenbroker_info written; /* of the token in the file */
	int64_t expires_boottime_ms;     /* of the same */
	bool has_complained;             /* a failure is told once, not at every tick */
};

static void cleanup_run(struct run *run)
{
	run_directory_fini(&run->directory);
	token_fini(&run->token);
}

static void complain(struct run *run, int error)
{
	if (!run->has_complained)
		output_message("cannot write %s: %s; trying on", run->directory.token_path,
			       strerror(-error));
	run->has_complained = true;
}

static int put_token(struct run *run, const char *value, const struct tokenbroker_info *info)
{
	int r;

	if (run->directory.has_token && info->generation == run->written.generation)
		return 0;
	if (!token_is_clean(value, info->length))
		return -EPROTO;
	r = run_directory_write(&run->directory, value, info->length);
	if (r < 0)
		return r;
	run->written = *info;
	run->expires_boottime_ms = clock_boottime_ms() + info->remaining_ms;
	run->has_complained = false;
	return 0;
}

/* Withdrawn, or gone: not just hidden by a segment that cannot be read at the moment. */
static bool is_withdrawn(int error)
{
	return error == -ENOKEY || error == -EKEYEXPIRED || error == -EKEYREVOKED ||
	       error == -ENOENT;
}

/* Makes the file what the token is now. 0, or why there is no usable token in it. */
static int update(struct run *run)
{
	const struct token_wish look = {.wait_ms = 0};
	struct tokenbroker_info info;
	char value[TOKEN_BUFFER_BYTES];
	int r = token_get(&run->token, &look, value, sizeof(value), &info);

	if (r == 0) {
		r = put_token(run, value, &info);
		explicit_bzero(value, sizeof(value));
	}
	/* A token that still lives is not thrown away because something else failed. */
	if (run->directory.has_token && r < 0 &&
	    (is_withdrawn(r) || run->expires_boottime_ms <= clock_boottime_ms()))
		(void)run_directory_withdraw(&run->directory);
	return r;
}

static int follow(struct run *run, struct run_child *child)
{
	int status;

	while (!run_child_wait(child, TICK_MS, &status)) {
		int r = update(run);

		if (r < 0 && !is_withdrawn(r))
			complain(run, r);
	}
	return status;
}

/* Returns when there is a usable token, or the status to end with: COMMAND is not started then. */
static int await_token(struct run *run, const struct arguments *arguments)
{
	const struct token_wish wish = {.wait_ms = arguments->wait_ms};
	struct tokenbroker_info info;
	int r;

	token_init(&run->token, arguments->name);
	r = token_get(&run->token, &wish, NULL, 0, &info);
	return r == -ENOBUFS ? EXIT_STATUS_OK : output_error(r, run->token.name);
}

static int make_file(struct run *run)
{
	const char *base = run_directory_choose_base(secure_getenv("XDG_RUNTIME_DIR"));
	struct error_text error;
	int r;

	if (run_directory_create(&run->directory, base, &error) < 0) {
		output_message("%s", error.text);
		return EXIT_STATUS_FAILURE;
	}
	r = update(run);
	return r < 0 ? output_error(r, run->token.name) : EXIT_STATUS_OK;
}

static int start(const struct run *run, struct run_child *child, char *const command[])
{
	int r = run_child_start(child, command, "BEARER_TOKEN_FILE", run->directory.token_path);

	if (r == 0)
		return EXIT_STATUS_OK;
	output_message("cannot execute '%s': %s", command[0], strerror(-r));
	return r == -ENOENT ? EXIT_STATUS_NOT_FOUND : EXIT_STATUS_NOT_EXECUTABLE;
}

int run_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	CLEANUP(run) struct run run = {.directory = RUN_DIRECTORY_NULL};
	struct run_child child;
	int status;

	(void)subcommand;
	status = await_token(&run, arguments);
	if (status != EXIT_STATUS_OK)
		return status;
	/* From here on no signal may end us: it would leave the file behind. */
	run_child_init(&child);
	status = make_file(&run);
	if (status == EXIT_STATUS_OK)
		status = start(&run, &child, arguments->command);
	return status == EXIT_STATUS_OK ? follow(&run, &child) : status;
}
