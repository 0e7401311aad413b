/* SPDX-License-Identifier: MIT */
/* status, and status --watch to a stream, on documents made by hand. */
#include <signal.h>

#include "capture.h"
#include "fake_broker.h"
#include "harness.h"

static const struct fake_status valid = {.state = "valid", .generation = 7};
static const struct fake_status suspended = {.state = "suspended", .generation = 7};

static struct capture got;

static void set_age(const struct stage *stage, int64_t seconds)
{
	struct timespec times[2];
	char path[STAGE_PATH];

	STAGE_MUST(clock_gettime(CLOCK_REALTIME, &times[1]) == 0);
	times[1].tv_sec -= seconds;
	times[0] = times[1];
	stage_path(stage, "status.json", path);
	STAGE_MUST(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void a_table_is_shown_whatever_the_states(void)
{
	ON_STAGE(stage);

	fake_show_status(&stage, &suspended);
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, "NAME     STATE "));
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, "default  suspended "));
	CU_ASSERT_PTR_NULL(strchr(got.out, '\033'));
	CU_ASSERT_STRING_EQUAL(got.err, "");
}

static void json_is_the_document_as_it_stands(void)
{
	static const char text[] = "{ \"tokens\" : [],\n  \"later\": 1.50 }\n\n";
	ON_STAGE(stage);

	fake_put_status(&stage, text);
	capture_words(&got, "status", "--json");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_STRING_EQUAL(got.out, text);
}

static void a_stale_heartbeat_is_told_below_the_table(void)
{
	ON_STAGE(stage);

	fake_show_status(&stage, &valid);
	set_age(&stage, 120);
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, "default  valid "));
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "tokenbrokerd has not written for 2 min "));
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, " s: stopped or stuck; "));
	set_age(&stage, 30);
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 0);
}

/* What a broker leaves behind that was told to stop: a heartbeat at the epoch. */
static void set_stopped(const struct stage *stage)
{
	const struct timespec times[2] = {{0, 0}, {0, 0}};
	char path[STAGE_PATH];

	stage_path(stage, "status.json", path);
	STAGE_MUST(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void a_stopped_broker_is_told_as_such(void)
{
	ON_STAGE(stage);

	fake_show_status(&stage, &valid);
	set_stopped(&stage);
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, "default  valid "));
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "tokenbroker: tokenbrokerd was stopped; "));
}

static void without_a_document_there_is_nothing_to_show(void)
{
	ON_STAGE(stage);

	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 3);
	CU_ASSERT_STRING_EQUAL(got.out, "");
	CU_ASSERT_STRING_EQUAL(got.err,
			       "tokenbroker: no status.json here: is tokenbrokerd running?\n");
	(void)setenv("TOKENBROKER_RUNTIME_DIR", "/nowhere", 1);
	capture_words(&got, "status", "--watch");
	CU_ASSERT_EQUAL(got.status, 3);
}

static void a_damaged_document_is_named(void)
{
	ON_STAGE(stage);

	fake_put_status(&stage, "{\"tokens\":[{\"name\":\"default\",\"state\":\"\\u001b[2J\"}]}");
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_STRING_EQUAL(got.err,
			       "tokenbroker: status.json: tokens[0].state: not a state this "
			       "version knows\n");
	fake_put_status(&stage, "{");
	capture_words(&got, "status", "--json");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_STRING_EQUAL(got.out, "");
}

static void a_directory_that_others_may_write_is_not_believed(void)
{
	ON_STAGE(stage);

	fake_show_status(&stage, &valid);
	STAGE_MUST(chmod(stage.dir, 0777) == 0);
	capture_words(&got, "status");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_STRING_EQUAL(got.out, "");
}

static void watching_prints_a_block_per_change(void)
{
	const char *const words[] = {"status", "--watch", NULL};
	ON_STAGE(stage);
	struct capture_child child;
	char path[STAGE_PATH];

	memset(&got, 0, sizeof(got));
	fake_show_status(&stage, &valid);
	child = capture_start(words);
	capture_expect(&child, &got, "default  valid ");
	fake_show_status(&stage, &valid); /* a heartbeat: the same text */
	fake_show_status(&stage, &suspended);
	capture_expect(&child, &got, "default  suspended ");
	set_age(&stage, 120);
	capture_expect(&child, &got, "tokenbrokerd has not written for 2 min ");
	set_stopped(&stage);
	capture_expect(&child, &got, "tokenbrokerd was stopped; this is what it wrote last\n");
	stage_path(&stage, "status.json", path);
	STAGE_MUST(unlink(path) == 0);
	capture_expect(&child, &got, "no status.json here");
	fake_show_status(&stage, &valid);
	stage_sleep_ms(600);
	STAGE_MUST(kill(child.pid, SIGINT) == 0);
	capture_finish(&child, &got);
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_PTR_NULL(strchr(got.out, '\033'));
	CU_ASSERT_PTR_EQUAL(strstr(got.out, "NAME "), got.out);
	CU_ASSERT_PTR_NOT_NULL(strstr(strstr(got.out, "no status.json here"), "default  valid "));
}

static void watching_ends_with_its_reader(void)
{
	const char *const words[] = {"status", "--watch", NULL};
	ON_STAGE(stage);
	struct capture_child child;
	int status;

	memset(&got, 0, sizeof(got));
	fake_show_status(&stage, &valid);
	/* As main.c does for all but `run`. */
	STAGE_MUST(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	child = capture_start(words);
	STAGE_MUST(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	capture_expect(&child, &got, "default  valid ");
	(void)close(child.out_fd); /* and nothing changes that would have to be written */
	STAGE_MUST(waitpid(child.pid, &status, 0) == child.pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(child.err_fd);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_table_is_shown_whatever_the_states", a_table_is_shown_whatever_the_states},
		{"json_is_the_document_as_it_stands", json_is_the_document_as_it_stands},
		{"a_stale_heartbeat_is_told_below_the_table",
		 a_stale_heartbeat_is_told_below_the_table},
		{"a_stopped_broker_is_told_as_such", a_stopped_broker_is_told_as_such},
		{"without_a_document_there_is_nothing_to_show",
		 without_a_document_there_is_nothing_to_show},
		{"a_damaged_document_is_named", a_damaged_document_is_named},
		{"a_directory_that_others_may_write_is_not_believed",
		 a_directory_that_others_may_write_is_not_believed},
		{"watching_prints_a_block_per_change", watching_prints_a_block_per_change},
		{"watching_ends_with_its_reader", watching_ends_with_its_reader},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status", tests);
}
