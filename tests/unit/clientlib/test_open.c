/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/wait.h>

#include "harness.h"
#include "stage.h"

/* Opens and closes: 0 or the error. The handle's address must be untouched on failure. */
static int open_token(const char *name)
{
	static char mark;
	struct tokenbroker *const untouched = (struct tokenbroker *)(void *)&mark;
	struct tokenbroker *tb = untouched;
	int r = tokenbroker_open(&tb, name);

	CU_ASSERT_EQUAL(r < 0, tb == untouched);
	if (r == 0)
		tokenbroker_close(tb);
	return r;
}

/* A live segment and a link under any name. */
static void show_named(const struct stage *stage, const char *name)
{
	struct tokenbroker_segment_header header = stage_header(name, STAGE_CAPACITY);
	struct stage_segment segment;
	char relative[STAGE_PATH];
	char path[STAGE_PATH];

	stage_create_of(stage, &segment, name, &header);
	snprintf(relative, sizeof(relative), "tokens/%s", name);
	stage_path(stage, relative, path);
	STAGE_MUST(symlink(segment.target, path) == 0);
}

static void no_name_means_default(void)
{
	ON_STAGE(stage);

	CU_ASSERT_EQUAL(open_token(NULL), -ENOENT);
	show_named(&stage, "default");
	CU_ASSERT_EQUAL(open_token(NULL), 0);
	CU_ASSERT_EQUAL(open_token("default"), 0);
}

static void the_environment_names_the_default_token(void)
{
	ON_STAGE(stage);

	show_named(&stage, "other");
	STAGE_MUST(setenv("TOKENBROKER_TOKEN", "other", 1) == 0);
	CU_ASSERT_EQUAL(open_token(NULL), 0);
	CU_ASSERT_EQUAL(open_token("default"), -ENOENT);
	STAGE_MUST(setenv("TOKENBROKER_TOKEN", "Other", 1) == 0);
	CU_ASSERT_EQUAL(open_token(NULL), -EINVAL);
}

static void names_at_the_edge_are_taken(void)
{
	ON_STAGE(stage);
	static const char *const names[] = {"0", "a_-", "z9",
					    "a23456789012345678901234567890123456789012345678"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		show_named(&stage, names[i]);
		CU_ASSERT_EQUAL(open_token(names[i]), 0);
	}
}

static void what_is_no_name_is_refused_before_it_becomes_a_path(void)
{
	ON_STAGE(stage);
	static const char *const names[] = {
		"",    "_a",  "-a",       "A",
		"a b", "a.b", "a/b",      "..",
		".",   "a\n", "\xc3\xa4", "a234567890123456789012345678901234567890123456789"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CU_ASSERT_EQUAL(open_token(names[i]), -EINVAL);
	CU_ASSERT_EQUAL(tokenbroker_open(NULL, "default"), -EINVAL);
}

static void a_runtime_directory_that_is_not_absolute_is_refused(void)
{
	ON_STAGE(stage);

	STAGE_MUST(setenv("TOKENBROKER_RUNTIME_DIR", "run/tokenbroker", 1) == 0);
	CU_ASSERT_EQUAL(open_token(NULL), -EINVAL);
}

static void without_a_broker_there_is_no_token(void)
{
	ON_STAGE(stage);

	STAGE_MUST(setenv("TOKENBROKER_RUNTIME_DIR", "/nowhere/at/all", 1) == 0);
	CU_ASSERT_EQUAL(open_token(NULL), -ENOENT);
}

static void what_cannot_be_trusted_is_not_opened(void)
{
	ON_STAGE(stage);

	show_named(&stage, "default");
	STAGE_MUST(chmod(stage.dir, 0777) == 0);
	CU_ASSERT_EQUAL(open_token(NULL), -EPERM);
}

/* As another user, in a process of its own. */
static void who_is_no_reader_is_told_so(void)
{
	ON_STAGE(stage);
	char path[STAGE_PATH];
	int status;
	pid_t child;

	if (stage_lacks_root())
		return;
	show_named(&stage, "default");
	stage_path(&stage, "segments/default", path);
	STAGE_MUST(chmod(path, 0600) == 0);
	child = fork();
	if (child == 0) {
		STAGE_MUST(setresuid(1, 1, 1) == 0);
		_exit(open_token(NULL) == -EACCES ? 0 : 1);
	}
	STAGE_MUST(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(open_token(NULL), 0);
}

static void nothing_can_be_closed_too(void)
{
	tokenbroker_close(NULL);
}

static void the_environment_is_read_at_open_only(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker *tb;
	char buffer[16];

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	tb = stage_open();
	STAGE_MUST(setenv("TOKENBROKER_RUNTIME_DIR", "/nowhere/at/all", 1) == 0);
	stage_show(&stage, &segment, "b");
	stage_publish_token(&segment, 8, "token-8");
	stage_sleep_ms(1010); /* the link is looked at once a second */
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer, sizeof(buffer), NULL), 0);
	CU_ASSERT_STRING_EQUAL(buffer, "token-8");
	tokenbroker_close(tb);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"no_name_means_default", no_name_means_default},
		{"the_environment_names_the_default_token",
		 the_environment_names_the_default_token},
		{"names_at_the_edge_are_taken", names_at_the_edge_are_taken},
		{"what_is_no_name_is_refused_before_it_becomes_a_path",
		 what_is_no_name_is_refused_before_it_becomes_a_path},
		{"a_runtime_directory_that_is_not_absolute_is_refused",
		 a_runtime_directory_that_is_not_absolute_is_refused},
		{"without_a_broker_there_is_no_token", without_a_broker_there_is_no_token},
		{"what_cannot_be_trusted_is_not_opened", what_cannot_be_trusted_is_not_opened},
		{"who_is_no_reader_is_told_so", who_is_no_reader_is_told_so},
		{"nothing_can_be_closed_too", nothing_can_be_closed_too},
		{"the_environment_is_read_at_open_only", the_environment_is_read_at_open_only},
		CU_TEST_INFO_NULL,
	};

	return harness_run("open", tests);
}
