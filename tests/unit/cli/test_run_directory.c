/* SPDX-License-Identifier: MIT */
#include "cli/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness.h"

/* A base directory on tmpfs. */
static void make_base(char base[static 64])
{
	strcpy(base, "/dev/shm/run-directory-XXXXXX");
	if (mkdtemp(base) == NULL)
		abort();
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		abort();
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	(void)closedir(directory);
	return count;
}

/* What the file holds; "" if there is none. */
static const char *content(const struct run_directory *directory)
{
	static char buffer[256];
	CLEANUP(close_fd) int fd = open(directory->token_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buffer, sizeof(buffer) - 1);

	buffer[n < 0 ? 0 : n] = '\0';
	return buffer;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void directory_and_file_are_private_whatever_the_umask(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	char base[64];
	char path[128];
	mode_t old = umask(0377);

	make_base(base);
	(void)chmod(base, 0700);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
	CU_ASSERT_EQUAL(run_directory_write(&directory, "abc", 3), 0);
	(void)umask(old);
	(void)snprintf(path, sizeof(path), "%s/%s", base, directory.name);
	CU_ASSERT_EQUAL(mode_of(path), 0700);
	CU_ASSERT_EQUAL(mode_of(directory.token_path), 0600);
	run_directory_fini(&directory);
	CU_ASSERT_EQUAL(count_entries(base), 0);
	(void)rmdir(base);
}

static void the_file_holds_the_token_and_nothing_else(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	char base[64];

	make_base(base);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
	CU_ASSERT_FALSE(directory.has_token);
	CU_ASSERT_EQUAL(run_directory_write(&directory, "first-longer", 12), 0);
	CU_ASSERT_STRING_EQUAL(content(&directory), "first-longer");
	CU_ASSERT_EQUAL(run_directory_write(&directory, "second", 6), 0);
	CU_ASSERT_STRING_EQUAL(content(&directory), "second");
	CU_ASSERT_TRUE(directory.has_token);
	run_directory_fini(&directory);
	(void)rmdir(base);
}

static void a_reader_of_the_old_file_keeps_it_whole(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	CLEANUP(close_fd) int fd = -1;
	char base[64];
	char buffer[16] = "";

	make_base(base);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
	(void)run_directory_write(&directory, "first", 5);
	fd = open(directory.token_path, O_RDONLY | O_CLOEXEC);
	(void)run_directory_write(&directory, "other", 5);
	CU_ASSERT_EQUAL(read(fd, buffer, sizeof(buffer)), 5);
	CU_ASSERT_STRING_EQUAL(buffer, "first");
	run_directory_fini(&directory);
	(void)rmdir(base);
}

static void a_withdrawn_token_leaves_no_file(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	char base[64];

	make_base(base);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
	(void)run_directory_write(&directory, "abc", 3);
	CU_ASSERT_EQUAL(run_directory_withdraw(&directory), 0);
	CU_ASSERT_FALSE(directory.has_token);
	CU_ASSERT_EQUAL(access(directory.token_path, F_OK), -1);
	CU_ASSERT_EQUAL(run_directory_withdraw(&directory), 0);
	CU_ASSERT_EQUAL(run_directory_write(&directory, "abd", 3), 0);
	CU_ASSERT_STRING_EQUAL(content(&directory), "abd");
	run_directory_fini(&directory);
	(void)rmdir(base);
}

/* A run that is killed once its file is there; its directory's name goes to path. */
static void leave_behind(const char *base, char path[static PATH_MAX])
{
	int pipe_fds[2];
	pid_t pid;

	if (pipe(pipe_fds) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		struct run_directory directory = RUN_DIRECTORY_NULL;

		if (run_directory_create(&directory, base, NULL) < 0 ||
		    run_directory_write(&directory, "abc", 3) < 0 ||
		    write(pipe_fds[1], directory.token_path, PATH_MAX) != PATH_MAX)
			_exit(1);
		for (;;)
			(void)pause();
	}
	if (read(pipe_fds[0], path, PATH_MAX) != PATH_MAX)
		abort();
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void what_a_killed_run_left_is_swept_and_a_living_one_kept(void)
{
	CLEANUP(run_directory) struct run_directory living = RUN_DIRECTORY_NULL;
	CLEANUP(run_directory) struct run_directory next = RUN_DIRECTORY_NULL;
	static char left[PATH_MAX];
	char base[64];

	make_base(base);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&living, base, NULL), 0);
	(void)run_directory_write(&living, "abc", 3);
	leave_behind(base, left);
	CU_ASSERT_EQUAL(access(left, F_OK), 0);
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&next, base, NULL), 0);
	CU_ASSERT_EQUAL(access(left, F_OK), -1);
	CU_ASSERT_STRING_EQUAL(content(&living), "abc");
	CU_ASSERT_EQUAL(count_entries(base), 2);
	run_directory_fini(&living);
	run_directory_fini(&next);
	(void)rmdir(base);
}

static void a_sweep_touches_nothing_that_is_not_a_runs(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	char base[64];
	char file[128];
	char other[128];
	char link[128];
	char full[128];
	char inside[160];

	make_base(base);
	(void)snprintf(file, sizeof(file), "%s/" RUN_DIRECTORY_PREFIX "file", base);
	(void)snprintf(other, sizeof(other), "%s/other", base);
	(void)snprintf(link, sizeof(link), "%s/" RUN_DIRECTORY_PREFIX "link", base);
	(void)snprintf(full, sizeof(full), "%s/" RUN_DIRECTORY_PREFIX "full", base);
	(void)snprintf(inside, sizeof(inside), "%s/precious", full);
	(void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)mkdir(other, 0700);
	CU_ASSERT_EQUAL(symlink("other", link), 0);
	(void)mkdir(full, 0700);
	(void)close(open(inside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
	CU_ASSERT_EQUAL(access(file, F_OK), 0);
	CU_ASSERT_EQUAL(access(other, F_OK), 0);
	CU_ASSERT_EQUAL(access(link, F_OK), 0);
	CU_ASSERT_EQUAL(access(inside, F_OK), 0);
	run_directory_fini(&directory);
	(void)unlink(file);
	(void)rmdir(other);
	(void)unlink(link);
	(void)unlink(inside);
	(void)rmdir(full);
	CU_ASSERT_EQUAL(rmdir(base), 0);
}

static void another_users_directory_is_left_alone(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	char base[64];
	char path[128];

	make_base(base);
	(void)snprintf(path, sizeof(path), "%s/" RUN_DIRECTORY_PREFIX "theirs", base);
	(void)mkdir(path, 0700);
	/* Without root it stays ours, and is swept. */
	if (chown(path, 12345, (gid_t)-1) == 0) {
		CU_ASSERT_EQUAL_FATAL(run_directory_create(&directory, base, NULL), 0);
		CU_ASSERT_EQUAL(access(path, F_OK), 0);
	}
	run_directory_fini(&directory);
	(void)rmdir(path);
	(void)rmdir(base);
}

static void only_a_private_directory_on_tmpfs_is_chosen(void)
{
	char base[64];

	make_base(base);
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base(base), base);
	(void)chmod(base, 0770);
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base(base), "/dev/shm");
	(void)rmdir(base);
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base(base), "/dev/shm");
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base(NULL), "/dev/shm");
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base("relative"), "/dev/shm");
	CU_ASSERT_STRING_EQUAL(run_directory_choose_base("/proc"), "/dev/shm");
}

static void a_base_that_is_no_tmpfs_is_refused_with_its_name(void)
{
	CLEANUP(run_directory) struct run_directory directory = RUN_DIRECTORY_NULL;
	struct error_text error;

	CU_ASSERT_EQUAL(run_directory_create(&directory, "/proc", &error), -EOPNOTSUPP);
	CU_ASSERT_STRING_EQUAL(error.text, "/proc is not on tmpfs: a token must not reach a disk");
	CU_ASSERT_EQUAL(run_directory_create(&directory, "/nowhere", &error), -ENOENT);
	CU_ASSERT_STRING_EQUAL(error.text, "/nowhere: No such file or directory");
	CU_ASSERT_EQUAL(directory.fd, -1);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"directory_and_file_are_private_whatever_the_umask",
		 directory_and_file_are_private_whatever_the_umask},
		{"the_file_holds_the_token_and_nothing_else",
		 the_file_holds_the_token_and_nothing_else},
		{"a_reader_of_the_old_file_keeps_it_whole",
		 a_reader_of_the_old_file_keeps_it_whole},
		{"a_withdrawn_token_leaves_no_file", a_withdrawn_token_leaves_no_file},
		{"what_a_killed_run_left_is_swept_and_a_living_one_kept",
		 what_a_killed_run_left_is_swept_and_a_living_one_kept},
		{"a_sweep_touches_nothing_that_is_not_a_runs",
		 a_sweep_touches_nothing_that_is_not_a_runs},
		{"another_users_directory_is_left_alone", another_users_directory_is_left_alone},
		{"only_a_private_directory_on_tmpfs_is_chosen",
		 only_a_private_directory_on_tmpfs_is_chosen},
		{"a_base_that_is_no_tmpfs_is_refused_with_its_name",
		 a_base_that_is_no_tmpfs_is_refused_with_its_name},
		CU_TEST_INFO_NULL,
	};

	return harness_run("run_directory", tests);
}
