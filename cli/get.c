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
};

static void cleanup_shown_token(struct shown_token *shown)
{
	explicit_bzero(shown, sizeof(*shown));
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
	token_init(&token, arguments->name);
	r = token_get(&token, &wish, shown.value, sizeof(shown.value), &info);
	if (r < 0)
		return output_error(r, token.name);
	if (!token_is_clean(shown.value, info.length))
		return output_error(-EPROTO, token.name);
	text_init(&text, shown.text, sizeof(shown.text));
	get_format(&text, arguments->format, shown.value, &info);
	r = output_write(text.data, text.length);
	return r < 0 ? output_lost(r) : EXIT_STATUS_OK;
}
