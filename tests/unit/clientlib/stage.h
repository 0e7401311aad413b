/* SPDX-License-Identifier: MIT */
/*
 * A runtime directory on tmpfs and segments in it, made by hand: the library's tests need no
 * broker, and can do what no broker would. The writer here follows the segment's protocol word for
 * word.
 */
#ifndef TESTS_UNIT_CLIENTLIB_STAGE_H
#define TESTS_UNIT_CLIENTLIB_STAGE_H

#include <fcntl.h>
#include <ftw.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tokenbroker.h"
#include "tokenbroker_segment.h"

#define STAGE_NAME     "default"
#define STAGE_CAPACITY 1015 /* with the NUL and the metadata: slots of 1152 bytes */
#define STAGE_PATH     256
#define STAGE_MS       INT64_C(1000000)
#define STAGE_S        INT64_C(1000000000)

/* The tests are about the library: when the machine lets them down they stop on the spot. */
#define STAGE_MUST(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			perror(#condition);                                                        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct stage {
	char dir[STAGE_PATH]; /* TOKENBROKER_RUNTIME_DIR */
};

struct stage_segment {
	unsigned char *base;
	struct tokenbroker_segment_header header;
	uint64_t count;
	char path[STAGE_PATH];
	char target[STAGE_PATH]; /* for a link in tokens/ */
};

struct stage_content {
	enum tokenbroker_segment_state state;
	uint64_t generation;
	int64_t lives_ms; /* from now on */
	const char *token;
};

/* For a test that must give files away. */
static inline bool stage_lacks_root(void)
{
	if (geteuid() == 0)
		return false;
	puts("       the next one was skipped: it needs root");
	return true;
}

static inline int64_t stage_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * STAGE_S + now.tv_nsec;
}

static inline int64_t stage_ms_since(int64_t start_ns)
{
	return (stage_now_ns() - start_ns) / STAGE_MS;
}

static inline void stage_sleep_ms(int64_t for_ms)
{
	struct timespec pause = {.tv_sec = for_ms / 1000, .tv_nsec = for_ms % 1000 * STAGE_MS};

	while (nanosleep(&pause, &pause) < 0)
		;
}

static inline void stage_path(const struct stage *stage, const char *relative, char *ret_path)
{
	STAGE_MUST(snprintf(ret_path, STAGE_PATH, "%s/%s", stage->dir, relative) < STAGE_PATH);
}

/* Makes the runtime directory, unless it is there, and what belongs into it, and lets the library
 * find it. */
static inline void stage_fill(const struct stage *stage)
{
	char path[STAGE_PATH];

	(void)mkdir(stage->dir, 0755);
	STAGE_MUST(chmod(stage->dir, 0755) == 0);
	stage_path(stage, "tokens", path);
	STAGE_MUST(mkdir(path, 0755) == 0);
	stage_path(stage, "segments", path);
	STAGE_MUST(mkdir(path, 0755) == 0);
	STAGE_MUST(setenv("TOKENBROKER_RUNTIME_DIR", stage->dir, 1) == 0);
	STAGE_MUST(unsetenv("TOKENBROKER_TOKEN") == 0);
}

static inline struct stage stage_set_up(void)
{
	struct stage stage = {"/dev/shm/tokenbroker-test-XXXXXX"};

	umask(022);
	STAGE_MUST(mkdtemp(stage.dir) != NULL);
	stage_fill(&stage);
	return stage;
}

static inline int stage_remove_one(const char *path, const struct stat *status, int type,
				   struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void stage_tear_down(struct stage *stage)
{
	STAGE_MUST(nftw(stage->dir, stage_remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* A runtime directory for the rest of the scope, without any token. */
#define ON_STAGE(name)                                                                             \
	__attribute__((cleanup(stage_tear_down), unused)) struct stage name = stage_set_up()

/* The header that a broker would write. */
static inline struct tokenbroker_segment_header stage_header(const char *name, uint32_t capacity)
{
	uint32_t padded = (capacity + 8) / 8 * 8;
	uint32_t stride = (TOKENBROKER_SEGMENT_TOKEN_OFFSET + padded + 127) / 128 * 128;
	struct tokenbroker_segment_header header = {
		.magic = TOKENBROKER_SEGMENT_MAGIC,
		.abi_major = TOKENBROKER_SEGMENT_MAJOR,
		.abi_minor = TOKENBROKER_SEGMENT_MINOR,
		.header_bytes = sizeof(header),
		.byte_order = TOKENBROKER_SEGMENT_BYTE_ORDER,
		.slot_offset = TOKENBROKER_SEGMENT_SLOT_OFFSET,
		.slot_stride = stride,
		.slot_count = TOKENBROKER_SEGMENT_SLOTS,
		.token_offset = TOKENBROKER_SEGMENT_TOKEN_OFFSET,
		.token_capacity = capacity,
		.meta_bytes = TOKENBROKER_SLOT_META_BYTES,
		.segment_bytes =
			TOKENBROKER_SEGMENT_SLOT_OFFSET + TOKENBROKER_SEGMENT_SLOTS * stride,
	};

	strncpy(header.name, name, sizeof(header.name) - 1);
	header.header_sum = tokenbroker_segment_header_sum(&header);
	return header;
}

/* Writes header into the segment, with its sum made right. */
static inline void stage_put_header(struct stage_segment *segment,
				    struct tokenbroker_segment_header header)
{
	header.header_sum = tokenbroker_segment_header_sum(&header);
	segment->header = header;
	memcpy(segment->base, &header, sizeof(header));
}

/* A file segments/FILE, complete but for a link. */
static inline void stage_create_of(const struct stage *stage, struct stage_segment *ret,
				   const char *file,
				   const struct tokenbroker_segment_header *header)
{
	struct stage_segment segment = {0};
	size_t bytes = header->segment_bytes;
	char relative[STAGE_PATH];
	int fd;

	snprintf(relative, sizeof(relative), "segments/%s", file);
	stage_path(stage, relative, segment.path);
	snprintf(segment.target, sizeof(segment.target), "../segments/%s", file);
	fd = open(segment.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	STAGE_MUST(fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) == 0);
	segment.base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	STAGE_MUST(segment.base != MAP_FAILED && close(fd) == 0);
	stage_put_header(&segment, *header);
	*ret = segment;
}

static inline void stage_create(const struct stage *stage, struct stage_segment *ret,
				const char *file)
{
	struct tokenbroker_segment_header header = stage_header(STAGE_NAME, STAGE_CAPACITY);

	stage_create_of(stage, ret, file, &header);
}

/* tokens/NAME by rename, as the broker does it. */
static inline void stage_link(const struct stage *stage, const char *target)
{
	char path[STAGE_PATH];
	char aside[STAGE_PATH];

	stage_path(stage, "tokens/" STAGE_NAME, path);
	stage_path(stage, "tokens/." STAGE_NAME ".new", aside);
	STAGE_MUST(symlink(target, aside) == 0 && rename(aside, path) == 0);
}

static inline void stage_unlink(const struct stage *stage)
{
	char path[STAGE_PATH];

	stage_path(stage, "tokens/" STAGE_NAME, path);
	STAGE_MUST(unlink(path) == 0);
}

static inline _Atomic uint64_t *stage_word(const struct stage_segment *segment, size_t offset)
{
	return (_Atomic uint64_t *)(void *)(segment->base + offset);
}

static inline _Atomic uint32_t *stage_wake_word(const struct stage_segment *segment)
{
	return (_Atomic uint32_t *)(void *)(segment->base + TOKENBROKER_SEGMENT_WAKE_OFFSET);
}

/* Where the slot of a publish begins. */
static inline size_t stage_slot(const struct stage_segment *segment, uint64_t count)
{
	const struct tokenbroker_segment_header *header = &segment->header;

	return header->slot_offset + count % header->slot_count * header->slot_stride;
}

static inline void stage_store(const struct stage_segment *segment, size_t offset, uint64_t value)
{
	atomic_store_explicit(stage_word(segment, offset), value, memory_order_relaxed);
}

static inline void stage_wake(const struct stage_segment *segment)
{
	atomic_fetch_add_explicit(stage_wake_word(segment), 1, memory_order_release);
	syscall(SYS_futex, stage_wake_word(segment), FUTEX_WAKE, 64, NULL, NULL, 0);
}

static inline void stage_store_token(const struct stage_segment *segment, size_t slot,
				     const char *token, size_t length)
{
	for (size_t done = 0; done <= length; done += 8) {
		size_t left = length - done;
		uint64_t word = 0;

		memcpy(&word, token + done, left < 8 ? left : 8);
		stage_store(segment, slot + segment->header.token_offset + done, word);
	}
}

/* The whole of a publish but for the wake-up, which costs a system call. */
static inline void stage_publish_quietly(struct stage_segment *segment,
					 const struct stage_content *content)
{
	uint64_t count = segment->count + 1;
	size_t slot = stage_slot(segment, count);
	const char *token = content->token != NULL ? content->token : "";
	size_t length = strlen(token);
	struct timespec wall;
	int64_t wall_ns;

	clock_gettime(CLOCK_REALTIME, &wall);
	wall_ns = wall.tv_sec * STAGE_S + wall.tv_nsec;
	atomic_thread_fence(memory_order_release);
	stage_store(segment, slot + TOKENBROKER_SLOT_SEQ, 0);
	stage_store(segment, slot + TOKENBROKER_SLOT_GENERATION, content->generation);
	stage_store(segment, slot + TOKENBROKER_SLOT_EXPIRES_BOOTTIME,
		    (uint64_t)(stage_now_ns() + content->lives_ms * STAGE_MS));
	stage_store(segment, slot + TOKENBROKER_SLOT_EXPIRES_REALTIME,
		    (uint64_t)(wall_ns + content->lives_ms * STAGE_MS));
	stage_store(segment, slot + TOKENBROKER_SLOT_LENGTH_STATE,
		    (uint64_t)content->state << 32 | length);
	stage_store_token(segment, slot, token, length);
	stage_store(segment, slot + TOKENBROKER_SLOT_SEQ, count);
	atomic_store_explicit(stage_word(segment, TOKENBROKER_SEGMENT_HEAD_OFFSET), count,
			      memory_order_release);
	segment->count = count;
}

static inline void stage_publish(struct stage_segment *segment, const struct stage_content *content)
{
	stage_publish_quietly(segment, content);
	stage_wake(segment);
}

/* A token that is good for an hour. */
static inline void stage_publish_token(struct stage_segment *segment, uint64_t generation,
				       const char *token)
{
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, generation, 3600000,
					      token};

	stage_publish(segment, &content);
}

static inline void stage_withdraw(struct stage_segment *segment,
				  enum tokenbroker_segment_state state, uint64_t generation)
{
	const struct stage_content content = {state, generation, 0, NULL};

	stage_publish(segment, &content);
}

static inline void stage_retire(struct stage_segment *segment)
{
	atomic_fetch_or_explicit(stage_word(segment, TOKENBROKER_SEGMENT_HEAD_OFFSET),
				 TOKENBROKER_SEGMENT_RETIRED, memory_order_release);
	stage_wake(segment);
}

/* One live segment with a link to it. */
static inline void stage_show(const struct stage *stage, struct stage_segment *ret,
			      const char *file)
{
	stage_create(stage, ret, file);
	stage_link(stage, ret->target);
}

static inline struct tokenbroker *stage_open(void)
{
	struct tokenbroker *tb;

	STAGE_MUST(tokenbroker_open(&tb, NULL) == 0);
	return tb;
}

static inline void stage_close(struct tokenbroker **tb)
{
	tokenbroker_close(*tb);
}

/* An open handle for the rest of the scope. */
#define WITH_HANDLE(name)                                                                          \
	__attribute__((cleanup(stage_close))) struct tokenbroker *name = stage_open()

#endif
