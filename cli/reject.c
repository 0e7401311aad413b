/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "cli/output.h"
#include "cli/subcommand.h"
#include "cli/token.h"

static int report(int error, const char *name, uint64_t generation)
{
	switch (error) {
	case 0:
		output_message("a newer token '%s' is on its way: `tokenbroker wait %s --after "
			       "%" PRIu64 "` waits for it",
			       name, name, generation);
		return EXIT_STATUS_OK;
	case -ESTALE:
		output_message("a newer token '%s' is already published: read it again", name);
		return EXIT_STATUS_OK;
	case -EINVAL:
		output_message("token '%s' never had the generation %" PRIu64
			       ": `tokenbroker info %s` shows the current one",
			       name, generation, name);
		return EXIT_STATUS_FAILURE;
	case -ETIMEDOUT:
		output_message("tokenbrokerd gave no answer about token '%s' in time: "
			       "start tokenbrokerd again; its log says why it stopped",
			       name);
		return EXIT_STATUS_TIMED_OUT;
	}
	return output_error(error, name);
}

int reject_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	CLEANUP(token) struct token token;
	int r;

	(void)subcommand;
	token_init(&token, arguments->name);
	r = tokenbroker_open(&token.handle, token.name);
	if (r < 0)
		return output_error(r, token.name);
	r = tokenbroker_reject(token.handle, arguments->generation);
	return report(r, token.name, arguments->generation);
}
