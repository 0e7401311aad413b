/* SPDX-License-Identifier: MIT */
#include "cli/status_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/text.h"
#include "cli/canvas.h"
#include "cli/get_format.h"
#include "cli/status_block.h"
#include "cli/status_words.h"

/* Of the configuration; `tokenbroker status` shows all. */
enum { WARNINGS_MAX = 3 };

/* A part of the screen, drawn. */
struct piece {
	char *text;
	size_t lines;
	enum status_block_rank rank; /* of a token's */
};

struct pieces {
	struct piece *items; /* one a token, as the document has them */
	size_t count;
};

static void cleanup_pieces(const struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		free(pieces->items[i].text);
	free(pieces->items);
}

static int64_t now_s(const struct status_screen *screen)
{
	return screen->now_ns / NS_PER_S;
}

static void draw_line(struct canvas *canvas, enum canvas_style style, const char *text)
{
	canvas_wrap(canvas, style, 2, text);
	canvas_end_line(canvas);
}

/* Right-aligned, on a line of its own if it must be. */
static void draw_clock(struct canvas *canvas, const struct status_screen *screen)
{
	char clock[CLOCK_RFC3339_BYTES];
	size_t cells = canvas_measure(canvas, clock_rfc3339(screen->now_ns, clock));

	if (canvas->column + 2 + cells > canvas->width)
		canvas_end_line(canvas);
	canvas_pad(canvas, cells < canvas->width ? canvas->width - cells : 0);
	canvas_put(canvas, CANVAS_FAINT, clock);
	canvas_end_line(canvas);
}

static void draw_broker(struct canvas *canvas, const struct status_screen *screen)
{
	int64_t age_s = (screen->now_ns - screen->mark.modified_ns) / NS_PER_S;
	const struct status_view *view = screen->view;
	char duration[DURATION_BYTES];
	char buffer[STATUS_WORDS_BYTES];
	char when[CLOCK_RFC3339_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "tokenbrokerd %s", view->version);
	canvas_wrap(canvas, CANVAS_STRONG, 0, text.data);
	text_init(&text, buffer, sizeof(buffer));
	if (view->started_at_s != 0)
		text_addf(&text, ", since %s (%s)", get_format_time(view->started_at_s, when),
			  duration_text(now_s(screen) - view->started_at_s, duration));
	if (!status_file_is_stale(&screen->mark, screen->now_ns))
		text_addf(&text, ", heartbeat %s ago", duration_text(age_s, duration));
	canvas_wrap(canvas, CANVAS_PLAIN, 2, text.data);
	draw_clock(canvas, screen);
}

static void draw_silence(struct canvas *canvas, const struct status_screen *screen)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (status_words_silence(&text, &screen->mark, screen->now_ns)) {
		text_add(&text, "; this is what it wrote last");
		draw_line(canvas, CANVAS_BAD, text.data);
	}
	if (screen->problem != NULL)
		draw_line(canvas, CANVAS_BAD, screen->problem);
}

static void draw_configuration(struct canvas *canvas, const struct status_view *view)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (view->config_error != NULL) {
		text_addf(&text, "configuration not taken over: %s", view->config_error);
		draw_line(canvas, CANVAS_BAD, text.data);
	}
	for (size_t i = 0; i < view->config_warning_count && i < WARNINGS_MAX; i++) {
		text_init(&text, buffer, sizeof(buffer));
		text_addf(&text, "warning: %s", view->config_warnings[i]);
		draw_line(canvas, CANVAS_WARNING, text.data);
	}
	if (view->config_warning_count > WARNINGS_MAX) {
		text_init(&text, buffer, sizeof(buffer));
		text_addf(&text, "and %zu more warnings: `tokenbroker status` shows all",
			  view->config_warning_count - WARNINGS_MAX);
		draw_line(canvas, CANVAS_WARNING, text.data);
	}
}

static void draw_summary(struct canvas *canvas, const struct status_screen *screen)
{
	const struct status_view *view = screen->view;
	char buffer[STATUS_WORDS_BYTES];
	struct text text;
	size_t usable = 0;

	text_init(&text, buffer, sizeof(buffer));
	for (size_t i = 0; i < view->token_count; i++)
		usable += status_view_is_usable_at(&view->tokens[i], now_s(screen));
	if (view->token_count == 0)
		text_add(&text, "no tokens: tokenbroker.conf names none");
	else
		text_addf(&text, "%zu token%s, %zu usable", view->token_count,
			  view->token_count == 1 ? "" : "s", usable);
	draw_line(canvas, usable == view->token_count ? CANVAS_PLAIN : CANVAS_WARNING, text.data);
}

static void draw_head(struct canvas *canvas, const struct status_screen *screen)
{
	draw_broker(canvas, screen);
	draw_silence(canvas, screen);
	draw_configuration(canvas, screen->view);
	draw_summary(canvas, screen);
}

static size_t name_cells(const struct status_view *view)
{
	size_t most = 0;

	for (size_t i = 0; i < view->token_count; i++)
		if (strlen(view->tokens[i].name) > most)
			most = strlen(view->tokens[i].name);
	return most;
}

static struct canvas canvas_on(const struct status_screen *screen, FILE *stream)
{
	return (struct canvas){
		.stream = stream,
		.width = screen->width,
		.has_utf8 = screen->has_utf8,
		.has_colours = screen->has_colours,
	};
}

/* What draw_piece() draws. */
struct subject {
	const struct status_view_token *token; /* NULL: the head, and the rest is not looked at */
	enum status_block_detail detail;
	size_t name_cells;
};

static int draw_piece(const struct status_screen *screen, const struct subject *subject,
		      struct piece *ret)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct canvas canvas = canvas_on(screen, stream);

	if (stream == NULL)
		return -ENOMEM;
	if (subject->token == NULL)
		draw_head(&canvas, screen);
	else
		status_block_draw(&canvas, subject->token, now_s(screen), subject->detail,
				  subject->name_cells);
	if (fclose(stream) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = (struct piece){.text = text, .lines = canvas.lines};
	return 0;
}

static int draw_tokens(const struct status_screen *screen, enum status_block_detail detail,
		       struct pieces *ret)
{
	const struct status_view *view = screen->view;
	struct subject subject = {.detail = detail, .name_cells = name_cells(view)};
	int r = 0;

	ret->items = calloc(view->token_count + 1, sizeof(*ret->items));
	if (ret->items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < view->token_count && r == 0; i++) {
		subject.token = &view->tokens[i];
		r = draw_piece(screen, &subject, &ret->items[i]);
		ret->items[i].rank = status_block_rank(&view->tokens[i], now_s(screen));
		ret->count += r == 0;
	}
	return r;
}

static size_t sum_lines(const struct pieces *pieces)
{
	size_t lines = 0;

	for (size_t i = 0; i < pieces->count; i++)
		lines += pieces->items[i].lines;
	return lines;
}

/* The screen, from top to bottom. */
struct sheet {
	FILE *stream;
	size_t room; /* lines that are left */
};

/* As much of it as there is room for. */
static void put_lines(struct sheet *sheet, const char *text)
{
	while (*text != '\0' && sheet->room > 0) {
		size_t length = strcspn(text, "\n") + 1;

		(void)fwrite(text, 1, length, sheet->stream);
		text += length;
		sheet->room--;
	}
}

static void put_line(struct sheet *sheet, const struct status_screen *screen,
		     enum canvas_style style, const char *text)
{
	struct canvas canvas = canvas_on(screen, sheet->stream);

	if (sheet->room == 0)
		return;
	canvas_put(&canvas, style, text);
	canvas_end_line(&canvas);
	sheet->room--;
}

static void put_all(struct sheet *sheet, const struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		put_lines(sheet, pieces->items[i].text);
}

/* Those in most trouble first, the last one perhaps in part; one line stays for how many are not
 * shown. */
static void put_most_urgent(struct sheet *sheet, const struct status_screen *screen,
			    const struct pieces *pieces)
{
	size_t left_out[STATUS_BLOCK_WELL + 1] = {0};
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	if (sheet->room == 0)
		return;
	sheet->room--;
	for (unsigned rank = 0; rank <= STATUS_BLOCK_WELL; rank++) {
		for (size_t i = 0; i < pieces->count; i++) {
			if (pieces->items[i].rank != rank)
				continue;
			left_out[rank] += sheet->room == 0;
			put_lines(sheet, pieces->items[i].text);
		}
	}
	sheet->room++;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "not all fits; left out: %zu in trouble, %zu well",
		  left_out[STATUS_BLOCK_UNUSABLE] + left_out[STATUS_BLOCK_IN_TROUBLE],
		  left_out[STATUS_BLOCK_WELL]);
	put_line(sheet, screen, CANVAS_STRONG, buffer);
}

static int put_tokens(struct sheet *sheet, const struct status_screen *screen)
{
	CLEANUP(pieces) struct pieces full = {0};
	CLEANUP(pieces) struct pieces brief = {0};
	bool can_be_full = screen->view->token_count <= sheet->room; /* thousands need no try */
	int r = can_be_full ? draw_tokens(screen, STATUS_BLOCK_FULL, &full) : 0;

	if (r < 0)
		return r;
	if (can_be_full && sum_lines(&full) <= sheet->room) {
		put_all(sheet, &full);
		return 0;
	}
	r = draw_tokens(screen, STATUS_BLOCK_BRIEF, &brief);
	if (r < 0)
		return r;
	if (sum_lines(&brief) <= sheet->room)
		put_all(sheet, &brief);
	else
		put_most_urgent(sheet, screen, &brief);
	return 0;
}

static int put_screen(struct sheet *sheet, const struct status_screen *screen)
{
	static const struct subject the_head = {.token = NULL};
	bool has_foot = sheet->room > 2;
	struct piece head;
	int r = draw_piece(screen, &the_head, &head);

	if (r < 0)
		return r;
	sheet->room -= has_foot; /* it is the last line, whatever comes before */
	put_lines(sheet, head.text);
	free(head.text);
	r = put_tokens(sheet, screen);
	sheet->room = has_foot;
	put_line(sheet, screen, CANVAS_FAINT, "q or Ctrl-C ends this");
	return r;
}

int status_screen_render(const struct status_screen *screen, char **ret)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t size;
	struct sheet sheet = {.stream = open_memstream(&text, &size), .room = screen->height};
	int r;

	if (sheet.stream == NULL)
		return -ENOMEM;
	r = put_screen(&sheet, screen);
	if (fclose(sheet.stream) != 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret = text;
	text = NULL;
	return 0;
}
