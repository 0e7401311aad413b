/* SPDX-License-Identifier: MIT */
/*
 * From a publish of a running broker to a process that waits for it:
 * broker_wake PASSES COUNT SOCKET.
 *
 * Orders a refresh of each of COUNT tokens (default, t1...) over the control socket, PASSES times.
 * One process watches the generation without a pause and notes when it has changed; another sleeps
 * in tokenbroker_wait() and notes when it holds the token. In turn with each, the floor under the
 * same eyes: a word is moved and a bare FUTEX_WAIT of it woken, by a process that sleeps then, and
 * by one that has other work first, as a broker has. Prints the figures in nanoseconds,
 * and how many rounds of each there are: one in which the watcher did not have its processor tells
 * nothing and is left out. A token server that takes some milliseconds keeps the order itself out
 * of what is timed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <tokenbroker.h>
#include <tokenbroker_control.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/batches.h"

enum {
	TOKENS_MAX = 64,
	PASSES_MAX = 50,
	SETTLE_MS = 13,
	REST_MS = 1200,
	GAP_NS = 1000,
	WORK_NS = 100000
};

enum kind { TOKEN, BARE, BARE_AND_WORK, KINDS };

struct shared {
	_Atomic uint32_t round; /* 1 + KINDS * token + kind */
	_Atomic uint32_t armed;
	_Atomic uint32_t noted;
	_Atomic uint32_t word;
	int64_t before_ns; /* the watcher still saw the old value */
	int64_t moved_ns;
	int64_t held_ns;
};

struct taken {
	double ns[TOKENS_MAX * PASSES_MAX];
	size_t count;
};

struct tokens {
	struct tokenbroker *handles[TOKENS_MAX];
	unsigned count;
};

static void die(const char *what, int error)
{
	(void)fprintf(stderr, "broker_wake: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

static void pause_ms(int64_t time_ms)
{
	const struct timespec time = {time_ms / 1000, time_ms % 1000 * NS_PER_MS};

	(void)nanosleep(&time, NULL);
}

static void token_name(char name[static TOKENBROKER_CONTROL_NAME_BYTES], unsigned index)
{
	(void)snprintf(name, TOKENBROKER_CONTROL_NAME_BYTES, index == 0 ? "default" : "t%u", index);
}

static void open_tokens(struct tokens *tokens)
{
	char name[TOKENBROKER_CONTROL_NAME_BYTES];

	for (unsigned i = 0; i < tokens->count; i++) {
		int r;

		token_name(name, i);
		r = tokenbroker_open(&tokens->handles[i], name);
		if (r < 0)
			die(name, r);
	}
}

/* The next round; its token, or NULL for the bare word. */
static struct tokenbroker *next_round(struct shared *shared, const struct tokens *tokens,
				      uint32_t *round)
{
	uint32_t former = *round;

	while ((*round = atomic_load(&shared->round)) == former)
		pause_ms(1);
	return (*round - 1) % KINDS == TOKEN ? tokens->handles[(*round - 1) / KINDS] : NULL;
}

static uint64_t look(struct shared *shared, struct tokenbroker *tb)
{
	return tb != NULL ? tokenbroker_generation(tb) : atomic_load(&shared->word);
}

/* It goes before others, where it may: it is the clock of all that is timed. */
static void run_watcher(struct shared *shared, const struct tokens *tokens)
{
	const struct sched_param first = {.sched_priority = 1};
	uint32_t round = 0;

	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	for (;;) {
		struct tokenbroker *tb = next_round(shared, tokens, &round);
		uint64_t seen = look(shared, tb);
		int64_t before_ns;

		atomic_fetch_add(&shared->armed, 1);
		do
			before_ns = clock_monotonic_ns();
		while (look(shared, tb) == seen);
		shared->moved_ns = clock_monotonic_ns();
		shared->before_ns = before_ns;
		atomic_fetch_add(&shared->noted, 1);
	}
}

static void wait_for_token(struct shared *shared, struct tokenbroker *tb)
{
	uint64_t generation = tokenbroker_generation(tb);
	char token[512];
	int r;

	atomic_fetch_add(&shared->armed, 1);
	r = tokenbroker_wait(tb, generation, -1);
	if (r == 0)
		r = tokenbroker_get(tb, 0, token, sizeof(token), NULL);
	if (r < 0)
		die("waiter", r);
}

static void wait_bare(struct shared *shared)
{
	uint32_t seen = atomic_load(&shared->word);

	atomic_fetch_add(&shared->armed, 1);
	while (atomic_load(&shared->word) == seen)
		(void)syscall(SYS_futex, &shared->word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void run_waiter(struct shared *shared, const struct tokens *tokens)
{
	uint32_t round = 0;

	for (;;) {
		struct tokenbroker *tb = next_round(shared, tokens, &round);

		if (tb != NULL)
			wait_for_token(shared, tb);
		else
			wait_bare(shared);
		shared->held_ns = clock_monotonic_ns();
		atomic_fetch_add(&shared->noted, 1);
	}
}

static pid_t start(void (*run)(struct shared *, const struct tokens *), struct shared *shared,
		   struct tokens *tokens)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_tokens(tokens);
	run(shared, tokens);
	_exit(EXIT_FAILURE);
}

static void order_refresh(const char *path, unsigned index)
{
	struct tokenbroker_control_request request = {
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.command = TOKENBROKER_CONTROL_REFRESH,
	};
	struct tokenbroker_control_answer answer = {0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	token_name(request.name, index);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		die(path, -errno);
	if (answer.result != TOKENBROKER_CONTROL_ACCEPTED)
		die("refresh was not accepted", -EPROTO);
}

/* Until all of both processes have come; fails where one of them has ended. */
static void await_both(_Atomic uint32_t *count)
{
	while (atomic_load(count) < 2) {
		if (waitpid(-1, NULL, WNOHANG) != 0)
			die("watcher or waiter", -ECHILD);
		pause_ms(1);
	}
	atomic_store(count, 0);
}

static void wake_bare(struct shared *shared, int64_t work_ns)
{
	int64_t until_ns;

	atomic_fetch_add(&shared->word, 1);
	(void)syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
	until_ns = clock_monotonic_ns() + work_ns;
	while (clock_monotonic_ns() < until_ns)
		;
}

static void run_round(struct shared *shared, const char *path, unsigned index, enum kind kind,
		      struct taken *taken)
{
	atomic_store(&shared->round, 1 + KINDS * index + kind);
	await_both(&shared->armed);
	pause_ms(SETTLE_MS);
	if (kind == TOKEN)
		order_refresh(path, index);
	else
		wake_bare(shared, kind == BARE_AND_WORK ? WORK_NS : 0);
	await_both(&shared->noted);
	if (shared->moved_ns - shared->before_ns <= GAP_NS)
		taken->ns[taken->count++] = (double)(shared->held_ns - shared->moved_ns);
}

static void tell(const char *name, struct taken *taken)
{
	if (taken->count == 0)
		die("the watcher never had a processor", -EAGAIN);
	batches_print(name, batches_figures(taken->ns, taken->count));
	printf(",\"%s_rounds\":%zu", name, taken->count);
}

int main(int argc, char **argv)
{
	static struct taken taken[KINDS];
	struct tokens tokens = {.count = argc == 4 ? (unsigned)atoi(argv[2]) : 0};
	int passes = argc == 4 ? atoi(argv[1]) : 0;
	struct shared *shared;
	pid_t children[2];

	if (passes < 1 || passes > PASSES_MAX || tokens.count < 1 || tokens.count > TOKENS_MAX)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return EXIT_FAILURE;
	children[0] = start(run_watcher, shared, &tokens);
	children[1] = start(run_waiter, shared, &tokens);
	for (int pass = 0; pass < passes; pass++) {
		pause_ms(REST_MS); /* retry_min: a token is asked for once a second at most */
		for (unsigned i = 0; i < tokens.count; i++)
			for (enum kind kind = TOKEN; kind < KINDS; kind++)
				run_round(shared, argv[3], i, kind, &taken[kind]);
	}
	for (int i = 0; i < 2; i++) {
		(void)kill(children[i], SIGKILL);
		(void)waitpid(children[i], NULL, 0);
	}
	printf("{");
	tell("token", &taken[TOKEN]);
	printf(",");
	tell("bare", &taken[BARE]);
	printf(",");
	tell("bare_and_work", &taken[BARE_AND_WORK]);
	printf("}\n");
	return EXIT_SUCCESS;
}
