/* SPDX-License-Identifier: MIT */
#include "cli/status_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/status_screen.h"
#include "cli/status_table.h"
#include "cli/status_words.h"
#include "cli/terminal.h"

/* A look is one fstatat(2); a clock in seconds goes even at this pace. */
enum { LOOK_MS = 250 };

/* ECMA-48: to the upper left corner; erases from here to the end of the line, or of the screen.
 * Nothing is cleared that is not drawn over: that would flicker. */
#define HOME       "\033[H"
#define END_LINE   "\033[K\n"
#define END_SCREEN "\033[K\033[J"

struct watch {
	struct broker_status *status;
	bool is_json;
	struct terminal terminal;
	bool has_utf8;
	bool has_colours;
	int load_error; /* of the last load */
	struct error_text error;
	int64_t drawn_at_s; /* what the screen shows; 0: it must be drawn again */
};

/* What a block in a stream depends on; a countdown alone is no change. */
struct summary {
	bool is_first;
	int load_error;
	bool is_stale;
	bool is_stopped;
	size_t expired;
};

static struct summary summarise(const struct watch *watch, int64_t now_ns)
{
	const struct status_view *view = watch->status->view;
	struct summary summary = {
		.load_error = watch->load_error,
		.is_stale = status_file_is_stale(&watch->status->file.mark, now_ns),
		.is_stopped = status_file_is_of_a_stopped_broker(&watch->status->file.mark),
	};

	for (size_t i = 0; i < view->token_count; i++)
		summary.expired += status_view_state_at(&view->tokens[i], now_ns / NS_PER_S) ==
				   STATUS_VIEW_EXPIRED;
	return summary;
}

static void print_block(const struct watch *watch, int64_t now_ns)
{
	const struct status_file *file = &watch->status->file;
	char silence[STATUS_WORDS_BYTES];
	struct text text;

	if (watch->load_error != 0) {
		printf("%s\n", watch->error.text);
		return;
	}
	if (watch->is_json) {
		(void)fwrite(file->text, 1, file->length, stdout);
		return;
	}
	text_init(&text, silence, sizeof(silence));
	if (status_words_silence(&text, &file->mark, now_ns))
		printf("%s; this is what it wrote last\n", silence);
	status_table_print(stdout, watch->status->view, now_ns / NS_PER_S, watch->has_colours);
}

static bool is_same(const struct summary *a, const struct summary *b)
{
	return a->is_first == b->is_first && a->load_error == b->load_error &&
	       a->is_stale == b->is_stale && a->is_stopped == b->is_stopped &&
	       a->expired == b->expired;
}

/* To a stream, when there is something to tell. */
static int print_change(const struct watch *watch, int64_t now_ns, struct summary *last)
{
	struct summary now = summarise(watch, now_ns);
	bool is_first = last->is_first;

	if (!watch->status->is_new && is_same(&now, last))
		return 0;
	*last = now;
	if (!is_first && !watch->is_json)
		(void)fputc('\n', stdout);
	print_block(watch, now_ns);
	return output_flush();
}

/* In one write, so that no terminal shows half of it. */
static int write_screen(const char *text)
{
	CLEANUP(free_memory) char *sequence = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&sequence, &size);

	if (stream == NULL)
		return -ENOMEM;
	(void)fputs(HOME, stream);
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		(void)fwrite(text, 1, length, stream);
		text += length + 1;
		/* A newline at the end of the last line would scroll. */
		(void)fputs(*text == '\0' ? END_SCREEN : END_LINE, stream);
	}
	return fclose(stream) != 0 ? -ENOMEM : output_write(sequence, size);
}

/* To a terminal, each second and after each change. */
static int draw(struct watch *watch, int64_t now_ns)
{
	CLEANUP(free_memory) char *text = NULL;
	struct status_screen screen = {
		.view = watch->status->view,
		.mark = watch->status->file.mark,
		.problem = watch->load_error == 0 ? NULL : watch->error.text,
		.now_ns = now_ns,
		.has_utf8 = watch->has_utf8,
		.has_colours = watch->has_colours,
	};
	int r;

	if (!watch->terminal.is_drawing ||
	    (watch->drawn_at_s == now_ns / NS_PER_S && !watch->status->is_new))
		return 0;
	terminal_size(&screen.width, &screen.height);
	/* Erasing behind a full line would take its last character on some terminals. */
	screen.width -= screen.width > 1;
	r = status_screen_render(&screen, &text);
	if (r < 0)
		return r;
	watch->drawn_at_s = now_ns / NS_PER_S;
	return write_screen(text);
}

static void load(struct watch *watch)
{
	watch->status->is_new = false;
	if (watch->load_error != 0 || broker_status_has_moved(watch->status))
		watch->load_error = broker_status_load(watch->status, &watch->error);
}

/* 0 when it was told to end. */
static int watch_on(struct watch *watch)
{
	struct summary last = {.is_first = true};
	enum terminal_event event;
	int r;

	do {
		int64_t now_ns;

		load(watch);
		now_ns = clock_realtime_ns();
		r = watch->terminal.has_screen ? draw(watch, now_ns)
					       : print_change(watch, now_ns, &last);
		if (r < 0)
			return r;
		event = terminal_wait(&watch->terminal, LOOK_MS);
		if (event == TERMINAL_CHANGED)
			watch->drawn_at_s = 0;
	} while (event == TERMINAL_TIMEOUT || event == TERMINAL_CHANGED);
	return event == TERMINAL_GONE ? -EPIPE : 0;
}

int status_watch(struct broker_status *status, bool is_json)
{
	struct watch watch = {
		.status = status,
		.is_json = is_json,
		.terminal = TERMINAL_NULL,
		.has_utf8 = terminal_has_utf8(),
		.has_colours = output_has_colours(),
	};
	/* JSON is for programs, wherever it goes. */
	bool has_screen = !is_json && output_is_terminal();
	int r = terminal_begin(&watch.terminal, has_screen);

	if (r == 0)
		r = watch_on(&watch);
	terminal_end(&watch.terminal);
	return r < 0 ? output_lost(r) : EXIT_STATUS_OK;
}
