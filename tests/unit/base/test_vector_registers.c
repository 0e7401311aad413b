/* SPDX-License-Identifier: MIT */
/* What a core file would hold of the registers: a child stops, and we look at it as a debugger
 * does. */
#include "base/vector_registers.h"

#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PATTERN "\xa7\x3b\xc5\x19\xee\x02\x94\x6d\xa7\x3b\xc5\x19\xee\x02\x94\x6d"
#define WIDTH   16

#if defined(__x86_64__)
#define REGISTERS NT_X86_XSTATE
#else
#define REGISTERS NT_PRFPREG
#endif

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
#define LOAD(number) "vbroadcasti32x4 (%0), %%zmm" #number "\n\t"
__attribute__((target("avx512f"))) static void fill_with_avx512(const char *pattern)
{
	__asm__ volatile(LOAD(0) LOAD(7) LOAD(15) LOAD(16) LOAD(23) LOAD(31)::"r"(pattern)
			 : "xmm0", "xmm7", "xmm15", "xmm16", "xmm23", "xmm31", "memory");
}
#undef LOAD
#define LOAD(number) "vbroadcastf128 (%0), %%ymm" #number "\n\t"
__attribute__((target("avx"))) static void fill_with_avx(const char *pattern)
{
	__asm__ volatile(LOAD(0) LOAD(7) LOAD(15)::"r"(pattern)
			 : "xmm0", "xmm7", "xmm15", "memory");
}
#undef LOAD
#define LOAD(number) "movdqu (%0), %%xmm" #number "\n\t"
static void fill(const char *pattern)
{
	if (__builtin_cpu_supports("avx512f"))
		fill_with_avx512(pattern);
	else if (__builtin_cpu_supports("avx"))
		fill_with_avx(pattern);
	else
		__asm__ volatile(LOAD(0) LOAD(7) LOAD(15)::"r"(pattern)
				 : "xmm0", "xmm7", "xmm15", "memory");
}
#else
#define LOAD(number) "ldr q" #number ", [%0]\n\t"
static void fill(const char *pattern)
{
	__asm__ volatile(LOAD(0) LOAD(7) LOAD(16) LOAD(31)::"r"(pattern)
			 : "v0", "v7", "v16", "v31", "memory");
}
#endif

/* Nothing between filling and stopping may use a register, so no library function that moves. */
static void stop_with_pattern(bool wipes)
{
	const pid_t pid = getpid();

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	fill(PATTERN);
	if (wipes)
		vector_registers_wipe();
	(void)syscall(SYS_kill, pid, SIGSTOP);
	_exit(0);
}

/* How often the pattern stands in the registers of the child. */
static unsigned count_pattern(bool wipes)
{
	char registers[16384] = {0};
	struct iovec place = {.iov_base = registers, .iov_len = sizeof(registers)};
	unsigned count = 0;
	int status;
	pid_t child = fork();

	if (child == 0)
		stop_with_pattern(wipes);
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status));
	CU_ASSERT_EQUAL(ptrace(PTRACE_GETREGSET, child, REGISTERS, &place), 0);
	CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	for (size_t i = 0; i + WIDTH <= place.iov_len; i += WIDTH)
		count += memcmp(registers + i, PATTERN, WIDTH) == 0;
	return count;
}

static void the_registers_are_seen(void)
{
	CU_ASSERT(count_pattern(false) >= 3);
}

static void nothing_stays_in_them(void)
{
	CU_ASSERT_EQUAL(count_pattern(true), 0);
}

#endif

int main(void)
{
	CU_TestInfo tests[] = {
#if defined(__x86_64__) || defined(__aarch64__) /* elsewhere nothing is wiped */
		{"the_registers_are_seen", the_registers_are_seen},
		{"nothing_stays_in_them", nothing_stays_in_them},
#endif
		CU_TEST_INFO_NULL,
	};

	return harness_run("vector_registers", tests);
}
