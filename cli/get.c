/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/get_format.h"
#include "cli/output.h"
#include "cli/subcommand.h"
#include "cli/token.h"

/* A token, and how it is printed: wiped together. */
struct shown_token {
	char value[TOKEN_BUFFER_BYTES];
	char text[TOKEN_BUFFER_BYTES + GET_FORMAT_BYTES];
	size_t value_length;
	size_t text_length;
};

/* Only what was written: most of the pages are not even there. */
static void cleanup_shown_token(struct shown_token *shown)
{
	explicit_bzero(shown->value, shown->value_length);
	explicit_bzero(shown->text, shown->text_length);
}

int get_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	const struct token_wish wish = {
		.min_remaining_ms = arguments->min_remaining_ms,
		.wait_ms = arguments->wait_ms,
	};
	CLEANUP(shown_token) struct shown_token shown;
	CLEANUP(token) struct token token;
	struct tokenbroker_info info;
	struct text text;
	int r;

	(void)subcommand;
	shown.value_length = 0; /* not all of it, for the same reason */
	shown.text_length = 0;
	token_init(&token, arguments->name);
	r = token_get(&token, &wish, shown.value, sizeof(shown.value), &info);
	if (r < 0)
		return output_error(r, token.name);
	shown.value_length = info.length;
	if (!token_is_clean(shown.value, info.length))
		return output_error(-EPROTO, token.name);
	text_init(&text, shown.text, sizeof(shown.text));
	get_format(&text, arguments->format, shown.value, &info);
	shown.text_length = text.length;
	r = output_write(text.data, text.length);
	return r < 0 ? output_lost(r) : EXIT_STATUS_OK;
}
