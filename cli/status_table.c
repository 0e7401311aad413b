/* SPDX-License-Identifier: MIT */
#include "cli/status_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/escape.h"

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

enum { CELL_BYTES = 64 };

const char *status_table_duration(int64_t seconds, char buffer[static STATUS_TABLE_DURATION_BYTES])
{
	struct text text;

	if (seconds < 0)
		seconds = 0;
	text_init(&text, buffer, STATUS_TABLE_DURATION_BYTES);
	if (seconds < 60)
		text_addf(&text, "%" PRId64 " s", seconds);
	else if (seconds < 600)
		text_addf(&text, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	else if (seconds < 3600)
		text_addf(&text, "%" PRId64 " min", seconds / 60);
	else if (seconds < 86400)
		text_addf(&text, "%" PRId64 " h %" PRId64 " min", seconds / 3600,
			  seconds % 3600 / 60);
	else
		text_addf(&text, "%" PRId64 " d %" PRId64 " h", seconds / 86400,
			  seconds % 86400 / 3600);
	return buffer;
}

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
	char duration[STATUS_TABLE_DURATION_BYTES];

	if (status_view_state_at(token, now_s) != STATUS_VIEW_VALID || token->expires_at_s == 0)
		text_add(cell, "-");
	else
		text_add(cell, status_table_duration(token->expires_at_s - now_s, duration));
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
	char duration[STATUS_TABLE_DURATION_BYTES];

	if (token->next_attempt_at_s == 0)
		text_add(cell, "-");
	else if (token->next_attempt_at_s <= now_s)
		text_add(cell, "now");
	else
		text_addf(cell, "in %s",
			  status_table_duration(token->next_attempt_at_s - now_s, duration));
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

static void print_error(FILE *stream, const struct status_view_error *error)
{
	escape_print(stream, error->reason);
	if (error->http_status != 0)
		(void)fprintf(stream, " (HTTP %" PRId64 ")", error->http_status);
	if (error->message[0] != '\0') {
		(void)fputs(": ", stream);
		escape_print(stream, error->message);
	}
	if (error->hint[0] != '\0') {
		(void)fputs("; ", stream);
		escape_print(stream, error->hint);
	}
}

/* What went wrong before the token that now serves is history; that the server gave one again which
 * the API refuses is not, although it serves. */
static bool has_current_error(const struct status_view_token *token, enum status_view_state state)
{
	return token->has_last_error &&
	       ((strcmp(token->last_error.reason, "rejected_token_returned") == 0 &&
		 token->last_error.at_s >= token->obtained_at_s) ||
		token->consecutive_failures > 0 || token->failing_since_s != 0 ||
		state == STATUS_VIEW_PENDING || state == STATUS_VIEW_EXPIRED);
}

static void print_trouble(FILE *stream, const struct status_view_token *token, int64_t now_s)
{
	enum status_view_state state = status_view_state_at(token, now_s);
	size_t revocations = token->pending_revocation_count;
	const char *separator = "";

	if (state == STATUS_VIEW_SUSPENDED) {
		(void)fputs("suspended by an administrator until `tokenbroker resume`", stream);
		separator = "; ";
	}
	if (has_current_error(token, state)) {
		(void)fputs(separator, stream);
		print_error(stream, &token->last_error);
		separator = "; ";
	}
	if (revocations > 0) {
		(void)fprintf(stream, "%s%zu old token%s not yet revoked at the server", separator,
			      revocations, revocations == 1 ? "" : "s");
		separator = "; ";
	}
	if (separator[0] == '\0')
		(void)fputs("-", stream);
}

static void print_row(FILE *stream, const struct status_view_token *token, int64_t now_s,
		      const size_t widths[COLUMN_COUNT], bool has_colours)
{
	const char *colour = colour_of(status_view_state_at(token, now_s));
	char cell[CELL_BYTES];

	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		bool is_coloured = has_colours && c == STATE_COLUMN;

		(void)fill(&columns[c], token, now_s, cell);
		(void)fprintf(stream, "%s%-*s%s  ", is_coloured ? colour : "", (int)widths[c], cell,
			      is_coloured ? PLAIN : "");
	}
	print_trouble(stream, token, now_s);
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
