/* SPDX-License-Identifier: MIT */
/*
 * A segment in this process's memory, where a reader and a writer are interleaved on purpose, not
 * by chance: the token of each slot has a page of its own that nobody may read. The fault that a
 * reader takes there, between the metadata and the token, is where the writer publishes. Who reads
 * no token faults in the metadata.
 */
#ifndef TESTS_UNIT_CLIENTLIB_READ_FIXTURE_H
#define TESTS_UNIT_CLIENTLIB_READ_FIXTURE_H

#include "clientlib/handle.h"
#include "clientlib/read.h"

#include <signal.h>
#include <string.h>

#include "stage.h"

#define PAGE     4096
#define STRIDE   (2 * PAGE) /* metadata, token */
#define SLOTS    4
#define CAPACITY 1015
#define TRIES    128 /* 64 before and 64 after a yield, segment.md section 4 */

/* At file scope, for a fault handler takes no argument. */
static struct {
	struct stage_segment writer;
	struct segment segment;
	struct mapping *mapping; /* close before the segment, as mapping_open() has it */
	unsigned faults;
	unsigned faults_with_publishes; /* the first so many */
	unsigned publishes_per_fault;
	bool retires_in_fault;
	size_t guarded; /* the page of each slot */
} on;

static inline void publish(uint64_t generation)
{
	static const char token_of[][8] = {"token-0", "token-1", "token-2", "token-3", "token-4",
					   "token-5", "token-6", "token-7", "token-8", "token-9"};
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, generation, 60000,
					      token_of[generation % 10]};

	stage_publish_quietly(&on.writer, &content);
}

static inline void publish_length(size_t length)
{
	char token[CAPACITY + 1] = "";
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, 1, 60000, token};

	for (size_t i = 0; i < length; i++)
		token[i] = (char)('a' + i % 23);
	stage_publish_quietly(&on.writer, &content);
}

static inline void protect_slots(int protection)
{
	for (size_t slot = 0; slot < SLOTS; slot++)
		STAGE_MUST(mprotect(on.writer.base + PAGE + slot * STRIDE + on.guarded, PAGE,
				    protection) == 0);
}

static inline void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr / PAGE * PAGE;

	(void)number;
	(void)context;
	on.faults++;
	protect_slots(PROT_READ | PROT_WRITE);
	if (on.faults <= on.faults_with_publishes)
		for (unsigned i = 0; i < on.publishes_per_fault; i++)
			publish(on.writer.count + 1);
	if (on.retires_in_fault)
		stage_retire(&on.writer);
	protect_slots(PROT_NONE);
	STAGE_MUST(mprotect((void *)page, PAGE, PROT_READ) == 0);
}

/* From now on the reader faults in each token, and the writer publishes in the first faults. */
static inline void interleave(unsigned faults, unsigned publishes_per_fault)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	on.faults = 0;
	on.faults_with_publishes = faults;
	on.publishes_per_fault = publishes_per_fault;
	STAGE_MUST(sigaction(SIGSEGV, &action, NULL) == 0);
	protect_slots(PROT_NONE);
}

/* A fresh segment; each test begins with it. */
static inline void set_up(void)
{
	const struct geometry geometry = {.slot_offset = PAGE,
					  .slot_stride = STRIDE,
					  .slot_count = SLOTS,
					  .token_offset = PAGE,
					  .token_capacity = CAPACITY};
	struct tokenbroker_segment_header header = stage_header("default", CAPACITY);
	unsigned char *region;

	if (on.writer.base != NULL) {
		signal(SIGSEGV, SIG_DFL);
		STAGE_MUST(munmap(on.writer.base - PAGE, PAGE + on.writer.header.segment_bytes) ==
			   0);
	}
	header.slot_offset = PAGE;
	header.slot_stride = STRIDE;
	header.token_offset = PAGE;
	header.segment_bytes = PAGE + SLOTS * STRIDE;
	on.retires_in_fault = false;
	on.guarded = PAGE;
	on.writer = (struct stage_segment){.header = header};
	region = mmap(NULL, PAGE + header.segment_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	STAGE_MUST(region != MAP_FAILED);
	on.writer.base = region + PAGE;
	segment_init(&on.segment, on.writer.base, &geometry);
	on.mapping = (struct mapping *)(void *)on.writer.base - 1;
	on.mapping->segment = on.segment;
}

/* Who reads through a handle finds this segment. */
static inline void open_handle(struct tokenbroker *ret)
{
	*ret = (struct tokenbroker){.name_check_ns = INT64_MAX};
	atomic_init(&ret->current, on.mapping);
}

static inline enum read_outcome read_into(char *buffer, size_t size, struct reading *ret)
{
	memset(buffer, 0xaa, size);
	return segment_read(&on.segment, buffer, size, ret);
}

static inline enum read_outcome outcome_of_reading(void)
{
	char buffer[CAPACITY + 1];
	struct reading reading;

	return read_into(buffer, sizeof(buffer), &reading);
}

#endif
