/* SPDX-License-Identifier: MIT */
/*
 * Kills a broker at a chosen step of a function: single_step PID OFFSET CALL POINT [exec].
 *
 * OFFSET is where the function begins in the program's file, in hex. exec: PID is not the broker
 * yet, but what becomes it, and may have been stopped; it is continued. Prints ARMED, waits for the
 * call CALL of the function in which anything happens, and goes through it instruction by
 * instruction until it returns. A point is an instruction after which the memory of a segment
 * differs, or a system call: between two points a SIGKILL leaves the same. Each is a line:
 *
 *   store MAPPING OFFSET zero|set  the word of a segment that has changed, and to what
 *   call NUMBER                    a system call that has returned
 *
 * At point POINT the broker gets SIGKILL; "killed" is the last line. With POINT 0, or when there
 * are fewer, it goes on undisturbed, and "returned" is the last line. Never prints a token's words.
 * Exit 0: came that far. 1: the broker ended before, or cannot be traced.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAPPINGS_MAX 8
#define LINE_BYTES   512
#define WORD_BYTES   8

#if !defined(__x86_64__)

int main(void)
{
	fputs("single_step: written for x86-64 alone\n", stderr);
	return 2;
}

#else

#define INT3           0xccUL
#define LAST_BYTE      0xffUL
#define SYSCALL_OPCODE 0x050fUL /* 0f 05 */
#define TWO_BYTES      0xffffUL

struct mapping {
	uint64_t start;
	size_t size;
	unsigned char *seen;
	unsigned char *now;
};

struct tracer {
	pid_t pid;
	int memory; /* /proc/PID/mem */
	uint64_t entry;
	bool is_told; /* the calls before the chosen one are gone through in silence */
	unsigned long points;
	unsigned long kill_at; /* 0: nowhere */
	struct mapping mappings[MAPPINGS_MAX];
	size_t mapping_count;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Runs on until the next stop, whose status it returns; signals that are not the tracer's own reach
 * the broker. */
static int go(const struct tracer *t, enum __ptrace_request how)
{
	int deliver = 0;
	int status;

	do {
		if (ptrace(how, t->pid, NULL, (void *)(intptr_t)deliver) < 0 ||
		    waitpid(t->pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			fail("single_step: the broker has ended");
		deliver = WSTOPSIG(status);
	} while (deliver != SIGTRAP);
	return status;
}

static struct user_regs_struct registers(const struct tracer *t)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) < 0)
		fail("PTRACE_GETREGS");
	return regs;
}

static void set_instruction(const struct tracer *t, uint64_t rip)
{
	struct user_regs_struct regs = registers(t);

	regs.rip = rip;
	if (ptrace(PTRACE_SETREGS, t->pid, NULL, &regs) < 0)
		fail("PTRACE_SETREGS");
}

static unsigned long peek(const struct tracer *t, uint64_t address)
{
	unsigned long word;

	if (pread(t->memory, &word, sizeof(word), (off_t)address) != (ssize_t)sizeof(word))
		fail("single_step: reading code");
	return word;
}

static void poke(const struct tracer *t, uint64_t address, unsigned long word)
{
	if (ptrace(PTRACE_POKETEXT, t->pid, (void *)address, (void *)word) < 0)
		fail("PTRACE_POKETEXT");
}

static void forget_mappings(struct tracer *t)
{
	while (t->mapping_count > 0) {
		t->mapping_count--;
		free(t->mappings[t->mapping_count].seen);
		free(t->mappings[t->mapping_count].now);
	}
}

static void look_at(const struct tracer *t, const struct mapping *mapping, unsigned char *to)
{
	if (pread(t->memory, to, mapping->size, (off_t)mapping->start) != (ssize_t)mapping->size)
		fail("single_step: reading a segment");
}

static void add_mapping(struct tracer *t, uint64_t start, uint64_t end)
{
	struct mapping *mapping = &t->mappings[t->mapping_count];
	size_t size = end - start;

	if (t->mapping_count == MAPPINGS_MAX)
		return;
	*mapping = (struct mapping){start, size, malloc(size), malloc(size)};
	if (mapping->seen == NULL || mapping->now == NULL)
		fail("malloc");
	look_at(t, mapping, mapping->seen);
	t->mapping_count++;
}

static FILE *open_maps(const struct tracer *t)
{
	char path[LINE_BYTES];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", t->pid);
	maps = fopen(path, "re");
	if (maps == NULL)
		fail(path);
	return maps;
}

/* The segments that the broker has mapped, as they are now. */
static void find_mappings(struct tracer *t)
{
	FILE *maps = open_maps(t);
	char line[LINE_BYTES];

	forget_mappings(t);
	while (fgets(line, sizeof(line), maps) != NULL) {
		char *end;
		uint64_t start = strtoull(line, &end, 16);

		if (strstr(line, " rw-s ") != NULL && strstr(line, "/tokenbroker.") != NULL)
			add_mapping(t, start, strtoull(end + 1, NULL, 16));
	}
	fclose(maps);
}

/* The program's own file is mapped first. */
static uint64_t program_start(const struct tracer *t)
{
	FILE *maps = open_maps(t);
	char line[LINE_BYTES] = "";
	bool is_read = fgets(line, sizeof(line), maps) != NULL;

	fclose(maps);
	if (!is_read)
		fail("maps");
	return strtoull(line, NULL, 16);
}

static void at_point(struct tracer *t)
{
	t->points++;
	if (t->points != t->kill_at)
		return;
	kill(t->pid, SIGKILL);
	while (waitpid(t->pid, NULL, __WALL) > 0)
		; /* a traced process is its tracer's until it is gone */
	puts("killed");
	exit(0);
}

static void tell_store(const struct mapping *mapping, size_t number)
{
	size_t at = 0;
	uint64_t word;

	while (mapping->seen[at] == mapping->now[at])
		at++;
	at -= at % WORD_BYTES;
	memcpy(&word, mapping->now + at, sizeof(word));
	/* Which words hold a token is for the caller to know: only "zero or not" is told. */
	printf("store %zu %#zx %s\n", number, at, word == 0 ? "zero" : "set");
}

static void look_for_stores(struct tracer *t)
{
	for (size_t i = 0; i < t->mapping_count; i++) {
		struct mapping *mapping = &t->mappings[i];

		look_at(t, mapping, mapping->now);
		if (memcmp(mapping->seen, mapping->now, mapping->size) == 0)
			continue;
		if (t->is_told)
			tell_store(mapping, i);
		memcpy(mapping->seen, mapping->now, mapping->size);
		at_point(t);
	}
}

static void step(struct tracer *t, uint64_t rip)
{
	bool is_call = (peek(t, rip) & TWO_BYTES) == SYSCALL_OPCODE;
	uint64_t number = is_call ? registers(t).rax : 0;

	go(t, PTRACE_SINGLESTEP);
	if (is_call) {
		if (t->is_told)
			printf("call %" PRIu64 "\n", number);
		find_mappings(t);
		at_point(t);
	} else {
		look_for_stores(t);
	}
}

/* From the first instruction of a function to its return. */
static void step_through(struct tracer *t)
{
	struct user_regs_struct regs = registers(t);
	uint64_t stack = regs.rsp;
	uint64_t back = peek(t, stack);

	find_mappings(t);
	while (regs.rip != back || regs.rsp <= stack) {
		step(t, regs.rip);
		regs = registers(t);
	}
}

static void run_to_entry(const struct tracer *t, unsigned long code)
{
	poke(t, t->entry, (code & ~LAST_BYTE) | INT3);
	do
		go(t, PTRACE_CONT);
	while (registers(t).rip != t->entry + 1);
	poke(t, t->entry, code);
	set_instruction(t, t->entry);
}

static void attach(const struct tracer *t)
{
	if (ptrace(PTRACE_SEIZE, t->pid, NULL, (void *)PTRACE_O_TRACEEXEC) < 0 ||
	    ptrace(PTRACE_INTERRUPT, t->pid, NULL, NULL) < 0 || waitpid(t->pid, NULL, __WALL) < 0)
		fail("single_step: the broker cannot be traced");
	/* A step is two turns of the scheduler: not behind all that the machine has to do. */
	(void)setpriority(PRIO_PROCESS, 0, -15);
	(void)setpriority(PRIO_PROCESS, (id_t)t->pid, -15);
}

static void run_to_exec(const struct tracer *t)
{
	(void)kill(t->pid, SIGCONT);
	while (go(t, PTRACE_CONT) >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		;
}

static void open_program(struct tracer *t, uint64_t offset)
{
	char path[LINE_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/mem", t->pid);
	t->memory = open(path, O_RDONLY | O_CLOEXEC);
	if (t->memory < 0)
		fail(path);
	t->entry = program_start(t) + offset;
}

int main(int argc, char **argv)
{
	struct tracer tracer = {0};
	unsigned long calls, code;

	if (argc < 5 || argc > 6) {
		fputs("usage: single_step PID OFFSET CALL POINT [exec]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	tracer.pid = (pid_t)strtol(argv[1], NULL, 10);
	attach(&tracer);
	if (argc == 6)
		run_to_exec(&tracer);
	open_program(&tracer, strtoull(argv[2], NULL, 16));
	calls = strtoul(argv[3], NULL, 10);
	code = peek(&tracer, tracer.entry);
	puts("ARMED");
	while (calls > 0) {
		unsigned long kill_at = strtoul(argv[4], NULL, 10);

		run_to_entry(&tracer, code);
		tracer.points = 0;
		tracer.is_told = calls == 1;
		tracer.kill_at = tracer.is_told ? kill_at : 0;
		step_through(&tracer);
		calls -= tracer.points > 0;
	}
	ptrace(PTRACE_DETACH, tracer.pid, NULL, NULL);
	forget_mappings(&tracer);
	puts("returned");
	return 0;
}

#endif
