/* SPDX-License-Identifier: MIT */
#include "cli/status_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/status_table.h"

/* A look is one fstatat(2); a countdown in seconds looks even at this pace. */
enum { LOOK_MS = 250 };

/* xterm's control sequences: the other screen without cursor, and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"
#define CLEAR_SCREEN "\033[H\033[2J"

struct watch {
	struct broker_status *status;
	bool is_json;
	bool is_terminal;
	bool has_colours;
	sigset_t signals;
	int load_error; /* of the last load */
	struct error_text error;
	char *last; /* what is shown now; NULL: nothing yet */
};

/* What a block on anything but a terminal depends on; a countdown alone is no change. */
struct summary {
	int load_error;
	bool is_stale;
	size_t expired;
};

static struct summary summarise(const struct watch *watch, int64_t now_ns)
{
	struct summary summary = {
		.load_error = watch->load_error,
		.is_stale = status_file_is_stale(&watch->status->file.mark, now_ns),
	};

	for (size_t i = 0; i < watch->status->view->token_count; i++)
		summary.expired += status_view_state_at(&watch->status->view->tokens[i],
							now_ns / NS_PER_S) == STATUS_VIEW_EXPIRED;
	return summary;
}

static void print_frame(const struct watch *watch, FILE *stream, int64_t now_ns)
{
	const struct status_file *file = &watch->status->file;

	if (watch->load_error != 0) {
		(void)fprintf(stream, "%s\n", watch->error.text);
		return;
	}
	if (watch->is_json) {
		(void)fwrite(file->text, 1, file->length, stream);
		return;
	}
	if (status_file_is_stale(&file->mark, now_ns))
		(void)fputs("tokenbrokerd has stopped; this is what it wrote last\n", stream);
	status_table_print(stream, watch->status->view, now_ns / NS_PER_S, watch->has_colours);
}

/* NULL: out of memory. */
static char *render(const struct watch *watch, int64_t now_ns)
{
	char *frame = NULL;
	size_t length;
	FILE *stream = open_memstream(&frame, &length);

	if (stream == NULL)
		return NULL;
	print_frame(watch, stream, now_ns);
	if (fclose(stream) != 0) {
		free(frame);
		return NULL;
	}
	return frame;
}

/* 0, also if there is nothing to show again. */
static int show(struct watch *watch, int64_t now_ns, bool is_change)
{
	char *frame = render(watch, now_ns);
	bool is_first = watch->last == NULL;

	if (frame == NULL)
		return -ENOMEM;
	if (!is_first && (watch->is_terminal ? strcmp(frame, watch->last) == 0 : !is_change)) {
		free(frame);
		return 0;
	}
	free(watch->last);
	watch->last = frame;
	if (watch->is_terminal)
		(void)fputs(CLEAR_SCREEN, stdout);
	else if (!is_first && !watch->is_json)
		(void)fputc('\n', stdout);
	(void)fputs(frame, stdout);
	return output_flush();
}

static void load(struct watch *watch)
{
	watch->status->is_new = false;
	if (watch->load_error != 0 || broker_status_has_moved(watch->status))
		watch->load_error = broker_status_load(watch->status, &watch->error);
}

static void switch_screen(const struct watch *watch, const char *sequence)
{
	if (watch->is_terminal) {
		(void)fputs(sequence, stdout);
		(void)fflush(stdout);
	}
}

/* Ctrl-Z: the shell gets its screen back, and we ours when it continues us. */
static void stop(struct watch *watch)
{
	switch_screen(watch, LEAVE_SCREEN);
	(void)raise(SIGSTOP);
	switch_screen(watch, ENTER_SCREEN);
	free(watch->last);
	watch->last = NULL;
}

/* Sleeps. false: a signal says that this is the end. */
static bool pause_watch(struct watch *watch)
{
	static const struct timespec pause = {.tv_nsec = LOOK_MS * NS_PER_MS};
	int signal = sigtimedwait(&watch->signals, NULL, &pause);

	if (signal == SIGTSTP)
		stop(watch);
	return signal != SIGINT && signal != SIGTERM && signal != SIGHUP;
}

static int watch_on(struct watch *watch)
{
	struct summary before = {0};
	int r;

	do {
		struct summary now;
		int64_t now_ns;

		load(watch);
		now_ns = clock_realtime_ns();
		now = summarise(watch, now_ns);
		r = show(watch, now_ns,
			 watch->status->is_new || now.load_error != before.load_error ||
				 now.is_stale != before.is_stale || now.expired != before.expired);
		before = now;
	} while (r == 0 && pause_watch(watch));
	return r;
}

static void block_signals(struct watch *watch)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};

	(void)sigemptyset(&watch->signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&watch->signals, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &watch->signals, NULL);
}

int status_watch(struct broker_status *status, bool is_json)
{
	struct watch watch = {
		.status = status,
		.is_json = is_json,
		.is_terminal = output_is_terminal(),
		.has_colours = output_has_colours(),
	};
	int r;

	block_signals(&watch);
	switch_screen(&watch, ENTER_SCREEN);
	r = watch_on(&watch);
	switch_screen(&watch, LEAVE_SCREEN);
	free(watch.last);
	return r < 0 ? output_lost(r) : EXIT_STATUS_OK;
}
