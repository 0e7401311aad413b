/* SPDX-License-Identifier: MIT */
#include "cli/status_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "cli/escape.h"
#include "cli/status_words.h"

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

enum { CELL_BYTES = 64 };

static void put_name(struct text *cell, const struct status_view_token *token, int64_t now_s)
{
	(void)now_s;
	text_add(cell, token->name);
}

static void put_state(struct text *cell, const struct status_view_token *token, int64_t now_s)
{
	text_add(cell, status_view_state_name(status_view_state_at(token, now_s)));
}

static void put_remaining(struct text *cell, const struct status_view_token *token, int64_t now_s)
{
	char duration[DURATION_BYTES];

	if (status_view_state_at(token, now_s) != STATUS_VIEW_VALID || token->expires_at_s == 0)
		text_add(cell, "-");
	else
		text_add(cell, duration_text(token->expires_at_s - now_s, duration));
}

static void put_generation(struct text *cell, const struct status_view_token *token, int64_t now_s)
{
	(void)now_s;
	if (token->generation == 0)
		text_add(cell, "-");
	else
		text_addf(cell, "%" PRIu64, token->generation);
}

static void put_next(struct text *cell, const struct status_view_token *token, int64_t now_s)
{
	char duration[DURATION_BYTES];

	if (token->next_attempt_at_s == 0)
		text_add(cell, "-");
	else if (token->next_attempt_at_s <= now_s)
		text_add(cell, "now");
	else
		text_addf(cell, "in %s", duration_text(token->next_attempt_at_s - now_s, duration));
}

/* All but the last column, whose text has no bound. */
static const struct column {
	const char *title;
	void (*put)(struct text *cell, const struct status_view_token *token, int64_t now_s);
} columns[] = {
	{"NAME", put_name},           {"STATE", put_state},
	{"REMAINING", put_remaining}, {"GENERATION", put_generation},
	{"NEXT ATTEMPT", put_next},
};

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]), STATE_COLUMN = 1 };

static size_t fill(const struct column *column, const struct status_view_token *token,
		   int64_t now_s, char cell[static CELL_BYTES])
{
	struct text text;

	text_init(&text, cell, CELL_BYTES);
	column->put(&text, token, now_s);
	return text.length;
}

static void measure(const struct status_view *view, int64_t now_s, size_t widths[COLUMN_COUNT])
{
	char cell[CELL_BYTES];

	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		widths[c] = strlen(columns[c].title);
		for (size_t i = 0; i < view->token_count; i++) {
			size_t width = fill(&columns[c], &view->tokens[i], now_s, cell);

			if (width > widths[c])
				widths[c] = width;
		}
	}
}

static const char *colour_of(enum status_view_state state)
{
	switch (state) {
	case STATUS_VIEW_VALID:
		return GREEN;
	case STATUS_VIEW_EXPIRED:
		return RED;
	case STATUS_VIEW_PENDING:
	case STATUS_VIEW_SUSPENDED:
		break;
	}
	return YELLOW;
}

static void put_trouble(struct text *text, const struct status_view_token *token, int64_t now_s)
{
	const struct status_view_error *error = status_view_current_error(token, now_s);

	if (status_view_state_at(token, now_s) == STATUS_VIEW_SUSPENDED)
		text_add(text, "suspended by an administrator until `tokenbroker resume`");
	if (error != NULL) {
		text_add(text, text->length == 0 ? "" : "; ");
		status_words_error(text, error);
		text_add(text, error->hint[0] == '\0' ? "" : "; ");
		text_add(text, error->hint);
	}
	if (token->pending_revocation_count > 0) {
		text_add(text, text->length == 0 ? "" : "; ");
		status_words_revocations(text, token->pending_revocation_count);
	}
	if (text->length == 0)
		text_add(text, "-");
}

static void print_row(FILE *stream, const struct status_view_token *token, int64_t now_s,
		      const size_t widths[COLUMN_COUNT], bool has_colours)
{
	const char *colour = colour_of(status_view_state_at(token, now_s));
	char trouble[STATUS_WORDS_BYTES];
	char cell[CELL_BYTES];
	struct text text;

	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		bool is_coloured = has_colours && c == STATE_COLUMN;

		(void)fill(&columns[c], token, now_s, cell);
		(void)fprintf(stream, "%s%-*s%s  ", is_coloured ? colour : "", (int)widths[c], cell,
			      is_coloured ? PLAIN : "");
	}
	text_init(&text, trouble, sizeof(trouble));
	put_trouble(&text, token, now_s);
	escape_print(stream, trouble);
	(void)fputc('\n', stream);
}

static void print_remark(FILE *stream, const char *what, const char *text, bool has_colours)
{
	(void)fprintf(stream, "%s%s%s: ", has_colours ? YELLOW : "", what,
		      has_colours ? PLAIN : "");
	escape_print(stream, text);
	(void)fputc('\n', stream);
}

void status_table_print(FILE *stream, const struct status_view *view, int64_t now_s,
			bool has_colours)
{
	size_t widths[COLUMN_COUNT];

	measure(view, now_s, widths);
	if (view->token_count == 0)
		(void)fputs("no tokens: tokenbroker.conf names none\n", stream);
	for (size_t c = 0; c < COLUMN_COUNT && view->token_count > 0; c++)
		(void)fprintf(stream, "%-*s  ", (int)widths[c], columns[c].title);
	if (view->token_count > 0)
		(void)fputs("WHAT IS WRONG\n", stream);
	for (size_t i = 0; i < view->token_count; i++)
		print_row(stream, &view->tokens[i], now_s, widths, has_colours);
	if (view->config_error != NULL)
		print_remark(stream, "configuration not taken over", view->config_error,
			     has_colours);
	for (size_t i = 0; i < view->config_warning_count; i++)
		print_remark(stream, "warning", view->config_warnings[i], has_colours);
}
