/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <grp.h>
#include <sys/acl.h>

#include "publish/segment_acl.h"

#define READER_UID 5001
#define READER_GID 5002
#define STRANGER   5003
#define SECOND_UID 5004

static uid_t reader_uids[] = {READER_UID, SECOND_UID};
static gid_t reader_gids[] = {READER_GID};
static const struct principals readers = {
	.uids = reader_uids,
	.uid_count = 2,
	.gids = reader_gids,
	.gid_count = 1,
};

static int scratch(struct sandbox *sandbox, char path[static 96])
{
	int fd;

	sandbox_open(sandbox);
	(void)snprintf(path, 96, "%s/segment", sandbox->root);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	return fd;
}

static mode_t mode_of(int fd)
{
	struct stat status = {.st_mode = 0};

	(void)fstat(fd, &status);
	return status.st_mode & 07777;
}

static void expect_acl(int fd, const char *expected)
{
	acl_t acl = acl_get_fd(fd);
	char *text = acl_to_text(acl, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, expected);
	(void)acl_free(text);
	(void)acl_free(acl);
}

static bool matches(int fd, const struct principals *principals)
{
	bool result = false;

	CU_ASSERT_EQUAL(segment_acl_matches(fd, principals, &result), 0);
	return result;
}

static void without_readers_only_the_owner_has_access(void)
{
	struct sandbox sandbox;
	char path[96];
	CLEANUP(close_fd) int fd = scratch(&sandbox, path);

	CU_ASSERT_EQUAL(fchmod(fd, 0777), 0);
	CU_ASSERT_EQUAL(segment_acl_set(fd, &nobody), 0);
	CU_ASSERT_EQUAL(mode_of(fd), 0600);
	expect_acl(fd, "user::rw-\ngroup::---\nother::---\n");
	CU_ASSERT_TRUE(matches(fd, &nobody));
	CU_ASSERT_FALSE(matches(fd, &readers));
	sandbox_close(&sandbox);
}

static void readers_may_read_and_no_more_whatever_the_umask(void)
{
	struct sandbox sandbox;
	char path[96];
	mode_t former = umask(0777);
	CLEANUP(close_fd) int fd = scratch(&sandbox, path);

	CU_ASSERT_EQUAL(segment_acl_set(fd, &readers), 0);
	umask(former);
	CU_ASSERT_EQUAL(mode_of(fd), 0640); /* the group bits show the mask */
	expect_acl(fd, "user::rw-\nuser:5001:r--\nuser:5004:r--\ngroup::---\ngroup:5002:r--\n"
		       "mask::r--\nother::---\n");
	CU_ASSERT_TRUE(matches(fd, &readers));
	CU_ASSERT_FALSE(matches(fd, &nobody));
	sandbox_close(&sandbox);
}

static void set_acl(int fd, const char *text)
{
	acl_t acl = acl_from_text(text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(acl);
	CU_ASSERT_EQUAL(acl_set_fd(fd, acl), 0);
	(void)acl_free(acl);
}

static void every_other_acl_differs(void)
{
	static const char *const others[] = {
		"u::rw-,u:5001:r--,g::---,m::r--,o::---",
		"u::rw-,u:5001:r--,u:5004:r--,g::---,m::r--,o::---",
		"u::rw-,u:5001:r--,u:5004:r--,u:5003:r--,g::---,g:5002:r--,m::r--,o::---",
		"u::rw-,u:5001:rw-,u:5004:r--,g::---,g:5002:r--,m::rw-,o::---",
		"u::rw-,u:5001:rw-,u:5004:r--,g::---,g:5002:r--,m::r--,o::---",
		"u::rw-,u:5001:r--,u:5004:r--,g::r--,g:5002:r--,m::r--,o::---",
		"u::rw-,u:5001:r--,u:5004:r--,g::---,g:5002:r--,m::r--,o::r--",
		"u::r--,u:5001:r--,u:5004:r--,g::---,g:5002:r--,m::r--,o::---",
		"u::rw-,u:5001:r--,u:5004:r--,g::---,g:5002:r--,m::---,o::---",
	};
	struct sandbox sandbox;
	char path[96];
	CLEANUP(close_fd) int fd = scratch(&sandbox, path);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		set_acl(fd, others[i]);
		CU_ASSERT_FALSE(matches(fd, &readers));
	}
	set_acl(fd, "u::rw-,u:5004:r--,u:5001:r--,g::---,g:5002:r--,m::r--,o::---");
	CU_ASSERT_TRUE(matches(fd, &readers));
	CU_ASSERT_EQUAL(fchmod(fd, 04640), 0);
	CU_ASSERT_FALSE(matches(fd, &readers));
	sandbox_close(&sandbox);
}

/* What open(2) says to another user: 0 or an errno value. */
static int open_as(const char *path, uid_t uid, gid_t gid, int flags)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int fd;

		if (setresgid(gid, gid, gid) < 0 || setgroups(0, NULL) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(255);
		fd = open(path, flags | O_CLOEXEC);
		_exit(fd >= 0 ? 0 : errno);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void a_segment_opens_for_its_readers_alone_and_for_writing_never(void)
{
	struct publication *publication = NULL;
	struct publication_found found;
	struct publication_content content = valid_content("reader-token", 1);
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	if (lacks_root(__func__, "become other users"))
		return;
	stage_open(&stage, RUNTIME_DIR_BACKING_SHM);
	CU_ASSERT_EQUAL_FATAL(
		publication_new(&publication, stage.publisher, "default", &readers, &found), 0);
	CU_ASSERT_EQUAL(publication_put(publication, &content, false, stage.now_ns), 0);
	CU_ASSERT_TRUE(shows(&seen, &stage, "reader-token"));

	CU_ASSERT_EQUAL(open_as(seen.target, READER_UID, 100, O_RDONLY), 0);
	CU_ASSERT_EQUAL(open_as(seen.target, SECOND_UID, 100, O_RDONLY), 0);
	CU_ASSERT_EQUAL(open_as(seen.target, STRANGER, READER_GID, O_RDONLY), 0);
	CU_ASSERT_EQUAL(open_as(seen.target, STRANGER, 100, O_RDONLY), EACCES);
	CU_ASSERT_EQUAL(open_as(seen.target, READER_UID, READER_GID, O_RDWR), EACCES);
	CU_ASSERT_EQUAL(open_as(seen.target, READER_UID, READER_GID, O_WRONLY), EACCES);
	CU_ASSERT_EQUAL(open_as(seen.target, STRANGER, READER_GID, O_RDWR), EACCES);
	CU_ASSERT_EQUAL(open_as(seen.target, STRANGER, 100, O_WRONLY), EACCES);
	stage_close(&stage);
}

static void a_thousand_readers_fit(void)
{
	struct sandbox sandbox;
	char path[96];
	CLEANUP(close_fd) int fd = scratch(&sandbox, path);
	uid_t uids[1000];
	struct principals many = {.uids = uids, .uid_count = 1000};

	for (uid_t i = 0; i < 1000; i++)
		uids[i] = 10000 + i;
	CU_ASSERT_EQUAL(segment_acl_set(fd, &many), 0);
	CU_ASSERT_TRUE(matches(fd, &many));
	uids[999]++;
	CU_ASSERT_FALSE(matches(fd, &many));
	sandbox_close(&sandbox);
}

static void a_file_without_acls_is_an_error(void)
{
	CLEANUP(close_fd) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	CU_ASSERT_TRUE(segment_acl_set(fd, &readers) < 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(without_readers_only_the_owner_has_access),
		TEST(readers_may_read_and_no_more_whatever_the_umask),
		TEST(every_other_acl_differs),
		TEST(a_segment_opens_for_its_readers_alone_and_for_writing_never),
		TEST(a_thousand_readers_fit),
		TEST(a_file_without_acls_is_an_error),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("segment_acl", tests);
}
