/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/get_format.h"
#include "cli/output.h"
#include "cli/subcommand.h"
#include "cli/token.h"

/* NULL: the token could not be looked at. */
static const char *state_of(int error)
{
	switch (error) {
	case -ENOBUFS: /* only the length was asked for */
		return "valid";
	case -ENOKEY:
		return "pending";
	case -EKEYEXPIRED:
		return "expired";
	case -EKEYREVOKED:
		return "suspended";
	}
	return NULL;
}

static void print_json(const char *name, const char *state, const struct tokenbroker_info *info)
{
	char when[CLOCK_RFC3339_BYTES];

	/* Names, states and times need no escaping. */
	printf("{\"name\":\"%s\",\"state\":\"%s\"", name, state);
	if (info->generation != 0)
		printf(",\"generation\":%" PRIu64, info->generation);
	else
		printf(",\"generation\":null");
	if (info->expires_at != 0)
		printf(",\"expires_at\":\"%s\",\"remaining_ms\":%" PRId64 "}\n",
		       get_format_time(info->expires_at, when), info->remaining_ms);
	else
		printf(",\"expires_at\":null,\"remaining_ms\":null}\n");
}

static void print_text(const char *name, const char *state, const struct tokenbroker_info *info)
{
	char duration[DURATION_BYTES];
	char when[CLOCK_RFC3339_BYTES];

	printf("name        %s\n"
	       "state       %s\n",
	       name, state);
	if (info->generation != 0)
		printf("generation  %" PRIu64 "\n", info->generation);
	if (info->expires_at != 0)
		printf("expires     %s\n"
		       "remaining   %s\n",
		       get_format_time(info->expires_at, when),
		       duration_text(info->remaining_ms / MS_PER_S, duration));
}

int info_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	const struct token_wish wish = {.wait_ms = 0};
	CLEANUP(token) struct token token;
	struct tokenbroker_info info;
	const char *state;
	int r;

	(void)subcommand;
	token_init(&token, arguments->name);
	r = token_get(&token, &wish, NULL, 0, &info);
	state = state_of(r);
	if (state == NULL)
		return output_error(r, token.name);
	if (arguments->is_json)
		print_json(token.name, state, &info);
	else
		print_text(token.name, state, &info);
	return output_finish(r == -ENOBUFS ? EXIT_STATUS_OK : output_error(r, token.name));
}
