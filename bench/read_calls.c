/* SPDX-License-Identifier: MIT */
/*
 * Reads a token without pause: read_calls SECONDS. Made to be run under strace(1): the system calls
 * between two getppid() are those of the reads, which it counts on stderr.
 */
#include <inttypes.h>

#include "bench/published.h"

static uint64_t read_for(struct tokenbroker *tb, int64_t for_ns)
{
	int64_t end_ns = clock_boottime_ns() + for_ns; /* the vDSO's clock: no system call */
	uint64_t reads = 0;
	char token[512];

	while (clock_boottime_ns() < end_ns) {
		int r = tokenbroker_get(tb, 0, token, sizeof(token), NULL);

		if (r < 0)
			published_die("tokenbroker_get", r);
		(void)tokenbroker_generation(tb);
		reads++;
	}
	return reads;
}

int main(int argc, char **argv)
{
	struct published published;
	struct tokenbroker *tb;
	uint64_t reads;

	if (argc != 2)
		return 2;
	published_init(&published, 300);
	tb = published_open();
	(void)getppid();
	reads = read_for(tb, atoi(argv[1]) * NS_PER_S);
	(void)getppid();
	(void)fprintf(stderr, "%" PRIu64 "\n", reads);
	tokenbroker_close(tb);
	published_fini(&published);
	return EXIT_SUCCESS;
}
