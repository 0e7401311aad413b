/* SPDX-License-Identifier: MIT */
#include "publish/adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tokenbroker.h"
#include "publish/segment_acl.h"
#include "publish/segment_memory.h"

/* A count beyond this was never reached by publishing, and must not run into RETIRED. */
#define COUNT_MAX (TOKENBROKER_SEGMENT_RETIRED / 2)

struct opened {
	int fd;
	struct stat status;
	const struct segment_name *name;
	struct segment_layout_check check;
};

void adopt_result_fini(struct adopt_result *result)
{
	segment_free(result->segment);
	publication_found_fini(&result->found);
	*result = (struct adopt_result){.verdict = ADOPT_NOTHING};
}

static uint64_t load_head(const struct segment *segment)
{
	return atomic_load_explicit(&segment_memory_lines(segment->file.base)->head,
				    memory_order_acquire);
}

static uint64_t load_word(const struct segment_writer *writer, size_t offset)
{
	return atomic_load_explicit(
		segment_memory_slot_word(writer->base, &writer->geometry, writer->count, offset),
		memory_order_relaxed);
}

/* What no broker writes is damage, even under a right sum. */
static bool is_plausible(const struct publication_content *content, uint32_t capacity)
{
	if (content->length > capacity || content->length > TOKENBROKER_TOKEN_MAX)
		return false;
	switch (content->state) {
	case TOKENBROKER_SEGMENT_VALID:
		return content->length > 0;
	case TOKENBROKER_SEGMENT_NONE:
	case TOKENBROKER_SEGMENT_EXPIRED:
	case TOKENBROKER_SEGMENT_SUSPENDED:
		return content->length == 0;
	}
	return false;
}

/* Whole words, straight into memory that is wiped. */
static int copy_token(struct secret **ret, const struct segment_writer *writer, size_t length)
{
	size_t padded = (length + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
	CLEANUP(secret_free) struct secret *token = NULL;
	int r;

	r = secret_new(&token, padded, padded);
	if (r < 0)
		return r;
	for (size_t at = 0; at < padded; at += sizeof(uint64_t)) {
		uint64_t word = load_word(writer, writer->geometry.token_offset + at);

		r = secret_append(token, &word, sizeof(word));
		if (r < 0)
			return r;
	}
	secret_truncate(token, length);

	*ret = token;
	token = NULL;
	return 0;
}

/* The slot of the last publish, if there was one and it is whole. */
static int read_content(struct publication_found *ret, const struct segment_writer *writer)
{
	CLEANUP(publication_found) struct publication_found found = {.has_content = true};
	uint64_t words[SEGMENT_MEMORY_META_WORDS];
	uint64_t sum;
	int r;

	if (writer->count == 0 || load_word(writer, TOKENBROKER_SLOT_SEQ) != writer->count)
		return 0;
	for (size_t i = 0; i < SEGMENT_MEMORY_META_WORDS; i++)
		words[i] = load_word(writer, TOKENBROKER_SLOT_GENERATION + i * sizeof(uint64_t));
	segment_memory_unpack(&found.content, words);
	if (!is_plausible(&found.content, writer->geometry.token_capacity))
		return 0;
	if (found.content.length > 0) {
		r = copy_token(&found.token, writer, found.content.length);
		if (r < 0)
			return r;
		found.content.token = found.token->data;
	}
	sum = tokenbroker_segment_slot_sum(writer->count, words, found.content.token,
					   found.content.length);
	if (sum != load_word(writer, TOKENBROKER_SLOT_SUM))
		return 0;

	*ret = found;
	found = (struct publication_found){0};
	return 0;
}

/* Remembers only which file it is, to unlink it and no other. */
static void discard(struct adopt_result *result, const struct opened *opened)
{
	segment_file_fini(&result->segment->file);
	result->segment->file = (struct segment_file){
		.name = *opened->name,
		.device = opened->status.st_dev,
		.inode = opened->status.st_ino,
	};
	result->verdict = ADOPT_DISCARD;
}

static int judge_mapped(struct adopt_result *result, const struct opened *opened,
			enum runtime_dir_backing backing, const struct principals *readers)
{
	struct segment *segment = result->segment;
	uint64_t head = load_head(segment);
	bool has_right_acl = false;
	int r;

	if ((head & TOKENBROKER_SEGMENT_COUNT) > COUNT_MAX) {
		discard(result, opened);
		return 0;
	}
	segment_writer_init(&segment->writer, segment->file.base, &opened->check.geometry, head);
	result->verdict = ADOPT_REPLACE;
	if (!opened->check.is_this_boot || segment->writer.is_retired)
		return 0;
	r = segment_acl_matches(opened->fd, readers, &has_right_acl);
	if (r < 0)
		return r;
	if (has_right_acl && opened->check.is_current && opened->name->backing == backing)
		result->verdict = ADOPT_CONTINUE;
	return read_content(&result->found, &segment->writer);
}

/* Read, not mapped: a file that is shorter than it says would be a SIGBUS. */
static int read_header(struct opened *opened, const struct segment_identity *identity)
{
	struct tokenbroker_segment_header header = {0};

	if (fstat(opened->fd, &opened->status) < 0)
		return -errno;
	if (pread(opened->fd, &header, sizeof(header), 0) < 0)
		return -errno;
	opened->check = segment_layout_check(&header, (uint64_t)opened->status.st_size, identity,
					     opened->name->token);
	return 0;
}

static int judge(struct adopt_result *result, struct opened *opened, const struct runtime_dir *dir,
		 const struct segment_identity *identity, const struct principals *readers)
{
	int r;

	r = read_header(opened, identity);
	if (r < 0)
		return r;
	if (opened->check.is_sound && !opened->check.is_ours)
		return 0;
	result->segment = calloc(1, sizeof(*result->segment));
	if (result->segment == NULL)
		return -ENOMEM;
	/* Who may write to it may cut it short under our feet, and may have put a token into it. */
	if (!opened->check.is_sound || (opened->status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		discard(result, opened);
		return 0;
	}
	r = segment_file_map(&result->segment->file, opened->name, opened->fd,
			     (size_t)opened->check.geometry.segment_bytes);
	if (r == -ENOSPC) { /* it has holes, which no broker leaves, and cannot be filled up */
		discard(result, opened);
		return 0;
	}
	if (r < 0)
		return r;
	return judge_mapped(result, opened, dir->backing, readers);
}

static bool means_not_ours(int r)
{
	return r == -ENOENT || r == -EPERM || r == -EACCES || r == -ELOOP;
}

int adopt_segment(struct adopt_result *ret, const struct runtime_dir *dir,
		  const struct segment_identity *identity, const struct segment_name *name,
		  const struct principals *readers)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	CLEANUP(close_fd) int fd = -1;
	struct opened opened = {.name = name};
	int r;

	r = segment_file_open(dir, name, &fd);
	if (means_not_ours(r)) {
		*ret = result;
		return 0;
	}
	if (r < 0)
		return r;
	opened.fd = fd;
	r = judge(&result, &opened, dir, identity, readers);
	if (r < 0)
		return r;

	*ret = result;
	result = (struct adopt_result){.verdict = ADOPT_NOTHING};
	return 0;
}
