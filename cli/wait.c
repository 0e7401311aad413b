/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/subcommand.h"
#include "cli/token.h"

/* What is left until deadline_ms (-1: for ever) as tokenbroker_wait() takes it. */
static int left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_boottime_ms();

	if (deadline_ms < 0)
		return -1;
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

/* Waits, and tells which token ended it. */
static int wait_for(struct tokenbroker *handle, uint64_t after, int64_t deadline_ms, uint64_t *ret)
{
	uint64_t generation;
	int timeout_ms;
	int r;

	do {
		timeout_ms = left_ms(deadline_ms);
		r = tokenbroker_wait(handle, after, timeout_ms);
		/* A token may be withdrawn between the two calls: then the wait goes on. */
		generation = r == 0 ? tokenbroker_generation(handle) : 0;
		if (generation > after) {
			*ret = generation;
			return 0;
		}
		if (r != 0 && r != -EINTR && r != -ETIMEDOUT)
			return r;
	} while (timeout_ms != 0);
	return -ETIMEDOUT;
}

int wait_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	CLEANUP(token) struct token token;
	int64_t deadline_ms = -1;
	uint64_t generation = 0;
	int r;

	(void)subcommand;
	if (arguments->timeout_ms >= 0)
		deadline_ms = clock_boottime_ms() + arguments->timeout_ms;
	token_init(&token, arguments->name);
	r = token_open(&token, arguments->timeout_ms);
	if (r == 0)
		r = wait_for(token.handle, arguments->after, deadline_ms, &generation);
	if (r < 0)
		return output_error(r, token.name);
	printf("%" PRIu64 "\n", generation);
	return output_finish(EXIT_STATUS_OK);
}
