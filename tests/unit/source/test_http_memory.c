/* SPDX-License-Identifier: MIT */
/* What a token request leaves behind in the memory of the process that made it: nothing. */
#include "source/http_source.h"

#include <stdio.h>
#include <sys/mman.h>

#include "http_fixture.h"
#include "sanitizer.h"

/* Half a secret is a find, too. */
static size_t count_masked(const char *memory, size_t size, const char *masked, int direction)
{
	enum { HALF = SECRET_BYTES / 2 };
	size_t count = 0;

	for (size_t at = 0; at + HALF <= size; at++) {
		size_t same = 0;

		while (same < HALF &&
		       (char)(memory[at + same] ^ MASK) == masked[direction * (int)same])
			same++;
		count += same == HALF;
	}
	return count;
}

/* Looks for both ends of the secret, forwards and backwards, in one mapping. */
static size_t count_in_mapping(int memory_fd, unsigned long start, unsigned long end,
			       const char *masked, char *buffer, size_t buffer_bytes)
{
	size_t size = end - start;
	const char *last = masked + SECRET_BYTES - 1;

	if ((start <= (unsigned long)buffer && (unsigned long)buffer < end) || size > buffer_bytes)
		return 0;
	if (pread(memory_fd, buffer, size, (off_t)start) != (ssize_t)size)
		return 0; /* [vvar] and the like */
	return count_masked(buffer, size, masked, 1) +
	       count_masked(buffer, size, masked + SECRET_BYTES / 2, 1) +
	       count_masked(buffer, size, last, -1) +
	       count_masked(buffer, size, last - SECRET_BYTES / 2, -1);
}

/* How many pieces of secret or token this process can be found to hold. */
static size_t count_in_process(const char *masked)
{
	enum { BUFFER_BYTES = 64 << 20 };
	CLEANUP(close_file) FILE *maps = fopen("/proc/self/maps", "re");
	CLEANUP(close_fd) int memory_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	char line[512];
	size_t count = 0;

	CU_ASSERT_FATAL(maps != NULL && memory_fd >= 0 && buffer != MAP_FAILED);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start;
		unsigned long end;
		char writable;

		if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &writable) == 3 && writable == 'w')
			count += count_in_mapping(memory_fd, start, end, masked, buffer,
						  BUFFER_BYTES);
	}
	CU_ASSERT_EQUAL(munmap(buffer, BUFFER_BYTES), 0);
	return count;
}

static void no_copy_of_secret_or_token_stays_in_memory(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};

	if (HAS_SANITIZER)
		return; /* its allocator keeps what was freed */
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_OK);
	/* The token itself is there to be found: both its halves, which are the secret's. */
	CU_ASSERT_EQUAL(count_in_process(fixture.masked_secret), 2);
	secret_free(result.outcome.token);
	result.outcome.token = NULL;
	CU_ASSERT_EQUAL(count_in_process(fixture.masked_secret), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"no_copy_of_secret_or_token_stays_in_memory",
		 no_copy_of_secret_or_token_stays_in_memory},
		CU_TEST_INFO_NULL,
	};

	return harness_run("http_memory", tests);
}
