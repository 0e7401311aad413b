/* SPDX-License-Identifier: MIT */
/*
 * What another process or thread does between two steps of one call, at exactly that moment, and
 * what the kernel may refuse. This program has system calls of its own in the place of libc's,
 * which do what a test wants done first.
 */
#include <errno.h>
#include <sys/vfs.h>

#include "clientlib/handle.h"
#include "harness.h"
#include "stage.h"

enum { NEVER = 1000 };

struct moment {
	void (*act)(void);
	unsigned skip;  /* so many calls pass before */
	unsigned times; /* then it is acted so often */
};

static struct moment at_clock;
static struct moment at_readlink;
static struct moment at_fstat;
static struct timespec standing; /* what CLOCK_BOOTTIME says, unless 0 */
static int fstat_error;
static int fstatfs_error;
static int openat_error;             /* of segments */
static unsigned mmap_passes = NEVER; /* so many calls of mmap() succeed */

/* Not while it is acting: what is done then makes the same calls. */
static void pass(struct moment *moment)
{
	static bool is_acting;

	if (is_acting || moment->act == NULL || moment->times == 0)
		return;
	if (moment->skip > 0) {
		moment->skip--;
		return;
	}
	moment->times--;
	is_acting = true;
	moment->act();
	is_acting = false;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock == CLOCK_BOOTTIME)
		pass(&at_clock);
	if (clock == CLOCK_BOOTTIME && standing.tv_sec != 0) {
		*ret = standing;
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, ret);
}

ssize_t readlinkat(int dir, const char *restrict path, char *restrict buffer, size_t size)
{
	ssize_t length = syscall(SYS_readlinkat, dir, path, buffer, size);

	pass(&at_readlink);
	return length;
}

int openat(int dir, const char *path, int flags, ...)
{
	if (openat_error != 0 && strncmp(path, "tokens/", 7) == 0) {
		errno = openat_error;
		return -1;
	}
	return (int)syscall(SYS_openat, dir, path, flags, 0);
}

int fstat(int fd, struct stat *ret)
{
	pass(&at_fstat);
	if (fstat_error != 0) {
		errno = fstat_error;
		return -1;
	}
	return fstatat(fd, "", ret, AT_EMPTY_PATH);
}

int fstatfs(int fd, struct statfs *ret)
{
	if (fstatfs_error != 0) {
		errno = fstatfs_error;
		return -1;
	}
	return (int)syscall(SYS_fstatfs, fd, ret);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (mmap_passes != NEVER && mmap_passes-- == 0) {
		mmap_passes = NEVER;
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* The scene of the moments: one stage, one handle, the segment that is shown. */
static struct stage *on;
static struct tokenbroker *reader;
static struct stage_segment shown;
static uint64_t generation;

static void show_next(void)
{
	char file[16];

	generation++;
	snprintf(file, sizeof(file), "%u", (unsigned)generation);
	stage_create(on, &shown, file);
	stage_publish_token(&shown, generation, "a-token");
	stage_link(on, shown.target);
}

/* As the broker replaces a segment: the next one first, then the end of this one. */
static void replace(void)
{
	struct stage_segment former = shown;

	show_next();
	stage_withdraw(&former, TOKENBROKER_SEGMENT_NONE, generation - 1);
	stage_retire(&former);
}

static void read_as_another_thread(void)
{
	CU_ASSERT_EQUAL(tokenbroker_get(reader, 0, NULL, 0, NULL), -ENOBUFS);
}

static void replace_and_read_as_another_thread(void)
{
	replace();
	read_as_another_thread();
}

static void remove_file(void)
{
	STAGE_MUST(unlink(shown.path) == 0);
}

static void set_scene(struct stage *stage)
{
	on = stage;
	generation = 0;
	show_next();
	reader = stage_open();
}

static void leave_scene(void)
{
	tokenbroker_close(reader);
}

static void must_read(uint64_t expected)
{
	struct tokenbroker_info info = {0};
	char buffer[32];

	CU_ASSERT_EQUAL(tokenbroker_get(reader, 0, buffer, sizeof(buffer), &info), 0);
	CU_ASSERT_EQUAL(info.generation, expected);
	CU_ASSERT_STRING_EQUAL(buffer, "a-token");
}

static void two_threads_open_the_next_segment_and_one_mapping_is_kept(void)
{
	ON_STAGE(stage);
	const struct mapping *current;

	set_scene(&stage);
	replace();
	at_readlink = (struct moment){read_as_another_thread, 0, 1};
	must_read(2);
	CU_ASSERT_EQUAL(at_readlink.times, 0);
	current = atomic_load(&reader->current);
	CU_ASSERT_PTR_NOT_NULL_FATAL(current->older);
	CU_ASSERT_PTR_NULL(current->older->older);
	leave_scene();
}

/* The one before it was looked for elsewhere in vain a moment ago, and their heads are equal. */
static void a_segment_that_was_replaced_while_it_was_opened_is_followed_at_once(void)
{
	ON_STAGE(stage);
	struct stage_segment former;

	set_scene(&stage);
	stage_withdraw(&shown, TOKENBROKER_SEGMENT_NONE, generation);
	(void)clock_gettime(CLOCK_BOOTTIME, &standing);
	CU_ASSERT_EQUAL(tokenbroker_get(reader, 0, NULL, 0, NULL), -ENOKEY);
	former = shown;
	show_next();
	stage_withdraw(&shown, TOKENBROKER_SEGMENT_NONE, generation);
	stage_retire(&former);
	at_readlink = (struct moment){show_next, 0, 1};
	must_read(3);
	CU_ASSERT_EQUAL(at_readlink.times, 0);
	standing.tv_sec = 0;
	leave_scene();
}

static void what_another_thread_has_opened_is_read_at_once(void)
{
	ON_STAGE(stage);

	set_scene(&stage);
	/* A good token is read without a look around; then the clock is asked twice. */
	stage_withdraw(&shown, TOKENBROKER_SEGMENT_NONE, generation);
	at_clock = (struct moment){replace_and_read_as_another_thread, 1, 1};
	must_read(2);
	CU_ASSERT_EQUAL(at_clock.times, 0);
	leave_scene();
}

/* Five times in one call: no broker does it, and no call goes on for ever. */
static void a_segment_that_is_replaced_all_the_time_ends_the_call(void)
{
	ON_STAGE(stage);
	struct tokenbroker_info info = {0};
	char buffer[32];
	int r;

	set_scene(&stage);
	stage_withdraw(&shown, TOKENBROKER_SEGMENT_NONE, generation);
	at_clock = (struct moment){replace_and_read_as_another_thread, 1, NEVER};
	r = tokenbroker_get(reader, 0, buffer, sizeof(buffer), &info);
	CU_ASSERT_EQUAL(NEVER - at_clock.times, 5);
	at_clock.act = NULL;
	CU_ASSERT(r == 0 && info.generation == 5);
	must_read(6);
	leave_scene();
}

static void a_wait_does_not_sleep_on_what_another_thread_has_replaced(void)
{
	ON_STAGE(stage);
	int64_t start_ns = stage_now_ns();

	set_scene(&stage);
	/* The clock is asked for the deadline, for the look, and then for the sleep. */
	at_clock = (struct moment){replace_and_read_as_another_thread, 2, 1};
	CU_ASSERT_EQUAL(tokenbroker_wait(reader, 1, 20000), 0);
	CU_ASSERT_EQUAL(at_clock.times, 0);
	CU_ASSERT(stage_ms_since(start_ns) < 4000);
	leave_scene();
}

static void a_segment_that_goes_between_its_opening_and_the_look_at_it_is_looked_for_again(void)
{
	ON_STAGE(stage);

	set_scene(&stage);
	replace();
	at_fstat = (struct moment){remove_file, 1, 1}; /* the first is of the runtime directory */
	CU_ASSERT_EQUAL(tokenbroker_get(reader, 0, NULL, 0, NULL), -ENOENT);
	CU_ASSERT_EQUAL(at_fstat.times, 0);
	leave_scene();
}

static void what_the_kernel_refuses_is_told(void)
{
	ON_STAGE(stage);
	struct mapping *mapping = NULL;

	set_scene(&stage);
	fstatfs_error = EIO;
	CU_ASSERT_EQUAL(mapping_open(stage.dir, STAGE_NAME, &mapping), -EIO);
	fstatfs_error = 0;
	mmap_passes = 0; /* of the region */
	CU_ASSERT_EQUAL(mapping_open(stage.dir, STAGE_NAME, &mapping), -ENOMEM);
	mmap_passes = 1; /* of the segment */
	CU_ASSERT_EQUAL(mapping_open(stage.dir, STAGE_NAME, &mapping), -ENOMEM);
	CU_ASSERT_PTR_NULL(mapping);
	leave_scene();
}

static void refuse_fstat(void)
{
	fstat_error = EOVERFLOW;
}

static void a_file_that_cannot_be_looked_at_is_not_mapped(void)
{
	ON_STAGE(stage);
	struct mapping *mapping = NULL;

	set_scene(&stage);
	at_fstat = (struct moment){refuse_fstat, 1, 1};
	CU_ASSERT_EQUAL(mapping_open(stage.dir, STAGE_NAME, &mapping), -EOVERFLOW);
	fstat_error = 0;
	CU_ASSERT_PTR_NULL(mapping);
	leave_scene();
}

/* Waiting does not bring a right back. */
static void a_right_that_was_taken_away_ends_the_wait(void)
{
	ON_STAGE(stage);

	set_scene(&stage);
	stage_withdraw(&shown, TOKENBROKER_SEGMENT_NONE, generation);
	stage_retire(&shown);
	openat_error = EACCES;
	CU_ASSERT_EQUAL(tokenbroker_wait(reader, generation, 20000), -EACCES);
	openat_error = 0;
	leave_scene();
}

static void a_link_directory_that_leads_to_itself_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct mapping *mapping = NULL;
	char path[STAGE_PATH];

	stage_path(&stage, "tokens", path);
	STAGE_MUST(rmdir(path) == 0 && symlink("tokens", path) == 0);
	CU_ASSERT_EQUAL(mapping_open(stage.dir, STAGE_NAME, &mapping), -EPERM);
	CU_ASSERT_PTR_NULL(mapping);
}

/* A newer segment that cannot be trusted does not take the good token away, yet a wait for a newer
 * one would never end. */
static void a_retired_segment_that_still_has_its_token_is_not_slept_on_for_long(void)
{
	ON_STAGE(stage);
	int64_t start_ns;

	set_scene(&stage);
	stage_retire(&shown);
	start_ns = stage_now_ns();
	CU_ASSERT_EQUAL(tokenbroker_wait(reader, generation, 600), -ETIMEDOUT);
	CU_ASSERT(stage_ms_since(start_ns) >= 600);
	leave_scene();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"two_threads_open_the_next_segment_and_one_mapping_is_kept",
		 two_threads_open_the_next_segment_and_one_mapping_is_kept},
		{"a_segment_that_was_replaced_while_it_was_opened_is_followed_at_once",
		 a_segment_that_was_replaced_while_it_was_opened_is_followed_at_once},
		{"what_another_thread_has_opened_is_read_at_once",
		 what_another_thread_has_opened_is_read_at_once},
		{"a_segment_that_is_replaced_all_the_time_ends_the_call",
		 a_segment_that_is_replaced_all_the_time_ends_the_call},
		{"a_wait_does_not_sleep_on_what_another_thread_has_replaced",
		 a_wait_does_not_sleep_on_what_another_thread_has_replaced},
		{"a_segment_that_goes_between_its_opening_and_the_look_at_it_is_looked_for_again",
		 a_segment_that_goes_between_its_opening_and_the_look_at_it_is_looked_for_again},
		{"what_the_kernel_refuses_is_told", what_the_kernel_refuses_is_told},
		{"a_file_that_cannot_be_looked_at_is_not_mapped",
		 a_file_that_cannot_be_looked_at_is_not_mapped},
		{"a_right_that_was_taken_away_ends_the_wait",
		 a_right_that_was_taken_away_ends_the_wait},
		{"a_link_directory_that_leads_to_itself_is_not_trusted",
		 a_link_directory_that_leads_to_itself_is_not_trusted},
		{"a_retired_segment_that_still_has_its_token_is_not_slept_on_for_long",
		 a_retired_segment_that_still_has_its_token_is_not_slept_on_for_long},
		CU_TEST_INFO_NULL,
	};

	return harness_run("between", tests);
}
