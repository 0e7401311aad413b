/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/digest.h"

#define OTHER_UID 4711

static mode_t mode_of(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 ? status.st_mode : 0;
}

/* Opens and, where that works, closes again. */
static int try_open(const char *path, enum runtime_dir_backing backing, struct error_text *error)
{
	CLEANUP(runtime_dir_free) struct runtime_dir *dir = NULL;

	error->text[0] = '\0';
	return runtime_dir_new(&dir, path, backing, error);
}

static void expect_modes(const char *run)
{
	char path[96];

	CU_ASSERT_EQUAL(mode_of(run), S_IFDIR | 0755);
	(void)snprintf(path, sizeof(path), "%s/tokens", run);
	CU_ASSERT_EQUAL(mode_of(path), S_IFDIR | 0755);
	(void)snprintf(path, sizeof(path), "%s/segments", run);
	CU_ASSERT_EQUAL(mode_of(path), S_IFDIR | 0755);
	(void)snprintf(path, sizeof(path), "%s/lock", run);
	CU_ASSERT_EQUAL(mode_of(path), S_IFREG | 0600);
}

static void modes_are_exact_whatever_the_umask(void)
{
	static const mode_t masks[] = {0, 0022, 0777};
	struct error_text error;

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct sandbox sandbox;
		mode_t former;

		sandbox_open(&sandbox);
		former = umask(masks[i]);
		CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), 0);
		umask(former);
		expect_modes(sandbox.run);
		sandbox_close(&sandbox);
	}
}

static void a_directory_that_is_too_closed_is_opened(void)
{
	struct sandbox sandbox;
	struct error_text error;

	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL(mkdir(sandbox.run, 0700), 0);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), 0);
	expect_modes(sandbox.run);
	sandbox_close(&sandbox);
}

static void opening_again_finds_everything_in_place(void)
{
	CLEANUP(runtime_dir_free) struct runtime_dir *dir = NULL;
	struct sandbox sandbox;
	struct error_text error;

	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), 0);
	CU_ASSERT_EQUAL_FATAL(runtime_dir_new(&dir, sandbox.run, RUNTIME_DIR_BACKING_SHM, &error),
			      0);
	CU_ASSERT_STRING_EQUAL(dir->path, sandbox.run);
	CU_ASSERT_EQUAL(dir->id, digest_id(sandbox.run, strlen(sandbox.run)));
	CU_ASSERT_EQUAL(dir->uid, geteuid());
	CU_ASSERT_EQUAL(runtime_dir_segments(dir, RUNTIME_DIR_BACKING_SHM), dir->shm_fd);
	CU_ASSERT_EQUAL(runtime_dir_segments(dir, RUNTIME_DIR_BACKING_DIRECTORY), -1);
	sandbox_close(&sandbox);
}

static void the_real_path_gives_the_id(void)
{
	CLEANUP(runtime_dir_free) struct runtime_dir *dir = NULL;
	struct sandbox sandbox;
	struct error_text error;
	char roundabout[80];

	sandbox_open(&sandbox);
	(void)snprintf(roundabout, sizeof(roundabout), "%s/../%s/run", sandbox.root,
		       strrchr(sandbox.root, '/') + 1);
	CU_ASSERT_EQUAL_FATAL(runtime_dir_new(&dir, roundabout, RUNTIME_DIR_BACKING_SHM, &error),
			      0);
	CU_ASSERT_EQUAL(dir->id, digest_id(sandbox.run, strlen(sandbox.run)));
	sandbox_close(&sandbox);
}

static void every_descriptor_is_close_on_exec(void)
{
	CLEANUP(runtime_dir_free) struct runtime_dir *dir = NULL;
	struct sandbox sandbox;
	struct error_text error;

	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL_FATAL(
		runtime_dir_new(&dir, sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), 0);
	CU_ASSERT_EQUAL(fcntl(dir->fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_EQUAL(fcntl(dir->lock_fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_EQUAL(fcntl(dir->tokens_fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_EQUAL(fcntl(dir->shm_fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_EQUAL(fcntl(dir->segments_fd, F_GETFD), FD_CLOEXEC);
	sandbox_close(&sandbox);
}

static void a_second_broker_is_told_that_the_lock_is_held(void)
{
	struct runtime_dir *first = NULL;
	struct sandbox sandbox;
	struct error_text error;

	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL_FATAL(runtime_dir_new(&first, sandbox.run, RUNTIME_DIR_BACKING_SHM, &error),
			      0);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), -EWOULDBLOCK);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "another broker"));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, sandbox.run));
	runtime_dir_free(first);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), 0);
	sandbox_close(&sandbox);
}

static void a_foreign_owner_is_named_and_nothing_is_written(void)
{
	struct sandbox sandbox;
	struct error_text error;
	char path[96];

	if (lacks_root(__func__, "give a directory away"))
		return;
	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL(mkdir(sandbox.run, 0700), 0);
	CU_ASSERT_EQUAL(chown(sandbox.run, OTHER_UID, OTHER_UID), 0);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "uid 4711"));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "root (uid 0)"));
	(void)snprintf(path, sizeof(path), "%s/lock", sandbox.run);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(mode_of(sandbox.run), S_IFDIR | 0700);
	sandbox_close(&sandbox);
}

/* Even one that it may not look into. */
static void an_unprivileged_broker_is_told_the_owner(void)
{
	struct sandbox sandbox;
	int status = -1;
	pid_t child;

	if (lacks_root(__func__, "become another user"))
		return;
	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL(mkdir(sandbox.run, 0700), 0);
	child = fork();
	if (child == 0) {
		struct error_text error;
		bool ok = setresuid(OTHER_UID, OTHER_UID, OTHER_UID) == 0 &&
			  try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error) == -EPERM &&
			  strstr(error.text, "belongs to root (uid 0)") != NULL;

		_exit(ok ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	sandbox_close(&sandbox);
}

static void a_directory_that_others_may_write_to_is_refused(void)
{
	static const mode_t modes[] = {0775, 0757, 0777, 01777};
	struct error_text error;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct sandbox sandbox;

		sandbox_open(&sandbox);
		CU_ASSERT_EQUAL(mkdir(sandbox.run, 0700), 0);
		CU_ASSERT_EQUAL(chmod(sandbox.run, modes[i]), 0);
		CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), -EPERM);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "0755"));
		CU_ASSERT_EQUAL(mode_of(sandbox.run), S_IFDIR | modes[i]);
		sandbox_close(&sandbox);
	}
}

static void a_missing_parent_is_not_made(void)
{
	struct sandbox sandbox;
	struct error_text error;
	char path[96];

	sandbox_open(&sandbox);
	(void)snprintf(path, sizeof(path), "%s/a/b", sandbox.root);
	CU_ASSERT_EQUAL(try_open(path, RUNTIME_DIR_BACKING_SHM, &error), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, path));
	sandbox_close(&sandbox);
}

static void a_symbolic_link_in_its_place_is_not_followed(void)
{
	struct sandbox sandbox;
	struct error_text error;
	char target[96];

	sandbox_open(&sandbox);
	(void)snprintf(target, sizeof(target), "%s/elsewhere", sandbox.root);
	CU_ASSERT_EQUAL(mkdir(target, 0755), 0);
	CU_ASSERT_EQUAL(symlink(target, sandbox.run), 0);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), -ENOTDIR);
	CU_ASSERT_EQUAL(rmdir(target), 0); /* nothing was written into it */
	sandbox_close(&sandbox);
}

static void directory_backing_off_tmpfs_is_refused(void)
{
	struct error_text error;
	char path[] = "/tmp/tb-test-XXXXXX";
	struct sandbox sandbox;

	if (lacks_root(__func__, "mount a ramfs"))
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
	(void)snprintf(sandbox.root, sizeof(sandbox.root), "%s", path);
	(void)snprintf(sandbox.run, sizeof(sandbox.run), "%s/run", path);
	CU_ASSERT_EQUAL_FATAL(mount("none", path, "ramfs", 0, "mode=0755"), 0);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), -EOPNOTSUPP);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "tmpfs"));
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_SHM, &error), 0);
	CU_ASSERT_EQUAL(umount(path), 0);
	sandbox_close(&sandbox);
}

enum squat { SQUAT_FILE, SQUAT_LINK, SQUAT_FIFO, SQUAT_FOREIGN, SQUAT_OPEN_DIRECTORY };

static void squat(const char *path, enum squat kind, const char *target)
{
	switch (kind) {
	case SQUAT_FILE:
		CU_ASSERT_TRUE(write_file(path, "", 0, 0644));
		break;
	case SQUAT_LINK:
		CU_ASSERT_EQUAL(symlink(target, path), 0);
		break;
	case SQUAT_FIFO:
		CU_ASSERT_EQUAL(mkfifo(path, 0666), 0);
		break;
	case SQUAT_FOREIGN:
		CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
		CU_ASSERT_EQUAL(chown(path, OTHER_UID, OTHER_UID), 0);
		break;
	case SQUAT_OPEN_DIRECTORY:
		CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
		CU_ASSERT_EQUAL(chmod(path, 0777), 0);
		break;
	}
}

static void expect_squat(const char *name, enum squat kind, int expected)
{
	struct sandbox sandbox;
	struct error_text error;
	char path[96];

	sandbox_open(&sandbox);
	CU_ASSERT_EQUAL(mkdir(sandbox.run, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", sandbox.run, name);
	squat(path, kind, sandbox.root);
	CU_ASSERT_EQUAL(try_open(sandbox.run, RUNTIME_DIR_BACKING_DIRECTORY, &error), expected);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, path));
	sandbox_close(&sandbox);
}

static void squatted_names_are_told_and_never_followed(void)
{
	static const char *const directories[] = {"tokens", "segments"};

	for (size_t i = 0; i < 2; i++) {
		expect_squat(directories[i], SQUAT_FILE, -ENOTDIR);
		expect_squat(directories[i], SQUAT_LINK, -ENOTDIR);
		expect_squat(directories[i], SQUAT_FIFO, -ENOTDIR);
		expect_squat(directories[i], SQUAT_OPEN_DIRECTORY, -EPERM);
		if (is_root())
			expect_squat(directories[i], SQUAT_FOREIGN, -EPERM);
	}
	expect_squat("lock", SQUAT_LINK, -ELOOP);
	expect_squat("lock", SQUAT_FIFO, -EPERM);
	expect_squat("lock", SQUAT_OPEN_DIRECTORY, -EISDIR);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(modes_are_exact_whatever_the_umask),
		TEST(a_directory_that_is_too_closed_is_opened),
		TEST(opening_again_finds_everything_in_place),
		TEST(the_real_path_gives_the_id),
		TEST(every_descriptor_is_close_on_exec),
		TEST(a_second_broker_is_told_that_the_lock_is_held),
		TEST(a_foreign_owner_is_named_and_nothing_is_written),
		TEST(an_unprivileged_broker_is_told_the_owner),
		TEST(a_directory_that_others_may_write_to_is_refused),
		TEST(a_missing_parent_is_not_made),
		TEST(a_symbolic_link_in_its_place_is_not_followed),
		TEST(directory_backing_off_tmpfs_is_refused),
		TEST(squatted_names_are_told_and_never_followed),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("runtime_dir", tests);
}
