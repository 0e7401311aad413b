/* SPDX-License-Identifier: MIT */
#include "cli/status_block.h"

#include <inttypes.h>
#include <string.h>

#include "base/duration.h"
#include "cli/get_format.h"
#include "cli/status_words.h"

enum { INDENT = 2, BAR_CELLS_MIN = 8, BAR_CELLS_MAX = 40 };

/* A token at a moment. */
struct moment {
	const struct status_view_token *token;
	int64_t now_s;
	enum status_view_state state;
	const struct status_view_error *error; /* that is current, or NULL */
};

static struct moment moment_of(const struct status_view_token *token, int64_t now_s)
{
	return (struct moment){
		.token = token,
		.now_s = now_s,
		.state = status_view_state_at(token, now_s),
		.error = status_view_current_error(token, now_s),
	};
}

enum status_block_rank status_block_rank(const struct status_view_token *token, int64_t now_s)
{
	if (!status_view_is_usable_at(token, now_s))
		return STATUS_BLOCK_UNUSABLE;
	if (token->pending_revocation_count > 0 || status_view_current_error(token, now_s) != NULL)
		return STATUS_BLOCK_IN_TROUBLE;
	return STATUS_BLOCK_WELL;
}

static enum canvas_style style_of(const struct moment *moment)
{
	switch (moment->state) {
	case STATUS_VIEW_VALID:
		return moment->error == NULL ? CANVAS_GOOD : CANVAS_WARNING;
	case STATUS_VIEW_EXPIRED:
		return CANVAS_BAD;
	case STATUS_VIEW_PENDING:
	case STATUS_VIEW_SUSPENDED:
		break;
	}
	return CANVAS_WARNING;
}

static void draw_title(struct canvas *canvas, const struct moment *moment, size_t name_cells)
{
	canvas_wrap(canvas, CANVAS_STRONG, 0, moment->token->name);
	canvas_pad(canvas, name_cells + 2);
	canvas_wrap(canvas, style_of(moment), INDENT, status_view_state_name(moment->state));
	if (moment->state == STATUS_VIEW_VALID && moment->error != NULL)
		canvas_wrap(canvas, style_of(moment), INDENT, ", with an error");
}

static bool has_lifetime(const struct moment *moment)
{
	return moment->state == STATUS_VIEW_VALID && moment->token->expires_at_s != 0;
}

/* A started cell is a full one: the last goes with the token. */
static size_t full_cells(const struct moment *moment, size_t cells)
{
	int64_t lifetime_s = moment->token->expires_at_s - moment->token->obtained_at_s;
	int64_t left_s = moment->token->expires_at_s - moment->now_s;

	if (left_s >= lifetime_s) /* the clock was set back */
		return cells;
	return (size_t)((double)left_s / (double)lifetime_s * (double)cells + 1);
}

static void draw_bar(struct canvas *canvas, const struct moment *moment, size_t cells)
{
	size_t full;

	if (cells < BAR_CELLS_MIN || moment->token->obtained_at_s == 0)
		return;
	cells = cells < BAR_CELLS_MAX ? cells : BAR_CELLS_MAX;
	full = full_cells(moment, cells);
	canvas_repeat(canvas, style_of(moment), CANVAS_BAR_FULL, full < cells ? full : cells);
	canvas_repeat(canvas, CANVAS_FAINT, CANVAS_BAR_EMPTY, full < cells ? cells - full : 0);
	canvas_pad(canvas, canvas->column + 2);
}

static void put_lifetime(struct text *text, const struct moment *moment)
{
	int64_t expires_s = moment->token->expires_at_s;
	char buffer[DURATION_BYTES];

	if (has_lifetime(moment))
		text_addf(text, "%s left", duration_countdown(expires_s - moment->now_s, buffer));
	else if (moment->state == STATUS_VIEW_EXPIRED && expires_s != 0)
		text_addf(text, "expired %s ago", duration_text(moment->now_s - expires_s, buffer));
}

static void put_next_attempt(struct text *text, const struct moment *moment)
{
	int64_t next_s = moment->token->next_attempt_at_s;
	char buffer[DURATION_BYTES];

	if (next_s == 0)
		return;
	text_add(text, text->length == 0 ? "" : ", ");
	if (next_s <= moment->now_s)
		text_add(text, "next attempt now");
	else
		text_addf(text, "next attempt in %s",
			  duration_countdown(next_s - moment->now_s, buffer));
}

static void draw_lifetime(struct canvas *canvas, const struct moment *moment)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	put_lifetime(&text, moment);
	put_next_attempt(&text, moment);
	if (text.length == 0)
		return;
	canvas_pad(canvas, INDENT);
	if (has_lifetime(moment))
		draw_bar(canvas, moment, canvas->width / 3);
	canvas_wrap(canvas, CANVAS_PLAIN, INDENT, text.data);
	canvas_end_line(canvas);
}

/* One indented paragraph. */
static void draw_text(struct canvas *canvas, enum canvas_style style, const char *text)
{
	canvas_pad(canvas, INDENT);
	canvas_wrap(canvas, style, 2 * INDENT, text);
	canvas_end_line(canvas);
}

static void draw_identity(struct canvas *canvas, const struct status_view_token *token)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	if (token->generation == 0)
		return;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "generation %" PRIu64, token->generation);
	if (token->fingerprint[0] != '\0')
		text_addf(&text, ", fingerprint %s", token->fingerprint);
	draw_text(canvas, CANVAS_PLAIN, text.data);
}

static void draw_counters(struct canvas *canvas, const struct status_view_counters *counters)
{
	const struct status_view_rejections *rejections = &counters->rejections;
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text,
		  "fetches %" PRIu64 " ok, %" PRIu64 " failed; revocations %" PRIu64 " ok, %" PRIu64
		  " failed; rejections %" PRIu64 " accepted, %" PRIu64 " not; publishes %" PRIu64,
		  counters->fetches_ok, counters->fetches_failed, counters->revocations_ok,
		  counters->revocations_failed, rejections->accepted,
		  rejections->stale + rejections->denied + rejections->conflict +
			  rejections->invalid + rejections->busy,
		  counters->publishes);
	draw_text(canvas, CANVAS_FAINT, text.data);
}

static bool is_ok(const struct status_view_outcome *outcome)
{
	return strcmp(outcome->result, "ok") == 0;
}

/* The newest on the right; what does not fit is older. */
static void draw_history(struct canvas *canvas, const struct status_view_token *token)
{
	size_t room = canvas->width > INDENT ? canvas->width - INDENT : 1;
	size_t first = token->history_count > room ? token->history_count - room : 0;

	if (token->history_count == 0)
		return;
	canvas_pad(canvas, INDENT);
	for (size_t i = first; i < token->history_count; i++) {
		bool ok = is_ok(&token->history[i]);

		canvas_repeat(canvas, ok ? CANVAS_GOOD : CANVAS_BAD,
			      ok ? CANVAS_OUTCOME_OK : CANVAS_OUTCOME_FAILED, 1);
	}
	canvas_end_line(canvas);
}

static void put_since(struct text *text, const struct moment *moment)
{
	int64_t since_s = moment->token->failing_since_s;
	char when[CLOCK_RFC3339_BYTES];
	char duration[DURATION_BYTES];

	if (since_s != 0)
		text_addf(text, "failing since %s (%s): ", get_format_time(since_s, when),
			  duration_text(moment->now_s - since_s, duration));
}

static void draw_current_error(struct canvas *canvas, const struct moment *moment)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	put_since(&text, moment);
	status_words_error(&text, moment->error);
	draw_text(canvas, CANVAS_BAD, text.data);
	if (moment->error->hint[0] == '\0')
		return;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "check: %s", moment->error->hint);
	draw_text(canvas, CANVAS_WARNING, text.data);
}

static void draw_past_error(struct canvas *canvas, const struct status_view_error *error)
{
	char buffer[STATUS_WORDS_BYTES];
	char when[CLOCK_RFC3339_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "last error, over: %s ", get_format_time(error->at_s, when));
	status_words_error(&text, error);
	draw_text(canvas, CANVAS_FAINT, text.data);
}

static void draw_trouble(struct canvas *canvas, const struct moment *moment)
{
	size_t revocations = moment->token->pending_revocation_count;
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (moment->state == STATUS_VIEW_SUSPENDED) {
		text_addf(&text, "suspended by an administrator until `tokenbroker resume %s`",
			  moment->token->name);
		draw_text(canvas, CANVAS_WARNING, text.data);
	}
	if (moment->error != NULL)
		draw_current_error(canvas, moment);
	if (revocations > 0) {
		text_init(&text, buffer, sizeof(buffer));
		status_words_revocations(&text, revocations);
		draw_text(canvas, CANVAS_WARNING, text.data);
	}
}

static void draw_full(struct canvas *canvas, const struct moment *moment, size_t name_cells)
{
	canvas_end_line(canvas);
	draw_title(canvas, moment, name_cells);
	canvas_end_line(canvas);
	draw_lifetime(canvas, moment);
	draw_trouble(canvas, moment);
	draw_identity(canvas, moment->token);
	draw_counters(canvas, &moment->token->counters);
	draw_history(canvas, moment->token);
	if (moment->token->has_last_error && moment->error == NULL)
		draw_past_error(canvas, &moment->token->last_error);
}

/* On the line as a whole, or not at all: a number that is cut is another number. */
static void put_if_it_fits(struct canvas *canvas, const char *text)
{
	if (text[0] == '\0' || canvas->column + 2 + canvas_measure(canvas, text) > canvas->width)
		return;
	canvas_pad(canvas, canvas->column + 2);
	canvas_put(canvas, CANVAS_PLAIN, text);
}

static void draw_brief(struct canvas *canvas, const struct moment *moment, size_t name_cells)
{
	char buffer[STATUS_WORDS_BYTES];
	struct text text;

	draw_title(canvas, moment, name_cells);
	text_init(&text, buffer, sizeof(buffer));
	put_lifetime(&text, moment);
	put_if_it_fits(canvas, buffer);
	text_init(&text, buffer, sizeof(buffer));
	put_next_attempt(&text, moment);
	put_if_it_fits(canvas, buffer);
	canvas_end_line(canvas);
	draw_trouble(canvas, moment);
}

void status_block_draw(struct canvas *canvas, const struct status_view_token *token, int64_t now_s,
		       enum status_block_detail detail, size_t name_cells)
{
	const struct moment moment = moment_of(token, now_s);

	if (detail == STATUS_BLOCK_FULL)
		draw_full(canvas, &moment, name_cells);
	else
		draw_brief(canvas, &moment, name_cells);
}
