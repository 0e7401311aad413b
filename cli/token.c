/* SPDX-License-Identifier: MIT */
#include "cli/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* How often we look for something that there is no futex for yet. */
enum { LOOK_MS = 200 };
/* The longest sleep on a token: what ends it early is a newer one, but a segment may be replaced.
 */
enum { SLICE_MS = 1000 };

void token_init(struct token *token, const char *name)
{
	/* As tokenbroker_open(), which is asked by name so that messages can name the token. */
	if (name == NULL)
		name = secure_getenv("TOKENBROKER_TOKEN");
	*token = (struct token){.name = name == NULL ? "default" : name};
}

void token_fini(struct token *token)
{
	tokenbroker_close(token->handle);
	token->handle = NULL;
}

static int look(struct token *token, int64_t min_remaining_ms, char *buffer, size_t size,
		struct tokenbroker_info *info)
{
	if (token->handle == NULL) {
		int r = tokenbroker_open(&token->handle, token->name);

		if (r < 0)
			return r;
	}
	return tokenbroker_get(token->handle, min_remaining_ms, buffer, size, info);
}

static bool can_heal(int error)
{
	return error == -ENOENT || error == -ENOKEY || error == -EKEYEXPIRED ||
	       error == -EKEYREVOKED;
}

static void sleep_ms(int64_t ms)
{
	const struct timespec pause = {
		.tv_sec = ms / MS_PER_S,
		.tv_nsec = (long)(ms % MS_PER_S * NS_PER_MS),
	};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* Sleeps until a look may tell something new, at most for ms. */
static void pause_after(struct token *token, int error, uint64_t generation, int64_t ms)
{
	/* The token that is too short-lived for the caller is a usable one: only a newer one
	 * counts. */
	uint64_t after = error == -EKEYEXPIRED ? generation : 0;
	int r = -ENOENT;

	if (error != -ENOENT && token->handle != NULL)
		r = tokenbroker_wait(token->handle, after, (int)(ms < SLICE_MS ? ms : SLICE_MS));
	if (r < 0 && r != -ETIMEDOUT && r != -EINTR)
		sleep_ms(ms < LOOK_MS ? ms : LOOK_MS);
}

int token_open(struct token *token, int64_t wait_ms)
{
	int64_t deadline_ms = clock_boottime_ms() + wait_ms;

	for (;;) {
		int r = tokenbroker_open(&token->handle, token->name);
		int64_t left_ms = deadline_ms - clock_boottime_ms();

		if (r != -ENOENT || left_ms <= 0)
			return r;
		sleep_ms(left_ms < LOOK_MS ? left_ms : LOOK_MS);
	}
}

int token_get(struct token *token, const struct token_wish *wish, char *buffer, size_t size,
	      struct tokenbroker_info *ret_info)
{
	int64_t deadline_ms = clock_boottime_ms() + wish->wait_ms;

	for (;;) {
		struct tokenbroker_info info = {0};
		int r = look(token, wish->min_remaining_ms, buffer, size, &info);
		int64_t left_ms = deadline_ms - clock_boottime_ms();

		if (!can_heal(r) || left_ms <= 0) {
			*ret_info = info;
			return r;
		}
		pause_after(token, r, info.generation, left_ms);
	}
}

bool token_is_clean(const char *text, size_t length)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		"-._~+/";
	size_t body = strspn(text, allowed);

	return body > 0 && body + strspn(text + body, "=") == length;
}
