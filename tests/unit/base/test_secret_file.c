/* SPDX-License-Identifier: MIT */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "harness.h"

/* A directory of its own for each test, with the file that it is about. */
struct fixture {
	char directory[64];
	char path[128];
	struct secret_file_rules rules;
	struct error_text error;
};

static void write_file(const char *path, const void *bytes, size_t length, mode_t mode)
{
	CLEANUP(close_fd) int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || fchmod(fd, mode) < 0)
		abort();
}

static struct fixture start(void)
{
	struct fixture fixture = {
		.directory = "/tmp/test_secret_file.XXXXXX",
		.rules = {.whose = "the broker", .uid = geteuid(), .gid = getegid()},
	};

	if (mkdtemp(fixture.directory) == NULL)
		abort();
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/name", fixture.directory);
	return fixture;
}

static void cleanup_fixture(struct fixture *fixture)
{
	(void)unlink(fixture->path);
	(void)rmdir(fixture->path);
	(void)rmdir(fixture->directory);
}

#define FIXTURE(name) CLEANUP(fixture) struct fixture name = start()

static void check_content(const char *bytes, size_t length, const char *expected)
{
	FIXTURE(fixture);
	CLEANUP(secret_free) struct secret *secret = NULL;

	write_file(fixture.path, bytes, length, 0400);
	CU_ASSERT_EQUAL_FATAL(
		secret_file_read(&secret, fixture.path, &fixture.rules, &fixture.error), 0);
	CU_ASSERT_STRING_EQUAL(secret->data, expected);
	CU_ASSERT_EQUAL(secret->length, strlen(expected));
	CU_ASSERT_STRING_EQUAL(fixture.error.text, "");
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), 0);
}

static void check_refused(const char *bytes, size_t length, int expected, const char *part)
{
	FIXTURE(fixture);
	CLEANUP(secret_free) struct secret *secret = NULL;

	write_file(fixture.path, bytes, length, 0400);
	CU_ASSERT_EQUAL(secret_file_read(&secret, fixture.path, &fixture.rules, &fixture.error),
			expected);
	CU_ASSERT_PTR_NULL(secret);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, part));
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, fixture.path));
}

static void one_newline_at_the_end_is_cut(void)
{
	check_content("s3cret", 6, "s3cret");
	check_content("s3cret\n", 7, "s3cret");
	check_content("s3cret\r\n", 8, "s3cret");
	check_content(" a ~ \n", 6, " a ~ ");
}

static void what_is_no_line_of_printable_ascii_is_refused(void)
{
	check_refused("", 0, -EINVAL, "is empty");
	check_refused("\n", 1, -EINVAL, "is empty");
	check_refused("\r\n", 2, -EINVAL, "is empty");
	check_refused("s\n\n", 3, -EINVAL, "printable");
	check_refused("s\r", 2, -EINVAL, "printable");
	check_refused("a\nb\n", 4, -EINVAL, "printable");
	check_refused("a\0b", 3, -EINVAL, "printable");
	check_refused("a\tb", 3, -EINVAL, "printable");
	check_refused("a\x7f", 2, -EINVAL, "printable");
	check_refused("\xc3\xbc", 2, -EINVAL, "printable");
}

static void four_kilobytes_are_the_most(void)
{
	char bytes[SECRET_FILE_MAX + 4];
	char expected[SECRET_FILE_MAX + 1] = "";

	memset(bytes, 'x', sizeof(bytes));
	memset(expected, 'x', SECRET_FILE_MAX);
	check_content(bytes, SECRET_FILE_MAX, expected);
	check_refused(bytes, SECRET_FILE_MAX + 1, -EMSGSIZE, "4096");
	check_refused(bytes, SECRET_FILE_MAX + 3, -EMSGSIZE, "4096");
	memcpy(bytes + SECRET_FILE_MAX, "\r\n", 2);
	check_content(bytes, SECRET_FILE_MAX + 2, expected);
}

static void check_mode(mode_t mode, gid_t gid, int expected, const char *part)
{
	FIXTURE(fixture);

	fixture.rules.gid = gid;
	write_file(fixture.path, "s\n", 2, mode);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), expected);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, part));
}

static void nobody_else_may_have_access(void)
{
	gid_t own = getegid();

	check_mode(0400, own, 0, "");
	check_mode(0600, own, 0, "");
	check_mode(0440, own, 0, "");
	check_mode(0640, own, 0, "");
	check_mode(0440, own + 1, -EPERM, "chmod 0400");
	check_mode(0660, own, -EPERM, "accessible to a group");
	check_mode(0450, own, -EPERM, "accessible to a group");
	check_mode(0404, own, -EPERM, "mode 0404");
	check_mode(0402, own, -EPERM, "accessible to others");
	check_mode(0401, own, -EPERM, "accessible to others");
	check_mode(0644, own, -EPERM, "chmod 0400");
}

static void it_belongs_to_root_or_the_broker(void)
{
	FIXTURE(fixture);

	write_file(fixture.path, "s\n", 2, 0400);
	fixture.rules.uid = geteuid() + 1;
	/* root's own file is fine for every broker */
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error),
			geteuid() == 0 ? 0 : -EPERM);
	if (geteuid() != 0)
		return;
	CU_ASSERT_EQUAL(chown(fixture.path, 4711, (gid_t)-1), 0);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, "belongs to uid 4711"));
	fixture.rules.uid = 4711;
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), 0);
}

static void only_a_regular_file_will_do(void)
{
	FIXTURE(fixture);

	CU_ASSERT_EQUAL(mkfifo(fixture.path, 0400), 0);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, "not a regular file"));
	CU_ASSERT_EQUAL(unlink(fixture.path), 0);
	CU_ASSERT_EQUAL(mkdir(fixture.path, 0700), 0);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -EPERM);
	CU_ASSERT_EQUAL(secret_file_check("/dev/null", &fixture.rules, &fixture.error), -EPERM);
}

static void a_symbolic_link_is_followed_to_what_is_checked(void)
{
	FIXTURE(fixture);
	char target[160];

	(void)snprintf(target, sizeof(target), "%s.target", fixture.path);
	write_file(target, "s\n", 2, 0400);
	CU_ASSERT_EQUAL(symlink(target, fixture.path), 0);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), 0);
	CU_ASSERT_EQUAL(chmod(target, 0444), 0);
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -EPERM);
	CU_ASSERT_EQUAL(unlink(target), 0);
}

static void a_missing_file_is_named(void)
{
	FIXTURE(fixture);
	char long_path[5000];

	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, fixture.path));
	CU_ASSERT_EQUAL(secret_file_check("", &fixture.rules, &fixture.error), -EINVAL);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CU_ASSERT_EQUAL(secret_file_check(long_path, &fixture.rules, NULL), -ENAMETOOLONG);
}

/* systemd shows credentials as 0440 with an ACL: their mode is not ours to judge. */
static void a_credential_is_read_whatever_its_mode(void)
{
	FIXTURE(fixture);
	CLEANUP(secret_free) struct secret *secret = NULL;

	write_file(fixture.path, "s\n", 2, 0444);
	fixture.rules.credentials_directory = fixture.directory;
	CU_ASSERT_EQUAL_FATAL(
		secret_file_read(&secret, "credential:name", &fixture.rules, &fixture.error), 0);
	CU_ASSERT_STRING_EQUAL(secret->data, "s");
	CU_ASSERT_EQUAL(secret_file_check("credential:none", &fixture.rules, &fixture.error),
			-ENOENT);
}

static void a_credential_has_a_plain_name_and_a_directory(void)
{
	static const char *const names[] = {"credential:", "credential:a/b", "credential:.",
					    "credential:.."};
	FIXTURE(fixture);
	char long_directory[5000];

	fixture.rules.credentials_directory = fixture.directory;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_EQUAL(secret_file_check(names[i], &fixture.rules, &fixture.error),
				-EINVAL);
	fixture.rules.credentials_directory = NULL;
	CU_ASSERT_EQUAL(secret_file_check("credential:x", &fixture.rules, &fixture.error), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, "LoadCredential=x:"));
	memset(long_directory, 'x', sizeof(long_directory) - 1);
	long_directory[sizeof(long_directory) - 1] = '\0';
	fixture.rules.credentials_directory = long_directory;
	CU_ASSERT_EQUAL(secret_file_check("credential:x", &fixture.rules, &fixture.error),
			-ENAMETOOLONG);
}

/* --check-config by somebody who may not read the file: root cannot be refused, so it becomes
 * nobody. */
static void a_file_of_another_user_says_who_should_run_this(void)
{
	FIXTURE(fixture);
	uid_t self = geteuid();

	write_file(fixture.path, "s\n", 2, 0000);
	if (self == 0) {
		CU_ASSERT_EQUAL(chmod(fixture.directory, 0755), 0);
		CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
	}
	CU_ASSERT_EQUAL(secret_file_check(fixture.path, &fixture.rules, &fixture.error), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.error.text, "run as root or as the broker's user"));
	CU_ASSERT_EQUAL_FATAL(seteuid(self), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"one_newline_at_the_end_is_cut", one_newline_at_the_end_is_cut},
		{"what_is_no_line_of_printable_ascii_is_refused",
		 what_is_no_line_of_printable_ascii_is_refused},
		{"four_kilobytes_are_the_most", four_kilobytes_are_the_most},
		{"nobody_else_may_have_access", nobody_else_may_have_access},
		{"it_belongs_to_root_or_the_broker", it_belongs_to_root_or_the_broker},
		{"only_a_regular_file_will_do", only_a_regular_file_will_do},
		{"a_symbolic_link_is_followed_to_what_is_checked",
		 a_symbolic_link_is_followed_to_what_is_checked},
		{"a_missing_file_is_named", a_missing_file_is_named},
		{"a_credential_is_read_whatever_its_mode", a_credential_is_read_whatever_its_mode},
		{"a_credential_has_a_plain_name_and_a_directory",
		 a_credential_has_a_plain_name_and_a_directory},
		{"a_file_of_another_user_says_who_should_run_this",
		 a_file_of_another_user_says_who_should_run_this},
		CU_TEST_INFO_NULL,
	};

	return harness_run("secret_file", tests);
}
