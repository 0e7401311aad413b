/* SPDX-License-Identifier: MIT */
/*
 * Many readers of one token at once, of several users:
 *
 *   swarm get|reject|wait [--processes N] [--uid UID,UID…] [--count K] [--name NAME] [--timeout-ms
 * MS]
 *
 * Forks N processes that take the uids in turn (as root only), open the token and are released at
 * the same moment, when "ready" is written to stderr.
 *
 *   get     each reads K times
 *   reject  each reads; when all have, each rejects what it read, waits for the next and reads
 * again wait    each waits K times for a newer token than it saw last
 *
 * Prints one line of JSON, never a token: a token is named by its FNV-1a-64. results counts what
 * each call returned, "ok" or the name of the error:
 * {"open":{"ok":9},"get":{"ok":8,"ENOKEY":1},...}; an empty token counts as ENODATA. before and
 * after are the generations that any process saw first and last, each once. slowest_ms is the
 * longest get, wait, or rejection with its wait and second read; spread_ms the time between the
 * first and the last process to end the same wait, at worst; late_ms how late after a publish the
 * wait for it ended, at worst, -1 where that is not known, and asleep_late_ms the same without the
 * time that the sleeper was awake and waited for a processor. Exit 0 when every process came to its
 * end, whatever the results; 1 when not; 2: usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/gate.h"
#include "tests/support/publish_times.h"
#include "tests/support/swarm_options.h"
#include "tokenbroker.h"
#include "tokenbroker_segment.h"

#define ERRORS_MAX 256
#define TOKENS_MAX 64 /* that one process tells apart */

enum call {
	CALL_OPEN,
	CALL_GET,
	CALL_REJECT,
	CALL_WAIT,
	CALL_COUNT,
};

/* What one process did: in shared memory, for the parent to add up. */
struct report {
	bool is_complete;
	uint32_t results[CALL_COUNT][ERRORS_MAX];
	uint64_t tokens[TOKENS_MAX]; /* sums */
	unsigned token_count;
	uint64_t before;
	uint64_t after;
	uint64_t lowest;
	uint64_t highest;
	int64_t slowest_ns;
	/* of each wait: after which generation, and from when to when */
	uint64_t round_after[ROUNDS_MAX];
	int64_t round_began_ns[ROUNDS_MAX];
	int64_t round_ended_ns[ROUNDS_MAX];
	int64_t round_queued_ns[ROUNDS_MAX]; /* of it, runnable without a processor */
};

struct shared {
	struct gate start;
	struct gate rejection;
	struct report reports[];
};

/* Returns r. */
static int note_result(struct report *report, enum call call, int r)
{
	report->results[call][-r < ERRORS_MAX ? -r : ERRORS_MAX - 1]++;
	return r;
}

static void note_token(struct report *report, const char *token, size_t length)
{
	uint64_t sum = tokenbroker_segment_sum(TOKENBROKER_SEGMENT_SUM_START, token, length);

	for (unsigned i = 0; i < report->token_count; i++)
		if (report->tokens[i] == sum)
			return;
	if (report->token_count < TOKENS_MAX)
		report->tokens[report->token_count++] = sum;
}

static void note_generation(struct report *report, uint64_t generation)
{
	if (report->before == 0)
		report->before = generation;
	report->after = generation;
	if (report->lowest == 0 || generation < report->lowest)
		report->lowest = generation;
	if (generation > report->highest)
		report->highest = generation;
}

static void note_time(struct report *report, int64_t start_ns)
{
	int64_t took_ns = clock_monotonic_ns() - start_ns;

	if (took_ns > report->slowest_ns)
		report->slowest_ns = took_ns;
}

/* The generation that was read, or 0. */
static uint64_t read_token(struct report *report, struct tokenbroker *tb)
{
	static char token[TOKENBROKER_TOKEN_MAX + 1];
	struct tokenbroker_info info;
	int r = tokenbroker_get(tb, 0, token, sizeof(token), &info);

	if (r == 0 && (info.length == 0 || strlen(token) != info.length))
		r = -ENODATA; /* no error of the library's: it would be its fault */
	if (note_result(report, CALL_GET, r) < 0)
		return 0;
	note_token(report, token, info.length);
	note_generation(report, info.generation);
	explicit_bzero(token, info.length);
	return info.generation;
}

static void run_get(const struct options *options, struct report *report, struct tokenbroker *tb)
{
	for (unsigned i = 0; i < options->count; i++) {
		int64_t start_ns = clock_monotonic_ns();

		(void)read_token(report, tb);
		note_time(report, start_ns);
	}
}

static void run_reject(const struct options *options, struct shared *shared, struct report *report,
		       struct tokenbroker *tb)
{
	uint64_t generation = read_token(report, tb);
	int64_t start_ns;
	int r;

	gate_wait(&shared->rejection);
	start_ns = clock_monotonic_ns();
	r = note_result(report, CALL_REJECT, tokenbroker_reject(tb, generation));
	if (r == 0 || r == -ESTALE)
		r = note_result(report, CALL_WAIT,
				tokenbroker_wait(tb, generation, options->timeout_ms));
	if (r == 0)
		(void)read_token(report, tb);
	note_time(report, start_ns);
}

/* How long this process has waited for a processor until now; 0 where the kernel does not say. */
static int64_t queued_ns(int schedstat)
{
	char line[128] = "";
	long long ran_ns = 0;
	long long waited_ns = 0;

	if (pread(schedstat, line, sizeof(line) - 1, 0) <= 0 ||
	    sscanf(line, "%lld %lld", &ran_ns, &waited_ns) != 2)
		return 0;
	return waited_ns;
}

static void run_wait(const struct options *options, struct report *report, struct tokenbroker *tb)
{
	int schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	uint64_t generation = tokenbroker_generation(tb);

	report->before = generation;
	for (unsigned round = 0; round < options->count; round++) {
		int64_t queued_before_ns = queued_ns(schedstat);
		int64_t start_ns = clock_monotonic_ns();
		int r = tokenbroker_wait(tb, generation, options->timeout_ms);

		report->round_after[round] = generation;
		report->round_began_ns[round] = start_ns;
		report->round_ended_ns[round] = clock_monotonic_ns();
		report->round_queued_ns[round] = queued_ns(schedstat) - queued_before_ns;
		note_time(report, start_ns);
		if (note_result(report, CALL_WAIT, r) == 0)
			generation = read_token(report, tb);
	}
}

static int become(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	gid_t gid = user != NULL ? user->pw_gid : uid;
	int r = user != NULL ? initgroups(user->pw_name, gid) : setgroups(0, NULL);

	if (r < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static void run_process(const struct options *options, unsigned index, struct shared *shared)
{
	struct report *report = &shared->reports[index];
	struct tokenbroker *tb = NULL;
	int r = 0;

	if (options->uid_count > 0)
		r = become(options->uids[index % options->uid_count]);
	if (r == 0)
		r = tokenbroker_open(&tb, options->name);
	note_result(report, CALL_OPEN, r);
	gate_wait(&shared->start);
	if (r < 0) {
		atomic_fetch_add(&shared->rejection.arrived, 1); /* nobody waits for us there */
	} else if (options->mode == MODE_GET) {
		run_get(options, report, tb);
	} else if (options->mode == MODE_REJECT) {
		run_reject(options, shared, report, tb);
	} else {
		run_wait(options, report, tb);
	}
	tokenbroker_close(tb);
	report->is_complete = true;
}

/* Adds number to a list that stays small and without doubles. */
static unsigned add_once(uint64_t *numbers, unsigned count, unsigned most, uint64_t number)
{
	for (unsigned i = 0; i < count; i++)
		if (numbers[i] == number)
			return count;
	if (count == most)
		return count;
	numbers[count] = number;
	return count + 1;
}

static void print_generations(const struct options *options, const struct shared *shared,
			      const char *key, bool is_before)
{
	uint64_t seen[TOKENS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < options->processes; i++) {
		const struct report *report = &shared->reports[i];
		uint64_t generation = is_before ? report->before : report->after;

		if (generation != 0)
			count = add_once(seen, count, TOKENS_MAX, generation);
	}
	printf(",\"%s\":[", key);
	for (unsigned i = 0; i < count; i++)
		printf("%s%" PRIu64, i > 0 ? "," : "", seen[i]);
	printf("]");
}

static void print_tokens(const struct options *options, const struct shared *shared)
{
	uint64_t seen[TOKENS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < options->processes; i++)
		for (unsigned k = 0; k < shared->reports[i].token_count; k++)
			count = add_once(seen, count, TOKENS_MAX, shared->reports[i].tokens[k]);
	printf(",\"distinct_tokens\":%u,\"tokens\":[", count);
	for (unsigned i = 0; i < count; i++)
		printf("%s\"%016" PRIx64 "\"", i > 0 ? "," : "", seen[i]);
	printf("]");
}

static void print_results_of(const struct options *options, const struct shared *shared,
			     enum call call)
{
	const char *separator = "";

	for (int error = 0; error < ERRORS_MAX; error++) {
		const char *name = error == 0 ? "ok" : strerrorname_np(error);
		uint64_t sum = 0;

		for (unsigned i = 0; i < options->processes; i++)
			sum += shared->reports[i].results[call][error];
		if (sum == 0)
			continue;
		printf("%s\"%s\":%" PRIu64, separator, name != NULL ? name : "other", sum);
		separator = ",";
	}
}

static void print_results(const struct options *options, const struct shared *shared)
{
	static const char *const names[CALL_COUNT] = {"open", "get", "reject", "wait"};

	printf(",\"results\":{");
	for (unsigned call = 0; call < CALL_COUNT; call++) {
		printf("%s\"%s\":{", call > 0 ? "," : "", names[call]);
		print_results_of(options, shared, (enum call)call);
		printf("}");
	}
	printf("}");
}

static int64_t worst_spread_ns(const struct options *options, const struct shared *shared)
{
	int64_t worst_ns = 0;

	for (unsigned round = 0; round < options->count && round < ROUNDS_MAX; round++) {
		int64_t first_ns = INT64_MAX;
		int64_t last_ns = INT64_MIN;

		for (unsigned i = 0; i < options->processes; i++) {
			int64_t ended_ns = shared->reports[i].round_ended_ns[round];

			if (ended_ns == 0) /* it could not open the token */
				continue;
			first_ns = ended_ns < first_ns ? ended_ns : first_ns;
			last_ns = ended_ns > last_ns ? ended_ns : last_ns;
		}
		if (last_ns > first_ns && last_ns - first_ns > worst_ns)
			worst_ns = last_ns - first_ns;
	}
	return worst_ns;
}

/* A token that was there before the call is no older than the call. */
static int64_t lateness_ns(const struct report *report, unsigned round,
			   const struct publish_times *times)
{
	int64_t due_ns = publish_times_after(times, report->round_after[round]);
	int64_t began_ns = report->round_began_ns[round];

	return report->round_ended_ns[round] - (due_ns > began_ns ? due_ns : began_ns);
}

/* -1: nobody watched. is_asleep: without what the sleeper then waited for a processor. */
static double worst_late_ms(const struct options *options, const struct shared *shared,
			    const struct publish_times *times, bool is_asleep)
{
	int64_t worst_ns = 0;

	if (times->count == 0)
		return -1;
	for (unsigned n = 0; n < options->processes * options->count; n++) {
		const struct report *report = &shared->reports[n / options->count];
		unsigned round = n % options->count;
		int64_t late_ns = lateness_ns(report, round, times);

		if (is_asleep)
			late_ns -= report->round_queued_ns[round];
		worst_ns = late_ns > worst_ns ? late_ns : worst_ns;
	}
	return (double)worst_ns / NS_PER_MS;
}

/* Returns how many processes came to their end. */
static unsigned print_report(const struct options *options, const struct shared *shared,
			     const struct publish_times *times)
{
	uint64_t lowest = 0;
	uint64_t highest = 0;
	int64_t slowest_ns = 0;
	unsigned complete = 0;

	for (unsigned i = 0; i < options->processes; i++) {
		const struct report *report = &shared->reports[i];

		complete += report->is_complete;
		if (report->lowest != 0 && (lowest == 0 || report->lowest < lowest))
			lowest = report->lowest;
		highest = report->highest > highest ? report->highest : highest;
		slowest_ns = report->slowest_ns > slowest_ns ? report->slowest_ns : slowest_ns;
	}
	printf("{\"mode\":\"%s\",\"processes\":%u,\"complete\":%u", mode_names[options->mode],
	       options->processes, complete);
	print_results(options, shared);
	print_tokens(options, shared);
	print_generations(options, shared, "before", true);
	print_generations(options, shared, "after", false);
	printf(",\"generation_min\":%" PRIu64 ",\"generation_max\":%" PRIu64
	       ",\"slowest_ms\":%.3f,\"spread_ms\":%.3f,\"late_ms\":%.3f"
	       ",\"asleep_late_ms\":%.3f}\n",
	       lowest, highest, (double)slowest_ns / NS_PER_MS,
	       (double)worst_spread_ns(options, shared) / NS_PER_MS,
	       worst_late_ms(options, shared, times, false),
	       worst_late_ms(options, shared, times, true));
	return complete;
}

static struct shared *share(unsigned processes)
{
	size_t bytes = sizeof(struct shared) + processes * sizeof(struct report);
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

/* How many could be started. */
static unsigned start_processes(const struct options *options, struct shared *shared)
{
	for (unsigned i = 0; i < options->processes; i++) {
		pid_t child = fork();

		if (child == 0) {
			run_process(options, i, shared);
			_exit(0);
		}
		if (child < 0)
			return i;
	}
	return options->processes;
}

int main(int argc, char **argv)
{
	static struct publish_times times;
	struct options options = {.processes = 1, .count = 1, .timeout_ms = 10000};
	struct shared *shared;
	unsigned started;

	if (!parse(&options, argc, argv)) {
		fprintf(stderr, "usage: swarm get|reject|wait [--processes N] [--uid UID,UID...] "
				"[--count K] [--name NAME] [--timeout-ms MS]\n");
		return 2;
	}
	shared = share(options.processes);
	if (shared == NULL)
		return 1;
	started = start_processes(&options, shared);
	if (options.mode == MODE_WAIT)
		(void)publish_times_start(&times, options.name);
	gate_open(&shared->start, started);
	fputs("ready\n", stderr);
	if (options.mode == MODE_REJECT)
		gate_open(&shared->rejection, started);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	publish_times_stop(&times);
	return print_report(&options, shared, &times) == options.processes ? 0 : 1;
}
