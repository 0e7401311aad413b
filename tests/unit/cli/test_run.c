/* SPDX-License-Identifier: MIT */
/* `run` against a segment made by hand: what COMMAND finds in its file while the token changes. */
#include <dirent.h>
#include <signal.h>

#include "capture.h"
#include "clientlib/stage.h"
#include "harness.h"

/* Says what the file holds whenever that changes: "[abc]", "[]" while there is none. */
#define TELL                                                                                       \
	"old=-; while :; do new=\"[$(cat \"$BEARER_TOKEN_FILE\" 2>/dev/null)]\"; "                 \
	"[ \"$new\" = \"$old\" ] || echo \"$new\"; old=$new; sleep 0.02; done"

static struct capture got;

static void show_token(const struct stage *stage, struct stage_segment *segment)
{
	stage_show(stage, segment, "a");
	stage_publish_token(segment, 7, "first");
	/* It is on tmpfs, ours and private: `run` makes its directory in it. */
	STAGE_MUST(setenv("XDG_RUNTIME_DIR", stage->dir, 1) == 0);
}

static size_t count_runs(const struct stage *stage)
{
	DIR *directory = opendir(stage->dir);
	const struct dirent *entry;
	size_t count = 0;

	STAGE_MUST(directory != NULL);
	while ((entry = readdir(directory)) != NULL)
		count += strncmp(entry->d_name, "tokenbroker-run.", 16) == 0;
	STAGE_MUST(closedir(directory) == 0);
	return count;
}

static void the_command_finds_the_token_and_its_status_counts(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	show_token(&stage, &segment);
	capture_words(&got, "run", "--", "sh", "-c",
		      "cat \"$BEARER_TOKEN_FILE\"; stat -c ' %a' \"$BEARER_TOKEN_FILE\"; exit 3");
	CU_ASSERT_EQUAL(got.status, 3);
	CU_ASSERT_STRING_EQUAL(got.out, "first 600\n");
	CU_ASSERT_STRING_EQUAL(got.err, "");
	CU_ASSERT_EQUAL(count_runs(&stage), 0);
}

static void the_file_follows_the_token(void)
{
	const char *const words[] = {"run", "--", "sh", "-c", TELL, NULL};
	ON_STAGE(stage);
	struct stage_segment segment;
	struct capture_child child;

	show_token(&stage, &segment);
	memset(&got, 0, sizeof(got));
	child = capture_start(words);
	capture_expect(&child, &got, "[first]\n");
	stage_publish_token(&segment, 8, "second");
	capture_expect(&child, &got, "[second]\n");
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 8);
	capture_expect(&child, &got, "[]\n");
	stage_publish_token(&segment, 9, "third");
	capture_expect(&child, &got, "[third]\n");
	STAGE_MUST(kill(child.pid, SIGTERM) == 0);
	capture_finish(&child, &got);
	CU_ASSERT_EQUAL(got.status, 128 + SIGTERM);
	CU_ASSERT_STRING_EQUAL(got.out, "[first]\n[second]\n[]\n[third]\n");
	CU_ASSERT_EQUAL(count_runs(&stage), 0);
}

static void an_expired_token_leaves_no_file(void)
{
	const struct stage_content brief = {TOKENBROKER_SEGMENT_VALID, 8, 400, "brief"};
	const char *const words[] = {"run", "--", "sh", "-c", TELL, NULL};
	ON_STAGE(stage);
	struct stage_segment segment;
	struct capture_child child;

	show_token(&stage, &segment);
	stage_publish(&segment, &brief);
	memset(&got, 0, sizeof(got));
	child = capture_start(words);
	capture_expect(&child, &got, "[brief]\n[]\n");
	STAGE_MUST(kill(child.pid, SIGINT) == 0);
	capture_finish(&child, &got);
	CU_ASSERT_EQUAL(got.status, 128 + SIGINT);
}

static void without_a_usable_token_nothing_is_started(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	show_token(&stage, &segment);
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 7);
	capture_words(&got, "run", "--wait", "0.1", "--", "echo", "started");
	CU_ASSERT_EQUAL(got.status, 6);
	CU_ASSERT_STRING_EQUAL(got.out, "");
	stage_publish_token(&segment, 8, "a b");
	capture_words(&got, "run", "--", "echo", "started");
	CU_ASSERT_EQUAL(got.status, 1);
	CU_ASSERT_STRING_EQUAL(got.out, "");
	CU_ASSERT_EQUAL(count_runs(&stage), 0);
}

static void what_cannot_be_executed_ends_as_in_sh(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	show_token(&stage, &segment);
	capture_words(&got, "run", "--", "/nowhere/at/all");
	CU_ASSERT_EQUAL(got.status, 127);
	CU_ASSERT_STRING_EQUAL(got.err,
			       "tokenbroker: cannot execute '/nowhere/at/all': No such file or "
			       "directory\n");
	capture_words(&got, "run", "--", "/dev/null");
	CU_ASSERT_EQUAL(got.status, 126);
	CU_ASSERT_EQUAL(count_runs(&stage), 0);
}

static void what_a_killed_run_left_the_next_one_sweeps(void)
{
	const char *const words[] = {"run", "--", "sh", "-c", "echo $$; exec sleep 30", NULL};
	ON_STAGE(stage);
	struct stage_segment segment;
	struct capture_child child;

	show_token(&stage, &segment);
	memset(&got, 0, sizeof(got));
	child = capture_start(words);
	capture_expect(&child, &got, "\n");
	STAGE_MUST(kill(child.pid, SIGKILL) == 0);
	STAGE_MUST(kill((pid_t)atoi(got.out), SIGKILL) == 0); /* COMMAND goes on by itself */
	capture_finish(&child, &got);
	CU_ASSERT_EQUAL(count_runs(&stage), 1);
	capture_words(&got, "run", "--", "true");
	CU_ASSERT_EQUAL(got.status, 0);
	CU_ASSERT_EQUAL(count_runs(&stage), 0);
}

static void a_damaged_segment_does_not_take_a_living_token_away(void)
{
	const char *const words[] = {"run", "--", "sh", "-c", TELL, NULL};
	ON_STAGE(stage);
	struct stage_segment segment;
	struct capture_child child;

	show_token(&stage, &segment);
	memset(&got, 0, sizeof(got));
	child = capture_start(words);
	capture_expect(&child, &got, "[first]\n");
	/* Not the count that led there: no reader accepts the slot any more. */
	stage_store(&segment, stage_slot(&segment, segment.count) + TOKENBROKER_SLOT_SEQ, 0);
	stage_sleep_ms(900);
	STAGE_MUST(kill(child.pid, SIGTERM) == 0);
	capture_finish(&child, &got);
	CU_ASSERT_STRING_EQUAL(got.out, "[first]\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(got.err, "trying on"));
	CU_ASSERT_PTR_EQUAL(strstr(got.err, "tokenbroker"), got.err);
	CU_ASSERT_PTR_EQUAL(strchr(got.err, '\n'), strrchr(got.err, '\n')); /* told once */
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_command_finds_the_token_and_its_status_counts",
		 the_command_finds_the_token_and_its_status_counts},
		{"the_file_follows_the_token", the_file_follows_the_token},
		{"an_expired_token_leaves_no_file", an_expired_token_leaves_no_file},
		{"without_a_usable_token_nothing_is_started",
		 without_a_usable_token_nothing_is_started},
		{"what_cannot_be_executed_ends_as_in_sh", what_cannot_be_executed_ends_as_in_sh},
		{"what_a_killed_run_left_the_next_one_sweeps",
		 what_a_killed_run_left_the_next_one_sweeps},
		{"a_damaged_segment_does_not_take_a_living_token_away",
		 a_damaged_segment_does_not_take_a_living_token_away},
		CU_TEST_INFO_NULL,
	};

	return harness_run("run", tests);
}
