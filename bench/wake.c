/* SPDX-License-Identifier: MIT */
/*
 * From a publish to its waiters: wake WAITERS ROUNDS.
 *
 * WAITERS processes sleep in tokenbroker_wait() and in a bare FUTEX_WAIT, in turn. One publishes,
 * or moves the word and wakes them all; each notes when it holds the token, or runs again. Prints
 * the medians over the rounds, in nanoseconds: of the last waiter of a round, and of the one in the
 * middle.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "bench/batches.h"
#include "bench/published.h"
#include "broker/publish/publication_private.h"

#define WAITERS_MAX 4096
#define ROUNDS_MAX  1000

struct shared {
	_Atomic uint32_t word; /* of the bare futex */
	_Atomic uint32_t armed;
	_Atomic uint32_t awake;
	int64_t awake_ns[WAITERS_MAX];
};

struct taken {
	double last_ns[ROUNDS_MAX];
	double middle_ns[ROUNDS_MAX];
};

static long futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void note_awake(struct shared *shared, unsigned index)
{
	shared->awake_ns[index] = clock_monotonic_ns();
	atomic_fetch_add(&shared->awake, 1);
}

static void wait_for_token(struct shared *shared, struct tokenbroker *tb, unsigned index)
{
	uint64_t generation = tokenbroker_generation(tb);
	char token[512];
	int r;

	atomic_fetch_add(&shared->armed, 1);
	r = tokenbroker_wait(tb, generation, -1);
	if (r == 0)
		r = tokenbroker_get(tb, 0, token, sizeof(token), NULL);
	if (r < 0)
		published_die("waiter", r);
	note_awake(shared, index);
}

static void wait_bare(struct shared *shared, unsigned index)
{
	uint32_t seen = atomic_load(&shared->word);

	atomic_fetch_add(&shared->armed, 1);
	while (atomic_load(&shared->word) == seen)
		(void)futex(&shared->word, FUTEX_WAIT, seen);
	note_awake(shared, index);
}

static void run_waiter(struct shared *shared, unsigned rounds, unsigned index)
{
	struct tokenbroker *tb = published_open();

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned round = 0; round < rounds; round++) {
		wait_for_token(shared, tb, index);
		wait_bare(shared, index);
	}
	_exit(EXIT_SUCCESS);
}

/* Until all have said that they are about to sleep, and then as long as that may take them. */
static void wait_until_asleep(struct shared *shared, unsigned waiters)
{
	const struct timespec look = {.tv_nsec = NS_PER_MS};
	const struct timespec settle = {.tv_nsec = (5 + waiters / 20) * NS_PER_MS};

	while (atomic_load(&shared->armed) < waiters)
		(void)nanosleep(&look, NULL);
	(void)nanosleep(&settle, NULL);
	atomic_store(&shared->armed, 0);
}

/* Returns when head was about to be stored. The wake-ups as the broker's loop does them: batch
 * after batch. */
static int64_t publish(struct segment *segment, const struct publication_content *former)
{
	static uint64_t generation;
	struct publication_content content = *former;
	uint64_t seq = segment_writer_begin(&segment->writer);
	int64_t start_ns;

	content.generation += ++generation;
	segment_writer_fill(&segment->writer, seq, &content);
	segment_writer_seal(&segment->writer, seq, &content);
	start_ns = clock_monotonic_ns();
	segment_writer_commit(&segment->writer, seq);
	segment_writer_move_wake(&segment->writer);
	segment_wake_start(&segment->wake);
	while (segment->wake.is_due)
		segment_run_wake(segment);
	return start_ns;
}

static void wake_bare(struct shared *shared)
{
	atomic_fetch_add(&shared->word, 1);
	(void)futex(&shared->word, FUTEX_WAKE, INT_MAX);
}

static void note_round(struct shared *shared, unsigned waiters, int64_t start_ns,
		       struct taken *taken, unsigned round)
{
	const struct timespec look = {.tv_nsec = NS_PER_MS / 10};
	double after_ns[WAITERS_MAX];

	while (atomic_load(&shared->awake) < waiters)
		(void)nanosleep(&look, NULL);
	atomic_store(&shared->awake, 0);
	for (unsigned i = 0; i < waiters; i++)
		after_ns[i] = (double)(shared->awake_ns[i] - start_ns);
	qsort(after_ns, waiters, sizeof(*after_ns), batches_compare);
	taken->last_ns[round] = after_ns[waiters - 1];
	taken->middle_ns[round] = after_ns[waiters / 2];
}

static void run_rounds(struct shared *shared, struct published *published, unsigned waiters,
		       unsigned rounds, struct taken *token, struct taken *bare)
{
	for (unsigned round = 0; round < rounds; round++) {
		int64_t start_ns;

		wait_until_asleep(shared, waiters);
		start_ns = publish(published->publication->segment,
				   publication_content(published->publication));
		note_round(shared, waiters, start_ns, token, round);

		wait_until_asleep(shared, waiters);
		start_ns = clock_monotonic_ns();
		wake_bare(shared);
		note_round(shared, waiters, start_ns, bare, round);
	}
}

static void tell(struct taken *token, struct taken *bare, unsigned rounds)
{
	printf("{");
	batches_print("token_last", batches_figures(token->last_ns, rounds));
	printf(",");
	batches_print("token_middle", batches_figures(token->middle_ns, rounds));
	printf(",");
	batches_print("bare_last", batches_figures(bare->last_ns, rounds));
	printf(",");
	batches_print("bare_middle", batches_figures(bare->middle_ns, rounds));
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct taken token;
	static struct taken bare;
	unsigned waiters = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned rounds = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	struct published published;
	struct shared *shared;

	if (waiters == 0 || waiters > WAITERS_MAX || rounds == 0 || rounds > ROUNDS_MAX)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return EXIT_FAILURE;
	published_init(&published, 300);
	for (unsigned i = 0; i < waiters; i++)
		if (fork() == 0)
			run_waiter(shared, rounds, i);
	run_rounds(shared, &published, waiters, rounds, &token, &bare);
	while (wait(NULL) > 0)
		;
	tell(&token, &bare, rounds);
	published_fini(&published);
	return EXIT_SUCCESS;
}
