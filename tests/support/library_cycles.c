/* SPDX-License-Identifier: MIT */
/*
 * library_cycles CYCLES: opens the default token, reads it, waits for a newer one for a moment,
 * rejects a generation that is none any more, and closes it, so many times. Prints one line of
 * JSON, never a token: {"cycles":N,"reads":N}. Exit 0 when every token could be opened and read.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokenbroker.h"

enum {
	READS = 10, /* a cycle */
	WAIT_MS = 5,
};

static bool read_some(struct tokenbroker *tb, char *token, size_t size, unsigned *reads)
{
	struct tokenbroker_info info = {.generation = 0};

	for (int i = 0; i < READS; i++) {
		if (tokenbroker_get(tb, 0, token, size, &info) < 0)
			return false;
		++*reads;
	}
	(void)tokenbroker_wait(tb, info.generation, WAIT_MS);
	(void)tokenbroker_reject(tb, info.generation - 1);
	return tokenbroker_generation(tb) != 0;
}

static bool cycle(char *token, size_t size, unsigned *reads)
{
	struct tokenbroker *tb;
	bool is_good;

	if (tokenbroker_open(&tb, NULL) < 0)
		return false;
	is_good = read_some(tb, token, size, reads);
	tokenbroker_close(tb);
	return is_good;
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	size_t size = TOKENBROKER_TOKEN_MAX + 1;
	char *token = malloc(size);
	unsigned long cycles = 0;
	unsigned reads = 0;

	if (wanted == 0 || token == NULL) {
		fprintf(stderr, "usage: library_cycles CYCLES\n");
		free(token);
		return 2;
	}
	while (cycles < wanted && cycle(token, size, &reads))
		cycles++;
	explicit_bzero(token, size);
	free(token);
	printf("{\"cycles\":%lu,\"reads\":%u}\n", cycles, reads);
	return cycles == wanted ? 0 : 1;
}
