/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sys/acl.h>
#include <sys/mman.h>

#include "publish/adopt.h"
#include "publish/publisher_private.h"
#include "publish/segment_memory.h"
#include "publish/token_link.h"

#define HEADER_BYTES sizeof(struct tokenbroker_segment_header)

/* An earlier broker has published "good-token" as generation 1 and has gone. */
static void leave(struct stage *stage, struct seen *seen)
{
	stage_open(stage, RUNTIME_DIR_BACKING_SHM);
	(void)publish_first(stage, "good-token");
	CU_ASSERT_TRUE_FATAL(shows(seen, stage, "good-token"));
	stage_restart(stage, RUNTIME_DIR_BACKING_SHM);
}

static enum adopt_verdict adopt_for(const struct stage *stage, const struct principals *readers,
				    bool *ret_has_content)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	struct segment_name name;

	CU_ASSERT_EQUAL_FATAL(token_link_read(stage->dir, "default", &name), 0);
	CU_ASSERT_EQUAL(
		adopt_segment(&result, stage->dir, &stage->publisher->identity, &name, readers), 0);
	CU_ASSERT_EQUAL(result.segment == NULL, result.verdict == ADOPT_NOTHING);
	if (result.found.has_content)
		CU_ASSERT_STRING_EQUAL(result.found.token->data, "good-token");
	*ret_has_content = result.found.has_content;
	return result.verdict;
}

static void expect(const struct stage *stage, enum adopt_verdict verdict, bool has_content)
{
	bool found = false;

	CU_ASSERT_EQUAL(adopt_for(stage, &nobody, &found), verdict);
	CU_ASSERT_EQUAL(found, has_content);
}

static void a_segment_as_we_would_write_it_is_continued(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	struct publication_content content = valid_content("good-token", 1);
	struct segment_name name;
	struct stage stage;

	leave(&stage, &seen);
	CU_ASSERT_EQUAL_FATAL(token_link_read(stage.dir, "default", &name), 0);
	CU_ASSERT_EQUAL_FATAL(
		adopt_segment(&result, stage.dir, &stage.publisher->identity, &name, &nobody), 0);
	CU_ASSERT_EQUAL(result.verdict, ADOPT_CONTINUE);
	CU_ASSERT_TRUE(result.found.has_content);
	CU_ASSERT_EQUAL(result.found.content.state, content.state);
	CU_ASSERT_EQUAL(result.found.content.generation, content.generation);
	CU_ASSERT_EQUAL(result.found.content.expires_boottime_ns, content.expires_boottime_ns);
	CU_ASSERT_EQUAL(result.found.content.expires_realtime_ns, content.expires_realtime_ns);
	CU_ASSERT_EQUAL(result.found.content.issued_realtime_ns, content.issued_realtime_ns);
	CU_ASSERT_EQUAL(result.found.content.source_id, content.source_id);
	CU_ASSERT_EQUAL(result.found.content.length, content.length);
	CU_ASSERT_STRING_EQUAL(result.found.content.token, content.token);
	CU_ASSERT_EQUAL(result.segment->writer.count, 1);
	stage_close(&stage);
}

static void looking_at_it_changes_nothing(void)
{
	CLEANUP(seen) struct seen before = {.is_there = false};
	CLEANUP(seen) struct seen after = {.is_there = false};
	struct stage stage;

	leave(&stage, &before);
	expect(&stage, ADOPT_CONTINUE, true);
	see(&after, &stage, "default");
	CU_ASSERT_EQUAL(memcmp(before.bytes, after.bytes, before.size), 0);
	stage_close(&stage);
}

static void set_acl(const char *path, const char *text)
{
	acl_t acl = acl_from_text(text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(acl);
	CU_ASSERT_EQUAL(acl_set_file(path, ACL_TYPE_ACCESS, acl), 0);
	(void)acl_free(acl);
}

static void other_readers_mean_a_new_segment_with_the_same_token(void)
{
	static uid_t uid = 5001;
	const struct principals one = {.uids = &uid, .uid_count = 1};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;
	bool has_content = false;

	leave(&stage, &seen);
	CU_ASSERT_EQUAL(adopt_for(&stage, &one, &has_content), ADOPT_REPLACE);
	CU_ASSERT_TRUE(has_content);
	set_acl(seen.target, "u::rw-,u:5001:r--,g::---,m::r--,o::---");
	expect(&stage, ADOPT_REPLACE, true);
	CU_ASSERT_EQUAL(adopt_for(&stage, &one, &has_content), ADOPT_CONTINUE);
	stage_close(&stage);
}

static void a_segment_that_others_could_write_to_is_not_believed(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	CU_ASSERT_EQUAL(chmod(seen.target, 0666), 0);
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(chmod(seen.target, 0620), 0);
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(chmod(seen.target, 0600), 0);
	expect(&stage, ADOPT_CONTINUE, true);
	set_acl(seen.target, "u::rw-,u:5001:rw-,g::---,m::rw-,o::---");
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(chmod(seen.target, 0640), 0); /* the mask takes the write bit */
	expect(&stage, ADOPT_REPLACE, true);
	stage_close(&stage);
}

static void a_segment_of_another_user_is_left_alone(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	if (lacks_root(__func__, "give a file away"))
		return;
	leave(&stage, &seen);
	CU_ASSERT_EQUAL(chown(seen.target, 4711, 4711), 0);
	expect(&stage, ADOPT_NOTHING, false);
	CU_ASSERT_EQUAL(publisher_sweep(stage.publisher), 0);
	stage_pass_ms(&stage, 10);
	CU_ASSERT_FALSE(is_gone(&seen));
	stage_close(&stage);
	(void)unlink(seen.target);
}

static void a_short_or_long_file_is_discarded(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	CU_ASSERT_EQUAL(truncate(seen.target, 8192), 0);
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(truncate(seen.target, 4095), 0);
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(truncate(seen.target, 255), 0);
	expect(&stage, ADOPT_DISCARD, false);
	CU_ASSERT_EQUAL(truncate(seen.target, 0), 0);
	expect(&stage, ADOPT_DISCARD, false);
	stage_close(&stage);
}

static void a_damaged_header_is_discarded(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	for (size_t at = 0; at < HEADER_BYTES; at += 5) {
		unsigned char damaged = (unsigned char)(seen.bytes[at] ^ 0x80);

		CU_ASSERT_TRUE(overwrite(seen.target, at, &damaged, 1));
		expect(&stage, ADOPT_DISCARD, false);
		CU_ASSERT_TRUE(overwrite(seen.target, at, seen.bytes + at, 1));
	}
	expect(&stage, ADOPT_CONTINUE, true);
	stage_close(&stage);
}

/* Changes the header under a right sum. */
static void rewrite_header(const struct seen *seen,
			   void (*change)(struct tokenbroker_segment_header *header))
{
	struct tokenbroker_segment_header header;

	memcpy(&header, seen->bytes, sizeof(header));
	change(&header);
	header.header_sum = tokenbroker_segment_header_sum(&header);
	CU_ASSERT_TRUE(overwrite(seen->target, 0, &header, sizeof(header)));
}

static void set_other_boot(struct tokenbroker_segment_header *header)
{
	header->boot_id[0]++;
}

static void set_other_runtime_dir(struct tokenbroker_segment_header *header)
{
	header->runtime_id++;
}

static void set_other_token(struct tokenbroker_segment_header *header)
{
	header->name[0] = 'e';
}

static void set_newer_minor(struct tokenbroker_segment_header *header)
{
	header->abi_minor++;
}

static void set_newer_major(struct tokenbroker_segment_header *header)
{
	header->abi_major++;
}

static void set_hostile_stride(struct tokenbroker_segment_header *header)
{
	header->slot_stride = UINT32_MAX - 7;
}

static void headers_of_others_are_told_apart(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	rewrite_header(&seen, set_other_runtime_dir);
	expect(&stage, ADOPT_NOTHING, false);
	rewrite_header(&seen, set_other_token);
	expect(&stage, ADOPT_NOTHING, false);
	rewrite_header(&seen, set_other_boot);
	expect(&stage, ADOPT_REPLACE, false);
	rewrite_header(&seen, set_newer_minor);
	expect(&stage, ADOPT_REPLACE, true);
	rewrite_header(&seen, set_newer_major);
	expect(&stage, ADOPT_DISCARD, false);
	rewrite_header(&seen, set_hostile_stride);
	expect(&stage, ADOPT_DISCARD, false);
	stage_close(&stage);
}

static void set_head(const struct seen *seen, uint64_t head)
{
	CU_ASSERT_TRUE(
		overwrite(seen->target, TOKENBROKER_SEGMENT_HEAD_OFFSET, &head, sizeof(head)));
}

static void any_head_is_survived(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	set_head(&seen, 0);
	expect(&stage, ADOPT_CONTINUE, false);
	set_head(&seen, 2);
	expect(&stage, ADOPT_CONTINUE, false);
	set_head(&seen, 5); /* the same slot, another count */
	expect(&stage, ADOPT_CONTINUE, false);
	set_head(&seen, TOKENBROKER_SEGMENT_RETIRED | 1);
	expect(&stage, ADOPT_REPLACE, false);
	set_head(&seen, TOKENBROKER_SEGMENT_COUNT);
	expect(&stage, ADOPT_DISCARD, false);
	set_head(&seen, UINT64_MAX);
	expect(&stage, ADOPT_DISCARD, false);
	set_head(&seen, 1);
	expect(&stage, ADOPT_CONTINUE, true);
	stage_close(&stage);
}

static void every_damaged_byte_of_the_slot_costs_the_token_only(void)
{
	const size_t slot = TOKENBROKER_SEGMENT_SLOT_OFFSET + 896;
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	for (size_t at = slot; at < slot + TOKENBROKER_SLOT_META_BYTES; at++) {
		unsigned char damaged = (unsigned char)(seen.bytes[at] ^ 0x04);

		if (at >= slot + TOKENBROKER_SLOT_FLAGS_ERROR &&
		    at < slot + TOKENBROKER_SLOT_SOURCE_ID)
			damaged = 0x04;
		CU_ASSERT_TRUE(overwrite(seen.target, at, &damaged, 1));
		expect(&stage, ADOPT_CONTINUE, false);
		CU_ASSERT_TRUE(overwrite(seen.target, at, seen.bytes + at, 1));
	}
	CU_ASSERT_TRUE(overwrite(seen.target, slot + TOKENBROKER_SEGMENT_TOKEN_OFFSET + 9, "X", 1));
	expect(&stage, ADOPT_CONTINUE, false);
	stage_close(&stage);
}

/* Publishes anything under a right sum, as only a broker with a bug would. */
static void forge(const struct seen *seen, const struct publication_content *content)
{
	CLEANUP(close_fd) int fd = open(seen->target, O_RDWR | O_CLOEXEC);
	void *base = mmap(NULL, seen->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct segment_geometry geometry = segment_layout_geometry(22);
	struct segment_writer writer;

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(base, MAP_FAILED);
	segment_writer_init(&writer, base, &geometry, segment_memory_lines(base)->head);
	segment_writer_publish(&writer, content, true);
	(void)munmap(base, seen->size);
}

static void an_implausible_content_is_none(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication_content content = valid_content("good-token", 1);
	struct stage stage;

	leave(&stage, &seen);
	forge(&seen, &content);
	expect(&stage, ADOPT_CONTINUE, true);
	content.state = (enum tokenbroker_segment_state)9;
	forge(&seen, &content);
	expect(&stage, ADOPT_CONTINUE, false);
	content.state = TOKENBROKER_SEGMENT_EXPIRED;
	forge(&seen, &content);
	expect(&stage, ADOPT_CONTINUE, false);
	content = valid_content("", 1);
	forge(&seen, &content);
	expect(&stage, ADOPT_CONTINUE, false);
	stage_close(&stage);
}

static void a_withdrawn_content_is_found_without_a_token(void)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication_content content = no_content(77);
	struct segment_name name;
	struct stage stage;

	leave(&stage, &seen);
	content.state = TOKENBROKER_SEGMENT_SUSPENDED;
	forge(&seen, &content);
	CU_ASSERT_EQUAL_FATAL(token_link_read(stage.dir, "default", &name), 0);
	CU_ASSERT_EQUAL_FATAL(
		adopt_segment(&result, stage.dir, &stage.publisher->identity, &name, &nobody), 0);
	CU_ASSERT_TRUE(result.found.has_content);
	CU_ASSERT_EQUAL(result.found.content.state, TOKENBROKER_SEGMENT_SUSPENDED);
	CU_ASSERT_EQUAL(result.found.content.generation, 77);
	CU_ASSERT_PTR_NULL(result.found.token);
	stage_close(&stage);
}

/* Eight narrow slots: what a later minor version might choose. */
static void a_token_is_saved_from_another_geometry(void)
{
	static _Alignas(128) unsigned char bytes[4096];
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct publication_content content = valid_content("good-token", 1);
	struct segment_geometry geometry = segment_layout_geometry(22);
	struct segment_writer writer;
	struct stage stage;

	leave(&stage, &seen);
	geometry.slot_count = 8;
	geometry.slot_stride = 448;
	geometry.token_capacity = 448 - TOKENBROKER_SEGMENT_TOKEN_OFFSET - 1;
	segment_layout_fill_header((struct tokenbroker_segment_header *)(void *)bytes, &geometry,
				   &stage.publisher->identity, (const uint8_t[16]){1}, "default",
				   0);
	segment_writer_init(&writer, bytes, &geometry, 6);
	segment_writer_publish(&writer, &content, true);
	CU_ASSERT_TRUE(overwrite(seen.target, 0, bytes, sizeof(bytes)));
	expect(&stage, ADOPT_REPLACE, true);
	stage_close(&stage);
}

static void whatever_else_stands_there_is_left_alone(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	char moved[200];
	struct stage stage;

	leave(&stage, &seen);
	(void)snprintf(moved, sizeof(moved), "%s/moved", stage.sandbox.root);
	CU_ASSERT_EQUAL_FATAL(rename(seen.target, moved), 0);
	expect(&stage, ADOPT_NOTHING, false);
	CU_ASSERT_EQUAL(mkfifo(seen.target, 0600), 0);
	expect(&stage, ADOPT_NOTHING, false);
	CU_ASSERT_EQUAL(unlink(seen.target), 0);
	CU_ASSERT_EQUAL(symlink(moved, seen.target), 0);
	expect(&stage, ADOPT_NOTHING, false);
	CU_ASSERT_EQUAL(unlink(seen.target), 0);
	CU_ASSERT_EQUAL(mkdir(seen.target, 0700), 0);
	expect(&stage, ADOPT_NOTHING, false);
	CU_ASSERT_EQUAL(rmdir(seen.target), 0);
	CU_ASSERT_EQUAL_FATAL(rename(moved, seen.target), 0);
	expect(&stage, ADOPT_CONTINUE, true);
	stage_close(&stage);
}

static void a_segment_outside_tmpfs_is_left_alone(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	char path[160];
	struct stage stage;

	if (lacks_root(__func__, "mount a ramfs"))
		return;
	leave(&stage, &seen);
	path_in_run(&stage, "segments", path);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT_EQUAL_FATAL(mount("none", path, "ramfs", 0, "mode=0755"), 0);
	stage_restart(&stage, RUNTIME_DIR_BACKING_SHM);
	(void)snprintf(path, sizeof(path), "%s/segments/default.0123456789abcdef",
		       stage.sandbox.run);
	CU_ASSERT_TRUE(write_file(path, seen.bytes, seen.size, 0600));
	path_in_run(&stage, "tokens/default", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("../segments/default.0123456789abcdef", path), 0);
	expect(&stage, ADOPT_NOTHING, false);
	path_in_run(&stage, "segments", path);
	CU_ASSERT_EQUAL(umount2(path, MNT_DETACH), 0);
	stage_close(&stage);
}

static void another_backing_means_a_new_segment_with_the_same_token(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct stage stage;

	leave(&stage, &seen);
	stage_restart(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	expect(&stage, ADOPT_REPLACE, true);
	stage_close(&stage);
}

/* A write into a hole of a file on a full tmpfs would be a SIGBUS. */
static void holes_that_cannot_be_filled_are_found_out(void)
{
	CLEANUP(seen) struct seen seen = {.is_there = false};
	struct segment_geometry geometry = segment_layout_geometry(2000);
	struct tokenbroker_segment_header header;
	char path[160];
	struct stage stage;

	if (lacks_root(__func__, "mount a small tmpfs"))
		return;
	leave(&stage, &seen);
	path_in_run(&stage, "segments", path);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT_EQUAL_FATAL(mount("none", path, "tmpfs", 0, "size=4k,mode=0755"), 0);
	stage_restart(&stage, RUNTIME_DIR_BACKING_DIRECTORY);
	(void)snprintf(path, sizeof(path), "%s/segments/default.0123456789abcdef",
		       stage.sandbox.run);
	segment_layout_fill_header(&header, &geometry, &stage.publisher->identity,
				   (const uint8_t[16]){1}, "default", 0);
	CU_ASSERT_TRUE(write_file(path, &header, sizeof(header), 0600));
	CU_ASSERT_EQUAL(truncate(path, (off_t)geometry.segment_bytes), 0);
	path_in_run(&stage, "tokens/default", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("../segments/default.0123456789abcdef", path), 0);
	expect(&stage, ADOPT_DISCARD, false);
	path_in_run(&stage, "segments", path);
	CU_ASSERT_EQUAL(umount2(path, MNT_DETACH), 0);
	stage_close(&stage);
}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_segment_as_we_would_write_it_is_continued),
		TEST(looking_at_it_changes_nothing),
		TEST(other_readers_mean_a_new_segment_with_the_same_token),
		TEST(a_segment_that_others_could_write_to_is_not_believed),
		TEST(a_segment_of_another_user_is_left_alone),
		TEST(a_short_or_long_file_is_discarded),
		TEST(a_damaged_header_is_discarded),
		TEST(headers_of_others_are_told_apart),
		TEST(any_head_is_survived),
		TEST(every_damaged_byte_of_the_slot_costs_the_token_only),
		TEST(an_implausible_content_is_none),
		TEST(a_withdrawn_content_is_found_without_a_token),
		TEST(a_token_is_saved_from_another_geometry),
		TEST(whatever_else_stands_there_is_left_alone),
		TEST(a_segment_outside_tmpfs_is_left_alone),
		TEST(another_backing_means_a_new_segment_with_the_same_token),
		TEST(holes_that_cannot_be_filled_are_found_out),
		CU_TEST_INFO_NULL,
	};

	isolate_shm();
	return harness_run("adopt", tests);
}
