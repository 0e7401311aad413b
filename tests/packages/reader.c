/* SPDX-License-Identifier: MIT */
/*
 * Reads the token called argv[1] until standard input ends, then prints "READS reads, FAILURES
 * failures, GENERATIONS generations". Compiled against the installed development package.
 */
#include <poll.h>
#include <stdio.h>
#include <tokenbroker.h>

static char token[TOKENBROKER_TOKEN_MAX + 1];

int main(int argc, char **argv)
{
	struct pollfd input = {0, POLLIN, 0};
	unsigned long reads = 0, failures = 0, generations = 0;
	uint64_t generation = 0;
	struct tokenbroker_info info;
	struct tokenbroker *tb;
	int r = tokenbroker_open(&tb, argc > 1 ? argv[1] : NULL);

	if (r < 0) {
		fprintf(stderr, "%s\n", tokenbroker_strerror(r));
		return 1;
	}
	do {
		r = tokenbroker_get(tb, 0, token, sizeof(token), &info);
		reads++;
		if (r < 0) {
			failures++;
			fprintf(stderr, "%s\n", tokenbroker_strerror(r));
		} else if (info.generation != generation) {
			generation = info.generation;
			generations++;
		}
	} while (poll(&input, 1, 1) == 0);
	tokenbroker_close(tb);
	printf("%lu reads, %lu failures, %lu generations\n", reads, failures, generations);
	return failures != 0;
}
