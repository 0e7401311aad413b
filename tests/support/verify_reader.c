/* SPDX-License-Identifier: MIT */
/*
 * Reads a token without pause and checks each copy: verify_reader SECONDS [NAME]. A token must be
 * BASE.SUM, where SUM is the FNV-1a-64 of BASE in 16 lower-case hex digits. Prints one line of JSON
 * at the end, or at SIGTERM, and never a token:
 *
 *   {"reads":N,"torn":N,"overtaken":N,"tries":N,"overtaken_tries":N,"errors":{"ENOKEY":N},
 *    "generation_went_back":N,"longest_read_us":N,"first_generation":N,"last_generation":N}
 *
 * reads counts the copies that were made and checked; a copy of the same bytes as the one before
 * was checked with it. torn: a sum is wrong, or a generation has other bytes than before.
 * overtaken: the reads during which another token came. tries: single ones, one before each read,
 * by the library's own code and checked like reads. overtaken_tries: those that found head moved,
 * which a read makes again. Opening is tried again until it succeeds, and counted in errors. Tells
 * on stderr that it is "reading" when the first read succeeded. Exit 0 if nothing was torn and no
 * generation went back, else 1; 2: usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "clientlib/handle.h"
#include "clientlib/try_read.h"
#include "tokenbroker.h"
#include "tokenbroker_segment.h"

#define ERRORS_MAX 256
#define SUM_DIGITS 16
#define USEC_NS    1000

struct tally {
	uint64_t reads;
	uint64_t torn;
	uint64_t overtaken;
	uint64_t tries;
	uint64_t overtaken_tries;
	uint64_t errors[ERRORS_MAX];
	uint64_t went_back;
	uint64_t first_generation;
	uint64_t last_generation;
	int64_t longest_read_ns;
};

static volatile sig_atomic_t is_stopped; /* a handler takes no argument */

static void stop(int number)
{
	(void)number;
	is_stopped = 1;
}

static void count_error(struct tally *tally, int error)
{
	tally->errors[-error < ERRORS_MAX ? -error : 0]++;
}

static bool is_whole(const char *token, size_t length)
{
	char wanted[SUM_DIGITS + 1];
	size_t base = length - SUM_DIGITS - 1;
	uint64_t sum;

	if (length < SUM_DIGITS + 2 || strlen(token) != length || token[base] != '.')
		return false;
	sum = tokenbroker_segment_sum(TOKENBROKER_SEGMENT_SUM_START, token, base);
	snprintf(wanted, sizeof(wanted), "%016" PRIx64, sum);
	return memcmp(token + base + 1, wanted, SUM_DIGITS) == 0;
}

/* 0 is "none at the moment", and goes back nowhere. */
static void note_generation(struct tally *tally, uint64_t generation)
{
	if (generation == 0)
		return;
	if (tally->first_generation == 0)
		tally->first_generation = generation;
	tally->went_back += generation < tally->last_generation;
	tally->last_generation = generation;
}

/* A token, and the last one that was found whole: most of the time must go into reads. */
struct copies {
	char now[TOKENBROKER_TOKEN_MAX + 1];
	char whole[TOKENBROKER_TOKEN_MAX + 1];
	size_t whole_length; /* 0: none yet */
	uint64_t whole_generation;
};

/* A server may give the same token again, but a generation means the same bytes for ever: a copy
 * torn between metadata and token has a right sum. */
static bool check(struct copies *copies, size_t length, uint64_t generation)
{
	bool is_known = generation == copies->whole_generation;

	if (length == copies->whole_length && memcmp(copies->now, copies->whole, length + 1) == 0) {
		copies->whole_generation = generation;
		return true;
	}
	if (!is_whole(copies->now, length))
		return false;
	memcpy(copies->whole, copies->now, length + 1);
	copies->whole_length = length;
	copies->whole_generation = generation;
	return !is_known;
}

/* tokenbroker_get() makes the same try, but tells nobody how it went. */
static void try_once(struct tally *tally, struct tokenbroker *tb, struct copies *copies)
{
	const struct mapping *seen = atomic_load_explicit(&tb->current, memory_order_acquire);
	struct reading reading;
	size_t copied;
	enum read_outcome outcome =
		try_to_read(&seen->segment, mapping_base(seen), false, copies->now,
			    sizeof(copies->now), &copied, &reading);

	tally->tries++;
	switch (outcome) {
	case READ_OVERTAKEN:
		tally->overtaken_tries++;
		break;
	case READ_CORRUPT:
		count_error(tally, -EPROTO);
		break;
	case READ_DONE:
		if (reading.length > 0)
			tally->torn += !check(copies, reading.length, reading.generation);
		break;
	}
}

static void read_once(struct tally *tally, struct tokenbroker *tb, struct copies *copies)
{
	uint64_t before = tokenbroker_generation(tb);
	int64_t start_ns = clock_monotonic_ns();
	struct tokenbroker_info info;
	int r = tokenbroker_get(tb, 0, copies->now, sizeof(copies->now), &info);
	int64_t took_ns = clock_monotonic_ns() - start_ns;
	uint64_t after = tokenbroker_generation(tb);

	if (took_ns > tally->longest_read_ns)
		tally->longest_read_ns = took_ns;
	if (r < 0) {
		count_error(tally, r);
		return;
	}
	if (tally->reads++ == 0)
		fputs("reading\n", stderr);
	tally->torn += !check(copies, info.length, info.generation);
	tally->overtaken += before != after;
	note_generation(tally, info.generation);
	note_generation(tally, after);
}

static struct tokenbroker *open_patiently(struct tally *tally, const char *name,
					  int64_t deadline_ns)
{
	const struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
	struct tokenbroker *tb;

	while (!is_stopped && clock_monotonic_ns() < deadline_ns) {
		int r = tokenbroker_open(&tb, name);

		if (r == 0)
			return tb;
		count_error(tally, r);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void print(const struct tally *tally)
{
	const char *separator = "";

	printf("{\"reads\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"overtaken\":%" PRIu64
	       ",\"tries\":%" PRIu64 ",\"overtaken_tries\":%" PRIu64 ",\"errors\":{",
	       tally->reads, tally->torn, tally->overtaken, tally->tries, tally->overtaken_tries);
	for (int error = 0; error < ERRORS_MAX; error++) {
		const char *name = error == 0 ? "other" : strerrorname_np(error);

		if (tally->errors[error] == 0)
			continue;
		printf("%s\"%s\":%" PRIu64, separator, name, tally->errors[error]);
		separator = ",";
	}
	printf("},\"generation_went_back\":%" PRIu64 ",\"longest_read_us\":%" PRId64
	       ",\"first_generation\":%" PRIu64 ",\"last_generation\":%" PRIu64 "}\n",
	       tally->went_back, tally->longest_read_ns / USEC_NS, tally->first_generation,
	       tally->last_generation);
}

int main(int argc, char **argv)
{
	static struct copies copies;
	struct sigaction action = {.sa_handler = stop};
	struct tally tally = {0};
	struct tokenbroker *tb;
	int64_t deadline_ns;
	char *end;
	double seconds;

	if (argc < 2 || argc > 3 || (seconds = strtod(argv[1], &end)) <= 0 || *end != '\0') {
		fprintf(stderr, "usage: verify_reader SECONDS [NAME]\n");
		return 2;
	}
	deadline_ns = clock_monotonic_ns() + (int64_t)(seconds * NS_PER_S);
	sigaction(SIGTERM, &action, NULL);
	tb = open_patiently(&tally, argv[2], deadline_ns);
	while (tb != NULL && !is_stopped && clock_monotonic_ns() < deadline_ns) {
		try_once(&tally, tb, &copies);
		read_once(&tally, tb, &copies);
	}
	tokenbroker_close(tb);
	explicit_bzero(&copies, sizeof(copies));
	print(&tally);
	return tally.torn == 0 && tally.went_back == 0 ? 0 : 1;
}
