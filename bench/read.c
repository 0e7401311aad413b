/* SPDX-License-Identifier: MIT */
/*
 * What a read costs: read TOKEN_BYTES READERS idle|busy ROUNDS.
 *
 * Forks READERS processes that each time tokenbroker_get(), without and with its information, and
 * tokenbroker_generation() and their floors, in turn, while the writer publishes nothing, or every
 * millisecond. The floor of a get is one clock_gettime(CLOCK_BOOTTIME) and one memcpy of as many
 * bytes from the same segment; that of a generation one load with its call.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bench/batches.h"
#include "bench/published.h"

#define CALLS       1000
#define READERS_MAX 64

struct reader {
	struct tokenbroker *tb;
	const unsigned char *base; /* of the segment, mapped once more */
	size_t length;
	char *buffer;
};

/* So that the compiler keeps each call. */
static volatile uint64_t sink;

static void run_get(void *context, unsigned calls)
{
	struct reader *reader = context;

	for (unsigned i = 0; i < calls; i++) {
		int r = tokenbroker_get(reader->tb, 0, reader->buffer, reader->length + 1, NULL);

		if (r < 0)
			published_die("tokenbroker_get", r);
	}
}

static void run_get_with_info(void *context, unsigned calls)
{
	struct reader *reader = context;
	struct tokenbroker_info info;

	for (unsigned i = 0; i < calls; i++) {
		int r = tokenbroker_get(reader->tb, 0, reader->buffer, reader->length + 1, &info);

		if (r < 0)
			published_die("tokenbroker_get", r);
		sink = info.generation;
	}
}

static void run_clock(void *context, unsigned calls)
{
	struct timespec now;

	(void)context;
	for (unsigned i = 0; i < calls; i++) {
		(void)clock_gettime(CLOCK_BOOTTIME, &now);
		__asm__ volatile("" : : "r"(&now) : "memory");
	}
}

static void run_generation(void *context, unsigned calls)
{
	struct reader *reader = context;

	for (unsigned i = 0; i < calls; i++)
		sink = tokenbroker_generation(reader->tb);
}

/* What the clock waits for: on some processors it does not begin before all loads have ended. */
static void run_generation_and_clock(void *context, unsigned calls)
{
	struct reader *reader = context;
	struct timespec now;

	for (unsigned i = 0; i < calls; i++) {
		sink = tokenbroker_generation(reader->tb);
		(void)clock_gettime(CLOCK_BOOTTIME, &now);
		__asm__ volatile("" : : "r"(&now) : "memory");
	}
}

__attribute__((noinline)) static uint64_t load_once(const unsigned char *word)
{
	return *(const volatile uint64_t *)(const void *)word;
}

static const unsigned char *current_token(const struct reader *reader)
{
	const struct tokenbroker_segment_header *header = (const void *)reader->base;
	uint64_t count = load_once(reader->base + TOKENBROKER_SEGMENT_HEAD_OFFSET);

	return reader->base + header->slot_offset +
	       count % header->slot_count * header->slot_stride + header->token_offset;
}

static void run_get_floor(void *context, unsigned calls)
{
	struct reader *reader = context;
	const unsigned char *token = current_token(reader);
	struct timespec now;

	for (unsigned i = 0; i < calls; i++) {
		memcpy(reader->buffer, token, reader->length);
		(void)clock_gettime(CLOCK_BOOTTIME, &now);
		__asm__ volatile("" : : "r"(reader->buffer), "r"(&now) : "memory");
	}
}

static void run_generation_floor(void *context, unsigned calls)
{
	struct reader *reader = context;

	for (unsigned i = 0; i < calls; i++)
		sink = load_once(reader->base + TOKENBROKER_SEGMENT_HEAD_OFFSET);
}

static void map_segment(struct reader *reader, const struct published *published)
{
	char link[64];
	struct stat status;
	int fd;

	(void)snprintf(link, sizeof(link), "%s/tokens/default", published->path);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		published_die(link, -errno);
	reader->base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (reader->base == MAP_FAILED)
		published_die("mmap", -errno);
}

static const char *const names[] = {
	"get",        "get_with_info",        "get_floor",       "clock",
	"generation", "generation_and_clock", "generation_floor"};
#define CASES (sizeof(names) / sizeof(names[0]))

static void read_in_child(const struct published *published, unsigned rounds, double *times)
{
	static void (*const runs[CASES])(void *, unsigned) = {
		run_get,        run_get_with_info,        run_get_floor,        run_clock,
		run_generation, run_generation_and_clock, run_generation_floor,
	};
	struct reader reader = {.tb = published_open(), .length = published->length};
	struct batch_case cases[CASES];

	reader.buffer = aligned_alloc(64, (published->length + 64) / 64 * 64);
	if (reader.buffer == NULL)
		published_die("no memory", -ENOMEM);
	map_segment(&reader, published);
	for (size_t i = 0; i < CASES; i++)
		cases[i] = (struct batch_case){names[i], runs[i], &reader};
	batches_run(cases, CASES, rounds, CALLS, times);
	_exit(EXIT_SUCCESS);
}

/* times: CASES * rounds of each reader. */
static int run_readers(const struct published *published, unsigned readers, unsigned rounds,
		       double *times)
{
	pid_t children[READERS_MAX];
	int failed = 0;

	for (unsigned i = 0; i < readers; i++) {
		children[i] = fork();
		if (children[i] == 0)
			read_in_child(published, rounds, times + (size_t)i * CASES * rounds);
	}
	for (unsigned i = 0; i < readers; i++) {
		int status = -1;

		(void)waitpid(children[i], &status, 0);
		failed |= status;
	}
	return failed;
}

/* The batches of all readers together. */
static void tell(unsigned readers, unsigned rounds, const double *times, double publishes_per_ms)
{
	double *all = calloc((size_t)readers * rounds, sizeof(*all));

	if (all == NULL)
		published_die("no memory", -ENOMEM);
	printf("{\"publishes_per_ms\":%.3f", publishes_per_ms);
	for (size_t i = 0; i < CASES; i++) {
		for (unsigned k = 0; k < readers; k++)
			memcpy(all + (size_t)k * rounds, times + (k * CASES + i) * rounds,
			       rounds * sizeof(*all));
		printf(",");
		batches_print(names[i], batches_figures(all, (size_t)readers * rounds));
	}
	printf("}\n");
	free(all);
}

/* Runs the readers beside a writer that publishes; how often it did, as readers see it. */
static int run_beside_writer(struct published *published, unsigned readers, unsigned rounds,
			     double *times, double *ret_publishes_per_ms)
{
	struct tokenbroker *tb = published_open();
	pid_t writer = published_start_child(published);
	uint64_t before = tokenbroker_generation(tb);
	int64_t started_ns = clock_monotonic_ns();
	int failed = run_readers(published, readers, rounds, times);
	uint64_t published_count = tokenbroker_generation(tb) - before;
	double elapsed_ms = (double)(clock_monotonic_ns() - started_ns) / NS_PER_MS;

	*ret_publishes_per_ms = (double)published_count / elapsed_ms;
	tokenbroker_close(tb);
	if (!published_stop_child(writer))
		published_die("the writer ended before its readers", -ECHILD);
	return failed;
}

int main(int argc, char **argv)
{
	struct published published;
	unsigned readers = argc == 5 ? (unsigned)atoi(argv[2]) : 0;
	unsigned rounds = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	size_t bytes = (size_t)readers * rounds * CASES * sizeof(double);
	double publishes_per_ms = 0;
	double *times;
	int failed;

	if (readers == 0 || readers > READERS_MAX || rounds == 0)
		return 2;
	times = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED)
		return EXIT_FAILURE;
	published_init(&published, (size_t)atoi(argv[1]));
	if (strcmp(argv[3], "busy") == 0)
		failed = run_beside_writer(&published, readers, rounds, times, &publishes_per_ms);
	else
		failed = run_readers(&published, readers, rounds, times);
	if (failed == 0)
		tell(readers, rounds, times, publishes_per_ms);
	published_fini(&published);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
