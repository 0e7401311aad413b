/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness.h"
#include "sanitizer.h"

static void a_new_secret_is_an_empty_string(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT_EQUAL(secret->length, 0);
	CU_ASSERT_STRING_EQUAL(secret->data, "");
}

static void an_appended_secret_ends_with_a_nul(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 10, 10), 0);
	memset(secret->data, 'x', secret->capacity);
	CU_ASSERT_EQUAL(secret_append_string(secret, "abc"), 0);
	CU_ASSERT_EQUAL(secret_append(secret, "de", 2), 0);
	CU_ASSERT_EQUAL(secret_append(secret, NULL, 0), 0);
	CU_ASSERT_EQUAL(secret->length, 5);
	CU_ASSERT_STRING_EQUAL(secret->data, "abcde");
}

static void a_secret_grows_to_its_maximum_and_no_further(void)
{
	enum { MAXIMUM = 100000 };
	CLEANUP(secret_free) struct secret *secret = NULL;
	int r = 0;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, MAXIMUM), 0);
	for (size_t i = 0; i < MAXIMUM && r == 0; i++)
		r = secret_append(secret, &"0123456789"[i % 10], 1);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(secret_append(secret, "x", 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(secret_append(secret, "x", SIZE_MAX), -EMSGSIZE);
	CU_ASSERT_EQUAL(secret->length, MAXIMUM);
	CU_ASSERT_EQUAL(strlen(secret->data), MAXIMUM);
	CU_ASSERT_EQUAL(memcmp(secret->data + MAXIMUM - 10, "0123456789", 10), 0);
}

static void reserved_room_is_there_at_once(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 1 << 20), 0);
	CU_ASSERT_EQUAL(secret_append_string(secret, "ab"), 0);
	CU_ASSERT_EQUAL(secret_reserve(secret, 300000), 0);
	CU_ASSERT(secret->capacity - secret->length >= 300000);
	CU_ASSERT_EQUAL(secret_reserve(secret, 1 << 20), -EMSGSIZE);
	CU_ASSERT_STRING_EQUAL(secret->data, "ab");
}

static void truncating_wipes_what_is_cut(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT_EQUAL(secret_append_string(secret, "abcdef"), 0);
	secret_truncate(secret, 2);
	CU_ASSERT_EQUAL(secret->length, 2);
	CU_ASSERT_EQUAL(memcmp(secret->data, "ab\0\0\0\0", 7), 0);
}

static void secrets_are_equal_only_with_the_same_bytes_and_length(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT(secret_equals(secret, NULL, 0));
	CU_ASSERT_EQUAL(secret_append_string(secret, "abc"), 0);
	CU_ASSERT(secret_equals(secret, "abc", 3));
	CU_ASSERT_FALSE(secret_equals(secret, "abd", 3));
	CU_ASSERT_FALSE(secret_equals(secret, "Abc", 3));
	CU_ASSERT_FALSE(secret_equals(secret, "abc", 2));
	CU_ASSERT_FALSE(secret_equals(secret, "abcd", 4));
}

/* A pipe that holds text and is closed for writing. */
static int pipe_with(const char *text)
{
	int fds[2];

	if (pipe(fds) < 0 || write(fds[1], text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fds[1]);
	return fds[0];
}

static void a_descriptor_is_read_to_its_end(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	CLEANUP(close_fd) int fd = pipe_with("def");

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 6), 0);
	CU_ASSERT_EQUAL(secret_append_string(secret, "abc"), 0);
	CU_ASSERT_EQUAL(secret_read(secret, fd), 0);
	CU_ASSERT_STRING_EQUAL(secret->data, "abcdef");
}

static void reading_more_than_the_maximum_is_an_error(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	CLEANUP(close_fd) int fd = pipe_with("abcdefg");

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 6), 0);
	CU_ASSERT_EQUAL(secret_read(secret, fd), -EMSGSIZE);
	CU_ASSERT_EQUAL(secret->length, 6);
	CU_ASSERT_EQUAL(secret_read(secret, -1), -EBADF);
}

static void a_child_finds_the_bytes_zeroed(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	int status = -1;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT_EQUAL(secret_append_string(secret, "abc"), 0);
	pid = fork();
	if (pid == 0)
		_exit(memcmp(secret->data, "\0\0\0", 4) == 0 ? 0 : 1);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_STRING_EQUAL(secret->data, "abc");
}

/* The VmFlags line of the mapping that starts at this address, smaps of proc(5). */
static void read_flags(const void *address, char *line, size_t size)
{
	CLEANUP(close_file) FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start;
	unsigned long end;
	bool is_found = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(smaps);
	while (fgets(line, (int)size, smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_found = start <= (unsigned long)address && (unsigned long)address < end;
		else if (is_found && strncmp(line, "VmFlags:", 8) == 0)
			return;
	}
	line[0] = '\0';
}

static void the_pages_stay_out_of_core_dumps_and_swap(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	char flags[256];

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	read_flags(secret->data, flags, sizeof(flags));
	CU_ASSERT_PTR_NOT_NULL(strstr(flags, " dd"));
	CU_ASSERT_PTR_NOT_NULL(strstr(flags, " wf"));
	CU_ASSERT_EQUAL(secret->is_locked, HAS_SANITIZER || strstr(flags, " lo") != NULL);
}

static bool is_mapped(void *page)
{
	unsigned char in_memory;

	return mincore(page, 1, &in_memory) == 0;
}

static void freeing_gives_the_pages_back_and_keeps_errno(void)
{
	struct secret *secret = NULL;
	char *data;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 100000, 100000), 0);
	data = secret->data;
	errno = ENOTTY;
	secret_free(secret);
	secret_free(NULL);
	CU_ASSERT_EQUAL(errno, ENOTTY);
	CU_ASSERT_FALSE(is_mapped(data));
}

static void a_freed_page_is_wiped_and_used_again(void)
{
	struct secret *secret = NULL;
	const volatile char *after;
	char flags[256];
	size_t marks = 0;
	char *data;

	secret_trim();
	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT_TRUE_FATAL(secret->is_locked);
	data = secret->data;
	memset(data, 0x5a, secret->capacity + 1);
	secret_free(secret);
	CU_ASSERT_TRUE_FATAL(is_mapped(data));
	after = data;
	for (long i = 0; i < sysconf(_SC_PAGESIZE); i++)
		marks += after[i] != 0;
	CU_ASSERT_EQUAL(marks, 0);

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 10), 0);
	CU_ASSERT_PTR_EQUAL(secret->data, data);
	CU_ASSERT_EQUAL(secret->capacity, (size_t)sysconf(_SC_PAGESIZE) - 1);
	read_flags(data, flags, sizeof(flags));
	CU_ASSERT_EQUAL(secret->is_locked, HAS_SANITIZER || strstr(flags, " lo") != NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(flags, " dd"));
	CU_ASSERT_PTR_NOT_NULL(strstr(flags, " wf"));
	secret_free(secret);
	secret_trim();
	CU_ASSERT_FALSE(is_mapped(data));
}

static void so_many_pages_are_kept_and_no_more(void)
{
	enum { COUNT = 2 * SECRET_SPARE_PAGES };
	struct secret *secrets[COUNT];
	char *pages[COUNT];
	size_t kept = 0;

	for (size_t i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL_FATAL(secret_new(&secrets[i], 10, 10), 0);
		pages[i] = secrets[i]->data;
	}
	for (size_t i = 0; i < COUNT; i++)
		secret_free(secrets[i]);
	for (size_t i = 0; i < COUNT; i++)
		kept += is_mapped(pages[i]);
	CU_ASSERT_EQUAL(kept, SECRET_SPARE_PAGES);
	secret_trim();
	for (size_t i = 0; i < COUNT; i++)
		CU_ASSERT_FALSE(is_mapped(pages[i]));
}

/* By the flag, as root may lock whatever the limit is. */
static void a_page_that_is_not_locked_is_not_kept(void)
{
	struct secret *secret = NULL;
	char *data;

	secret_trim();
	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 10, 10), 0);
	data = secret->data;
	secret->is_locked = false;
	secret_free(secret);
	CU_ASSERT_FALSE(is_mapped(data));
}

/* Without the right to lock what it likes, at a limit that the kept pages use up. */
static bool gives_up_spares_at_the_limit(void)
{
	const struct rlimit limit = {.rlim_cur = 65536, .rlim_max = 65536};
	struct secret *secrets[12];
	struct secret *large;

	if ((geteuid() == 0 && setuid(65534) < 0) || setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return false;
	for (size_t i = 0; i < 12; i++)
		if (secret_new(&secrets[i], 10, 10) < 0 || !secrets[i]->is_locked)
			return false;
	for (size_t i = 0; i < 12; i++)
		secret_free(secrets[i]);
	return secret_new(&large, 40000, 40000) == 0 && large->is_locked;
}

static void kept_pages_do_not_use_up_the_limit(void)
{
	int status = -1;
	pid_t pid;

	secret_trim();
	pid = fork();
	if (pid == 0)
		_exit(gives_up_spares_at_the_limit() ? 0 : 1);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_new_secret_is_an_empty_string", a_new_secret_is_an_empty_string},
		{"an_appended_secret_ends_with_a_nul", an_appended_secret_ends_with_a_nul},
		{"a_secret_grows_to_its_maximum_and_no_further",
		 a_secret_grows_to_its_maximum_and_no_further},
		{"reserved_room_is_there_at_once", reserved_room_is_there_at_once},
		{"truncating_wipes_what_is_cut", truncating_wipes_what_is_cut},
		{"secrets_are_equal_only_with_the_same_bytes_and_length",
		 secrets_are_equal_only_with_the_same_bytes_and_length},
		{"a_descriptor_is_read_to_its_end", a_descriptor_is_read_to_its_end},
		{"reading_more_than_the_maximum_is_an_error",
		 reading_more_than_the_maximum_is_an_error},
		{"a_child_finds_the_bytes_zeroed", a_child_finds_the_bytes_zeroed},
		{"the_pages_stay_out_of_core_dumps_and_swap",
		 the_pages_stay_out_of_core_dumps_and_swap},
		{"freeing_gives_the_pages_back_and_keeps_errno",
		 freeing_gives_the_pages_back_and_keeps_errno},
		{"a_freed_page_is_wiped_and_used_again", a_freed_page_is_wiped_and_used_again},
		{"so_many_pages_are_kept_and_no_more", so_many_pages_are_kept_and_no_more},
		{"a_page_that_is_not_locked_is_not_kept", a_page_that_is_not_locked_is_not_kept},
		{"kept_pages_do_not_use_up_the_limit", kept_pages_do_not_use_up_the_limit},
		CU_TEST_INFO_NULL,
	};

	return harness_run("secret", tests);
}
