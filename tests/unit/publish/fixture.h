/* SPDX-License-Identifier: MIT */
/*
 * A runtime directory on tmpfs and a look at what a reader would find in it. As root the tests have
 * /dev/shm to themselves, in a mount namespace of their own.
 */
#ifndef TESTS_UNIT_PUBLISH_FIXTURE_H
#define TESTS_UNIT_PUBLISH_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "harness.h"
#include "publish/publication.h"
#include "publish/publisher.h"
#include "publish/runtime_dir.h"

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

/* Where a test's clock starts; any time does. */
#define START_NS (1000 * NS_PER_S)

static inline bool is_root(void)
{
	return geteuid() == 0;
}

static inline bool lacks_root(const char *test, const char *why)
{
	if (is_root())
		return false;
	printf("skipped %s: only root can %s\n", test, why);
	return true;
}

/* Call first in main(). */
static inline void isolate_shm(void)
{
	if (!is_root())
		return;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") < 0)
		perror("a /dev/shm of our own");
}

struct sandbox {
	char root[32];
	char run[48]; /* of the runtime directory, which does not exist yet */
};

static inline void sandbox_open(struct sandbox *sandbox)
{
	(void)strcpy(sandbox->root, "/dev/shm/tb-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(sandbox->root));
	(void)chmod(sandbox->root, 0755);
	(void)snprintf(sandbox->run, sizeof(sandbox->run), "%s/run", sandbox->root);
}

static inline int remove_entry(const char *path, const struct stat *status, int type,
			       struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	(void)remove(path);
	return 0;
}

static inline void sandbox_close(struct sandbox *sandbox)
{
	(void)nftw(sandbox->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* One broker's view. */
struct stage {
	struct sandbox sandbox;
	struct runtime_dir *dir;
	struct publisher *publisher;
	int64_t now_ns;
};

static inline void stage_start(struct stage *stage, enum runtime_dir_backing backing)
{
	struct error_text error = {.text = ""};

	CU_ASSERT_EQUAL_FATAL(runtime_dir_new(&stage->dir, stage->sandbox.run, backing, &error), 0);
	CU_ASSERT_EQUAL_FATAL(publisher_new(&stage->publisher, stage->dir), 0);
}

static inline void stage_open(struct stage *stage, enum runtime_dir_backing backing)
{
	*stage = (struct stage){.now_ns = START_NS};
	sandbox_open(&stage->sandbox);
	stage_start(stage, backing);
}

/* A clean end of the broker; the runtime directory stays. */
static inline void stage_stop(struct stage *stage)
{
	publisher_free(stage->publisher);
	runtime_dir_free(stage->dir);
	stage->publisher = NULL;
	stage->dir = NULL;
}

static inline void stage_restart(struct stage *stage, enum runtime_dir_backing backing)
{
	stage_stop(stage);
	stage_start(stage, backing);
}

/* Turns the loop for milliseconds of time, as a broker would that is asked every tenth of one. */
static inline void stage_pass_ms(struct stage *stage, int64_t milliseconds)
{
	int64_t end_ns = stage->now_ns + milliseconds * NS_PER_MS;

	for (; stage->now_ns < end_ns; stage->now_ns += NS_PER_MS / 10)
		publisher_run(stage->publisher, stage->now_ns);
}

/* Removes what the test's publications have left, too, damaged segments included. */
static inline void stage_close(struct stage *stage)
{
	char link[96];
	char target[96] = "";

	if (stage->publisher == NULL)
		stage_start(stage, RUNTIME_DIR_BACKING_SHM);
	stage_restart(stage, stage->dir->backing);
	(void)snprintf(link, sizeof(link), "%s/tokens/default", stage->sandbox.run);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	CU_ASSERT_EQUAL(publisher_sweep(stage->publisher), 0);
	stage_stop(stage);
	if (strncmp(target, "/dev/shm/tokenbroker.", strlen("/dev/shm/tokenbroker.")) == 0)
		(void)unlink(target);
	sandbox_close(&stage->sandbox);
}

/* Runs body as a broker of its own that dies without a word when body returns, as by SIGKILL. */
static inline bool stage_die_after(struct stage *stage, enum runtime_dir_backing backing,
				   bool (*body)(struct stage *stage))
{
	struct error_text error = {.text = ""};
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		bool ok = runtime_dir_new(&stage->dir, stage->sandbox.run, backing, &error) == 0 &&
			  publisher_new(&stage->publisher, stage->dir) == 0 && body(stage);

		_exit(ok ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static inline struct publication_content valid_content(const char *token, uint64_t generation)
{
	return (struct publication_content){
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = generation,
		.expires_boottime_ns = START_NS + 3600 * NS_PER_S,
		.expires_realtime_ns = 7200 * NS_PER_S,
		.issued_realtime_ns = 3600 * NS_PER_S,
		.source_id = 0x5012ce,
		.token = token,
		.length = strlen(token),
	};
}

static inline struct publication_content no_content(uint64_t generation)
{
	return (struct publication_content){
		.state = TOKENBROKER_SEGMENT_NONE,
		.generation = generation,
		.source_id = 0x5012ce,
	};
}

static const struct principals nobody = {0};

/* A publication that finds nothing and gets its first content. */
static inline struct publication *publish_first(struct stage *stage, const char *token)
{
	struct publication_content content = valid_content(token, 1);
	struct publication_found found = {.has_content = false};
	struct publication *publication = NULL;

	CU_ASSERT_EQUAL_FATAL(
		publication_new(&publication, stage->publisher, "default", &nobody, &found), 0);
	publication_found_fini(&found);
	CU_ASSERT_EQUAL(publication_put(publication, &content, false, stage->now_ns), 0);
	return publication;
}

/* A whole segment, read as a file. */
struct seen {
	bool is_there;        /* link and segment */
	char target[160];     /* path of the segment */
	unsigned char *bytes; /* owned */
	size_t size;
	uint64_t head;
	uint32_t wake;
	uint32_t epoch;
	enum tokenbroker_segment_state state;
	uint64_t generation;
	size_t length;
	const char *token; /* in bytes, NUL-terminated by the layout */
};

static inline void cleanup_seen(struct seen *seen)
{
	free(seen->bytes);
}

static inline uint64_t word_at(const struct seen *seen, size_t offset)
{
	uint64_t word = 0;

	if (offset + sizeof(word) <= seen->size)
		memcpy(&word, seen->bytes + offset, sizeof(word));
	return word;
}

/* fd may be of a file that has no name any more. */
static inline bool see_descriptor(struct seen *seen, int fd)
{
	const struct tokenbroker_segment_header *header;
	struct stat status;
	size_t slot;

	if (fstat(fd, &status) < 0)
		return false;
	free(seen->bytes);
	seen->size = (size_t)status.st_size;
	seen->bytes = calloc(1, seen->size + 1);
	if (seen->bytes == NULL || pread(fd, seen->bytes, seen->size, 0) != status.st_size)
		return false;
	header = (const struct tokenbroker_segment_header *)(const void *)seen->bytes;
	seen->head = word_at(seen, TOKENBROKER_SEGMENT_HEAD_OFFSET);
	seen->wake = (uint32_t)word_at(seen, TOKENBROKER_SEGMENT_WAKE_OFFSET);
	seen->epoch = (uint32_t)(word_at(seen, TOKENBROKER_SEGMENT_WAKE_OFFSET) >> 32);
	slot = header->slot_offset +
	       (size_t)(seen->head % header->slot_count) * header->slot_stride;
	seen->generation = word_at(seen, slot + TOKENBROKER_SLOT_GENERATION);
	seen->length = (size_t)(word_at(seen, slot + TOKENBROKER_SLOT_LENGTH_STATE) & UINT32_MAX);
	seen->state = (enum tokenbroker_segment_state)(
		word_at(seen, slot + TOKENBROKER_SLOT_LENGTH_STATE) >> 32);
	seen->token = (const char *)seen->bytes + slot + header->token_offset;
	return word_at(seen, slot + TOKENBROKER_SLOT_SEQ) ==
	       (seen->head & TOKENBROKER_SEGMENT_COUNT);
}

static inline bool see_file(struct seen *seen)
{
	CLEANUP(close_fd) int fd = open(seen->target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && see_descriptor(seen, fd);
}

/* A reader's hold on the segment that was seen last; the caller closes it. */
static inline int hold(const struct seen *seen)
{
	return open(seen->target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* What a reader finds. Seen anew by the next call; release with CLEANUP(seen). */
static inline void see(struct seen *seen, const struct stage *stage, const char *name)
{
	char link[96];
	char target[96];
	ssize_t length;

	seen->is_there = false;
	(void)snprintf(link, sizeof(link), "%s/tokens/%s", stage->sandbox.run, name);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	if (target[0] == '/')
		(void)snprintf(seen->target, sizeof(seen->target), "%s", target);
	else
		(void)snprintf(seen->target, sizeof(seen->target), "%s/tokens/%s",
			       stage->sandbox.run, target);
	seen->is_there = see_file(seen);
}

static inline bool shows(struct seen *seen, const struct stage *stage, const char *token)
{
	see(seen, stage, "default");
	return seen->is_there && seen->state == TOKENBROKER_SEGMENT_VALID &&
	       seen->length == strlen(token) && strcmp(seen->token, token) == 0;
}

static inline bool holds_anywhere(const struct seen *seen, const char *token)
{
	return memmem(seen->bytes, seen->size, token, strlen(token)) != NULL;
}

/* Looks at the file that was seen last, though nothing may lead to it any more. */
static inline bool is_gone(const struct seen *seen)
{
	struct stat status;

	return lstat(seen->target, &status) < 0 && errno == ENOENT;
}

static inline void path_in_run(const struct stage *stage, const char *name, char ret[static 96])
{
	(void)snprintf(ret, 96, "%s/%s", stage->sandbox.run, name);
}

/* Of a runtime directory with segments/. */
static inline unsigned count_segments(const struct stage *stage)
{
	unsigned count = 0;
	DIR *directory;
	const struct dirent *entry;
	char path[96];

	path_in_run(stage, "segments", path);
	directory = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			count++;
	(void)closedir(directory);
	return count;
}

static inline bool write_file(const char *path, const void *bytes, size_t size, mode_t mode)
{
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	return fd >= 0 && fchmod(fd, mode) == 0 && write(fd, bytes, size) == (ssize_t)size;
}

/* Changes bytes of an existing file, as damage would. */
static inline bool overwrite(const char *path, size_t offset, const void *bytes, size_t size)
{
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size;
}

#endif
