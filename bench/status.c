/* SPDX-License-Identifier: MIT */
/*
 * What a status document costs: built from COUNT tokens with full histories, of which one has
 * changed since the last document, or all; and written to shared memory beside a bare write of as
 * many bytes.
 *
 *   status COUNT
 *
 * Prints a line of JSON: figures in ns (bench/batches.h), the CPU time of one document of either
 * kind, and the length of the document.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/batches.h"
#include "status/document.h"
#include "status/status_writer.h"

enum { ROUNDS = 15, NAME_BYTES = 32 };

struct bench {
	char directory[32];
	int directory_fd;
	struct status_document *document;
	struct status_writer writer;
	struct status_content content;
	struct status_content_token *tokens;
	struct status_record *records;
	char (*names)[NAME_BYTES];
	size_t changed; /* how many tokens have, before each document */
	int64_t cpu_ns; /* of the last document */
	const char *text;
	size_t length;
};

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void fill_token(struct bench *bench, size_t i)
{
	static char reader[] = "10002";
	static char *names[] = {reader};
	static const struct config_strings readers = {.items = names, .count = 1};

	(void)snprintf(bench->names[i], NAME_BYTES, "t%zu", i);
	status_record_init(&bench->records[i]);
	for (int at_s = 0; at_s < STATUS_HISTORY; at_s++)
		status_record_fetch_succeeded(&bench->records[i], at_s * NS_PER_S, 20);
	bench->tokens[i] = (struct status_content_token){
		.name = bench->names[i],
		.provider = "",
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = 1795428003,
		.fingerprint = "9f86d081884c",
		.token_type = "Bearer",
		.obtained_at_ns = NS_PER_S,
		.expires_at_ns = 3600 * NS_PER_S,
		.next_attempt_at_ns = 2700 * NS_PER_S,
		.readers = &readers,
		.segment = "/tokenbroker.default.0123456789abcdef",
		.record = &bench->records[i],
	};
}

static void bench_init(struct bench *bench, size_t count)
{
	*bench = (struct bench){
		.directory = "/dev/shm/tb-bench.XXXXXX",
		.document = status_document_new(),
		.tokens = calloc(count, sizeof(*bench->tokens)),
		.records = calloc(count, sizeof(*bench->records)),
		.names = calloc(count, sizeof(*bench->names)),
	};
	if (mkdtemp(bench->directory) == NULL)
		die(bench->directory);
	bench->directory_fd = open(bench->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bench->directory_fd < 0 || bench->document == NULL || bench->tokens == NULL ||
	    bench->records == NULL || bench->names == NULL)
		die("no memory");
	status_writer_init(&bench->writer, bench->directory_fd, clock_boottime_ns());
	for (size_t i = 0; i < count; i++)
		fill_token(bench, i);
	bench->content = (struct status_content){
		.version = "0",
		.pid = getpid(),
		.tokens = bench->tokens,
		.token_count = count,
	};
}

static void bench_fini(struct bench *bench)
{
	(void)unlinkat(bench->directory_fd, "status.json", 0);
	(void)unlinkat(bench->directory_fd, "bare", 0);
	(void)close(bench->directory_fd);
	(void)rmdir(bench->directory);
	status_document_free(bench->document);
	free(bench->tokens);
	free(bench->records);
	free(bench->names);
}

static int64_t cpu_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void publish(void *context, unsigned calls)
{
	struct bench *bench = context;
	int64_t started_ns = cpu_now_ns();

	for (; calls > 0; calls--) {
		for (size_t i = 0; i < bench->changed; i++)
			bench->tokens[i].generation++;
		if (status_document_build(bench->document, &bench->content, &bench->text,
					  &bench->length) < 0 ||
		    status_writer_write(&bench->writer, bench->text, bench->length,
					clock_monotonic_ns()) < 0)
			die("status document");
	}
	bench->cpu_ns = cpu_now_ns() - started_ns;
}

static void publish_one(void *context, unsigned calls)
{
	((struct bench *)context)->changed = 1;
	publish(context, calls);
}

static void publish_all(void *context, unsigned calls)
{
	struct bench *bench = context;

	bench->changed = bench->content.token_count;
	publish(bench, calls);
}

/* The floor: the same bytes into a file that is new each time. */
static void write_bare(void *context, unsigned calls)
{
	const struct bench *bench = context;

	for (; calls > 0; calls--) {
		CLEANUP(close_fd) int fd = -1;

		(void)unlinkat(bench->directory_fd, "bare", 0);
		fd = openat(bench->directory_fd, "bare", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
		if (fd < 0 || write(fd, bench->text, bench->length) != (ssize_t)bench->length)
			die("bare");
	}
}

int main(int argc, char **argv)
{
	double times[3 * ROUNDS];
	struct bench bench;
	const struct batch_case cases[] = {
		{"one", publish_one, &bench},
		{"all", publish_all, &bench},
		{"write", write_bare, &bench},
	};

	if (argc != 2 || atoi(argv[1]) < 1)
		die("status COUNT");
	bench_init(&bench, (size_t)atoi(argv[1]));
	batches_run(cases, 3, ROUNDS, 1, times);
	printf("{\"bytes\":%zu", bench.length);
	for (size_t i = 0; i < 3; i++) {
		printf(",");
		batches_print(cases[i].name, batches_figures(times + i * ROUNDS, ROUNDS));
	}
	publish_one(&bench, 1);
	printf(",\"one_cpu\":%lld", (long long)bench.cpu_ns);
	publish_all(&bench, 1);
	printf(",\"all_cpu\":%lld}\n", (long long)bench.cpu_ns);
	bench_fini(&bench);
	return EXIT_SUCCESS;
}
