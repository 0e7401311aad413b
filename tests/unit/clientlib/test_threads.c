/* SPDX-License-Identifier: MIT */
/*
 * Readers that share a handle, under a writer that publishes as fast as no broker does and gives
 * its segment up again and again. Each token carries a sum of itself.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "harness.h"
#include "stage.h"

#define RUN_MS               300
#define LONG_MS              60000
#define STEP_MS              10
#define HANDLER_CALLS        200
#define MAPPED_MAX           18 /* more segments than a handle keeps mapped */
#define READERS              3
#define TOKEN_BYTES          700
#define PUBLISHES_PER_BURST  8
#define BURSTS_PER_SEGMENT   20
#define PAUSE_BETWEEN_BURSTS 20000 /* ns */

struct scene {
	const struct stage *stage;
	struct tokenbroker *tb;
	struct stage_segment segment;
	atomic_uint segments; /* made so far */
	uint64_t generation;
	atomic_bool is_over;
	pthread_t writer;
};

struct reader {
	struct scene *scene;
	uint64_t reads;
	uint64_t torn;
	uint64_t failed;
	uint64_t went_back;
	pthread_t thread;
};

/* GENERATION, then letters, then 16 digits of the sum over all before them. */
static void make_token(char token[TOKEN_BYTES + 1], uint64_t generation)
{
	size_t payload = TOKEN_BYTES - 16;
	uint64_t sum;

	memset(token, (int)('a' + generation % 26), payload);
	token[snprintf(token, 32, "%llu", (unsigned long long)generation)] = '.';
	sum = tokenbroker_segment_sum(TOKENBROKER_SEGMENT_SUM_START, token, payload);
	snprintf(token + payload, 17, "%016llx", (unsigned long long)sum);
}

static bool is_whole(const char *token, const struct tokenbroker_info *info)
{
	char wanted[TOKEN_BYTES + 1];

	make_token(wanted, info->generation);
	return info->length == TOKEN_BYTES && memcmp(token, wanted, sizeof(wanted)) == 0;
}

static void publish(struct scene *scene)
{
	char token[TOKEN_BYTES + 1];

	make_token(token, ++scene->generation);
	stage_publish_token(&scene->segment, scene->generation, token);
}

/* As a broker does it: the new one is complete before the link leads to it. */
static void replace_segment(struct scene *scene)
{
	struct stage_segment old = scene->segment;
	char file[32];

	snprintf(file, sizeof(file), "s%u", ++scene->segments);
	stage_create(scene->stage, &scene->segment, file);
	publish(scene);
	stage_link(scene->stage, scene->segment.target);
	if (old.base == NULL)
		return;
	for (unsigned i = 0; i < TOKENBROKER_SEGMENT_SLOTS; i++)
		stage_withdraw(&old, TOKENBROKER_SEGMENT_NONE, 0);
	stage_retire(&old);
	STAGE_MUST(unlink(old.path) == 0);
	STAGE_MUST(munmap(old.base, old.header.segment_bytes) == 0);
}

static void *run_writer(void *argument)
{
	const struct timespec pause = {.tv_nsec = PAUSE_BETWEEN_BURSTS};
	struct scene *scene = argument;

	for (unsigned burst = 1; !scene->is_over; burst++) {
		for (unsigned i = 0; i < PUBLISHES_PER_BURST; i++)
			publish(scene);
		if (burst % BURSTS_PER_SEGMENT == 0)
			replace_segment(scene);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void *run_reader(void *argument)
{
	struct reader *reader = argument;
	uint64_t last = 0;

	while (!reader->scene->is_over) {
		char token[TOKEN_BYTES + 1];
		struct tokenbroker_info info;

		reader->reads++;
		if (tokenbroker_get(reader->scene->tb, 0, token, sizeof(token), &info) < 0) {
			reader->failed++;
			continue;
		}
		reader->torn += !is_whole(token, &info);
		reader->went_back += info.generation < last;
		last = info.generation;
	}
	return NULL;
}

static void begin(struct scene *scene, const struct stage *stage)
{
	*scene = (struct scene){.stage = stage};
	replace_segment(scene);
	scene->tb = stage_open();
	STAGE_MUST(pthread_create(&scene->writer, NULL, run_writer, scene) == 0);
}

static void end(struct scene *scene)
{
	STAGE_MUST(pthread_join(scene->writer, NULL) == 0);
	tokenbroker_close(scene->tb);
}

static void start(struct reader *reader, struct scene *scene)
{
	*reader = (struct reader){.scene = scene};
	STAGE_MUST(pthread_create(&reader->thread, NULL, run_reader, reader) == 0);
}

static void check(struct reader *reader)
{
	STAGE_MUST(pthread_join(reader->thread, NULL) == 0);
	CU_ASSERT(reader->reads > 100);
	CU_ASSERT_EQUAL(reader->torn, 0);
	CU_ASSERT_EQUAL(reader->failed, 0);
	CU_ASSERT_EQUAL(reader->went_back, 0);
}

static void threads_on_one_handle_never_see_a_torn_token_nor_an_error(void)
{
	ON_STAGE(stage);
	struct reader readers[READERS];
	struct scene scene;

	begin(&scene, &stage);
	for (unsigned i = 0; i < READERS; i++)
		start(&readers[i], &scene);
	/* A busy machine takes longer to replace more segments than stay mapped. */
	for (unsigned ms = 0; ms < RUN_MS || (scene.segments <= MAPPED_MAX && ms < LONG_MS);
	     ms += STEP_MS)
		stage_sleep_ms(STEP_MS);
	scene.is_over = true;
	for (unsigned i = 0; i < READERS; i++)
		check(&readers[i]);
	end(&scene);
	CU_ASSERT(scene.segments > MAPPED_MAX);
}

/* In a child that was forked in the middle of anything. */
static int read_some(struct tokenbroker *tb)
{
	for (unsigned i = 0; i < 200; i++) {
		char token[TOKEN_BYTES + 1];
		struct tokenbroker_info info;

		if (tokenbroker_get(tb, 0, token, sizeof(token), &info) < 0 ||
		    !is_whole(token, &info))
			return 1;
	}
	return 0;
}

static void a_child_of_busy_threads_can_read(void)
{
	ON_STAGE(stage);
	struct reader reader;
	struct scene scene;
	unsigned failed = 0;

	begin(&scene, &stage);
	start(&reader, &scene);
	for (unsigned i = 0; i < 30; i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(read_some(scene.tb));
		STAGE_MUST(child > 0 && waitpid(child, &status, 0) == child);
		failed += status != 0;
	}
	scene.is_over = true;
	check(&reader);
	end(&scene);
	CU_ASSERT_EQUAL(failed, 0);
}

/* A signal handler takes no argument. */
static struct tokenbroker *shared_with_handler;
static atomic_uint handler_calls;
static atomic_uint handler_failures;

static void ask_for_generation(int number)
{
	(void)number;
	handler_calls++;
	handler_failures += tokenbroker_generation(shared_with_handler) == 0;
}

static void a_signal_handler_can_ask_for_the_generation(void)
{
	ON_STAGE(stage);
	const struct itimerval often = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300};
	const struct itimerval never = {.it_value.tv_usec = 0};
	struct sigaction action = {.sa_handler = ask_for_generation, .sa_flags = SA_RESTART};
	struct reader reader;
	struct scene scene;

	begin(&scene, &stage);
	shared_with_handler = scene.tb;
	STAGE_MUST(sigaction(SIGALRM, &action, NULL) == 0);
	start(&reader, &scene);
	STAGE_MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int waited_ms = 0; handler_calls <= HANDLER_CALLS && waited_ms < LONG_MS;
	     waited_ms += STEP_MS)
		stage_sleep_ms(STEP_MS);
	STAGE_MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
	STAGE_MUST(signal(SIGALRM, SIG_IGN) != SIG_ERR);
	scene.is_over = true;
	check(&reader);
	end(&scene);
	CU_ASSERT(handler_calls > HANDLER_CALLS);
	CU_ASSERT_EQUAL(handler_failures, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"threads_on_one_handle_never_see_a_torn_token_nor_an_error",
		 threads_on_one_handle_never_see_a_torn_token_nor_an_error},
		{"a_child_of_busy_threads_can_read", a_child_of_busy_threads_can_read},
		{"a_signal_handler_can_ask_for_the_generation",
		 a_signal_handler_can_ask_for_the_generation},
		CU_TEST_INFO_NULL,
	};

	return harness_run("threads", tests);
}
