/* SPDX-License-Identifier: MIT */
/* get, info, wait, reject and run against segments made by hand. */
#include <pthread.h>
#include <signal.h>

#include "capture.h"
#include "clientlib/stage.h"
#include "harness.h"

static struct capture got;

static void the_token_is_printed(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "secret-1.~+/=");
	capture_words(&got, "get");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.out, "secret-1.~+/=\n");
	CU_ASSERT_STRING_EQUAL(got.err, "");
	capture_words(&got, "get", "default", "--format", "header");
	CU_ASSERT_STRING_EQUAL(got.out, "Authorization: Bearer secret-1.~+/=\n");
}

static void each_state_has_its_status_and_prints_nothing(void)
{
	static const struct {
		enum tokenbroker_segment_state state;
		int status;
		const char *name;
	} table[] = {
		{TOKENBROKER_SEGMENT_NONE, 4, "pending"},
		{TOKENBROKER_SEGMENT_EXPIRED, 5, "expired"},
		{TOKENBROKER_SEGMENT_SUSPENDED, 6, "suspended"},
	};
	ON_STAGE(stage);
	struct stage_segment segment;
	char state[64];

	stage_show(&stage, &segment, "a");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		stage_withdraw(&segment, table[i].state, 7);
		capture_words(&got, "get");
		CU_ASSERT_EQUAL(got.status, table[i].status);
		CU_ASSERT_STRING_EQUAL(got.out, "");
		CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "'default'"));
		capture_words(&got, "info", "--json");
		CU_ASSERT_EQUAL(got.status, table[i].status);
		(void)snprintf(state, sizeof(state), "\"state\":\"%s\",\"generation\":7,",
			       table[i].name);
		CU_ASSERT_PTR_NOT_NULL(strstr(got.out, state));
	}
}

static void a_token_that_would_break_a_header_is_refused(void)
{
	static const char *const odd[] = {"a b", "a\nb", "a\"b", "a=b", "="};
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		stage_publish_token(&segment, 7 + i, odd[i]);
		capture_words(&got, "get");
		CU_ASSERT_EQUAL(got.status, 1);
		CU_ASSERT_STRING_EQUAL(got.out, "");
		CU_ASSERT_PTR_NULL(strstr(got.err, odd[i]));
	}
}

static void a_token_that_is_too_short_lived_counts_as_expired(void)
{
	const struct stage_content brief = {TOKENBROKER_SEGMENT_VALID, 7, 10000, "abc"};
	ON_STAGE(stage);
	struct stage_segment segment;
	int64_t start_ns = stage_now_ns();

	stage_show(&stage, &segment, "a");
	stage_publish(&segment, &brief);
	capture_words(&got, "get", "--min-remaining", "5");
	CU_ASSERT_EQUAL(got.status, 0);
	capture_words(&got, "get", "--min-remaining", "60", "--wait", "0.3");
	CU_ASSERT_EQUAL(got.status, 5);
	CU_ASSERT(stage_ms_since(start_ns) >= 300);
}

static void without_a_broker_there_is_no_token(void)
{
	ON_STAGE(stage);

	capture_words(&got, "get", "crm");
	CU_ASSERT_EQUAL(got.status, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "tokenbroker: no token 'crm' here"));
	capture_words(&got, "info");
	CU_ASSERT_EQUAL(got.status, 3);
	capture_words(&got, "wait");
	CU_ASSERT_EQUAL(got.status, 3);
	capture_words(&got, "reject", "7");
	CU_ASSERT_EQUAL(got.status, 3);
	capture_words(&got, "run", "--", "true");
	CU_ASSERT_EQUAL(got.status, 3);
}

static void a_bad_environment_is_a_mistake_in_usage(void)
{
	ON_STAGE(stage);

	(void)setenv("TOKENBROKER_TOKEN", "Not A Name", 1);
	capture_words(&got, "get");
	CU_ASSERT_EQUAL(got.status, 2);
	(void)unsetenv("TOKENBROKER_TOKEN");
	(void)setenv("TOKENBROKER_RUNTIME_DIR", "relative", 1);
	capture_words(&got, "get");
	CU_ASSERT_EQUAL(got.status, 2);
}

struct later {
	const struct stage *stage;
	struct stage_segment segment;
};

/* A broker that starts, and gets its token, while somebody waits. */
static void *start_later(void *argument)
{
	struct later *later = argument;

	stage_sleep_ms(150);
	stage_show(later->stage, &later->segment, "a");
	stage_sleep_ms(150);
	stage_publish_token(&later->segment, 7, "abc");
	return NULL;
}

static void waiting_outlasts_a_broker_that_starts_later(void)
{
	ON_STAGE(stage);
	struct later later = {.stage = &stage};
	pthread_t thread;

	STAGE_MUST(pthread_create(&thread, NULL, start_later, &later) == 0);
	capture_words(&got, "get", "--wait", "20");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.out, "abc\n");
	STAGE_MUST(pthread_join(thread, NULL) == 0);
}

static void a_wait_in_vain_ends_with_the_states_own_status(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	capture_words(&got, "get", "--wait", "0.25");
	CU_ASSERT_EQUAL(got.status, 3);
	stage_show(&stage, &segment, "a");
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 7);
	capture_words(&got, "get", "--wait", "0.25");
	CU_ASSERT_EQUAL(got.status, 6);
}

static void info_never_shows_the_token(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	capture_words(&got, "info", "--json");
	CU_ASSERT_EQUAL(got.status, 4);
	CU_ASSERT_STRING_EQUAL(got.out,
			       "{\"name\":\"default\",\"state\":\"pending\",\"generation\":null,"
			       "\"expires_at\":null,\"remaining_ms\":null}\n");
	stage_publish_token(&segment, 7, "secret");
	capture_words(&got, "info");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, "state       valid\ngeneration  7\nexpires     "));
	CU_ASSERT_PTR_NULL(strstr(got.out, "secret"));
	capture_words(&got, "info", "--json");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(got.out, "\"state\":\"valid\",\"generation\":7,\"expires_at\":\"2"));
	CU_ASSERT_PTR_NULL(strstr(got.out, "secret"));
}

static void wait_prints_the_generation_that_ended_it(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "abc");
	capture_words(&got, "wait", "--after", "6");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.out, "7\n");
	capture_words(&got, "wait", "--after", "7", "--timeout", "0.1");
	CU_ASSERT_EQUAL(got.status, 9);
	CU_ASSERT_STRING_EQUAL(got.out, "");
}

static void a_rejection_without_a_broker_says_so(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "abc");
	capture_words(&got, "reject", "7");
	CU_ASSERT_EQUAL(got.status, 8);
}

static void a_full_disk_is_a_failure(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	int saved = dup(STDOUT_FILENO);

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "abc");
	for (int i = 0; i < 2; i++) {
		const char *const words[] = {i == 0 ? "get" : "info", NULL};
		int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
		pid_t pid;
		int status;

		(void)fflush(stdout);
		pid = fork();
		if (pid == 0) {
			(void)dup2(full, STDOUT_FILENO);
			(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
			capture_be(words);
		}
		STAGE_MUST(waitpid(pid, &status, 0) == pid);
		CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
		(void)close(full);
	}
	(void)close(saved);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_token_is_printed", the_token_is_printed},
		{"each_state_has_its_status_and_prints_nothing",
		 each_state_has_its_status_and_prints_nothing},
		{"a_token_that_would_break_a_header_is_refused",
		 a_token_that_would_break_a_header_is_refused},
		{"a_token_that_is_too_short_lived_counts_as_expired",
		 a_token_that_is_too_short_lived_counts_as_expired},
		{"without_a_broker_there_is_no_token", without_a_broker_there_is_no_token},
		{"a_bad_environment_is_a_mistake_in_usage",
		 a_bad_environment_is_a_mistake_in_usage},
		{"waiting_outlasts_a_broker_that_starts_later",
		 waiting_outlasts_a_broker_that_starts_later},
		{"a_wait_in_vain_ends_with_the_states_own_status",
		 a_wait_in_vain_ends_with_the_states_own_status},
		{"info_never_shows_the_token", info_never_shows_the_token},
		{"wait_prints_the_generation_that_ended_it",
		 wait_prints_the_generation_that_ended_it},
		{"a_rejection_without_a_broker_says_so", a_rejection_without_a_broker_says_so},
		{"a_full_disk_is_a_failure", a_full_disk_is_a_failure},
		CU_TEST_INFO_NULL,
	};

	return harness_run("get", tests);
}
