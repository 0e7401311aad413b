/* SPDX-License-Identifier: MIT */
#include "clientlib/mapping.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness.h"
#include "stage.h"

/* Opens the token and closes it again: 0 or the error. */
static int open_token(const struct stage *stage)
{
	struct mapping *mapping = NULL;
	int r = mapping_open(stage->dir, STAGE_NAME, &mapping);

	CU_ASSERT_EQUAL(r == 0, mapping != NULL);
	mapping_close(mapping);
	return r;
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_good_segment_is_mapped_read_only(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct mapping *mapping;
	struct reading reading;
	char buffer[32];

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	CU_ASSERT_EQUAL_FATAL(mapping_open(stage.dir, STAGE_NAME, &mapping), 0);
	CU_ASSERT_EQUAL(segment_read(&mapping->segment, buffer, sizeof(buffer), &reading),
			READ_DONE);
	CU_ASSERT_STRING_EQUAL(buffer, "token-7");
	CU_ASSERT_EQUAL(mapping->segment_bytes, segment.header.segment_bytes);
	CU_ASSERT_EQUAL(mprotect((void *)(uintptr_t)mapping->segment.base, 1, PROT_READ), 0);
	CU_ASSERT_NOT_EQUAL(
		mprotect((void *)(uintptr_t)mapping->segment.base, 1, PROT_READ | PROT_WRITE), 0);
	mapping_close(mapping);
}

static void no_descriptor_stays_open(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct mapping *mapping;
	unsigned before = count_descriptors();

	stage_show(&stage, &segment, "a");
	CU_ASSERT_EQUAL_FATAL(mapping_open(stage.dir, STAGE_NAME, &mapping), 0);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	mapping_close(mapping);
	STAGE_MUST(truncate(segment.path, 8) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
	CU_ASSERT_EQUAL(count_descriptors(), before);
}

/* /proc/self/smaps shows "dd" for pages that core dumps leave out. */
static void a_mapping_is_left_out_of_core_dumps(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct mapping *mapping;
	char wanted[32];
	char line[512];
	bool is_inside = false;
	bool is_left_out = false;
	FILE *smaps;

	stage_show(&stage, &segment, "a");
	CU_ASSERT_EQUAL_FATAL(mapping_open(stage.dir, STAGE_NAME, &mapping), 0);
	snprintf(wanted, sizeof(wanted), "%lx-", (unsigned long)mapping->segment.base);
	smaps = fopen("/proc/self/smaps", "re");
	STAGE_MUST(smaps != NULL);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (strncmp(line, wanted, strlen(wanted)) == 0)
			is_inside = true;
		if (is_inside && strncmp(line, "VmFlags:", 8) == 0) {
			is_left_out = strstr(line, " dd") != NULL;
			break;
		}
	}
	CU_ASSERT_TRUE(is_inside);
	CU_ASSERT_TRUE(is_left_out);
	fclose(smaps);
	mapping_close(mapping);
}

static void an_absolute_link_is_followed(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_create(&stage, &segment, "a");
	stage_link(&stage, segment.path);
	CU_ASSERT_EQUAL(open_token(&stage), 0);
}

static void a_missing_link_is_no_such_token(void)
{
	ON_STAGE(stage);
	char path[STAGE_PATH];

	CU_ASSERT_EQUAL(open_token(&stage), -ENOENT);
	stage_path(&stage, "tokens", path);
	STAGE_MUST(rmdir(path) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -ENOENT);
}

static void a_link_that_leads_nowhere_is_no_such_token(void)
{
	ON_STAGE(stage);

	stage_link(&stage, "../segments/gone");
	CU_ASSERT_EQUAL(open_token(&stage), -ENOENT);
}

static void a_link_to_a_retired_segment_is_no_such_token(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	stage_retire(&segment);
	CU_ASSERT_EQUAL(open_token(&stage), -ENOENT);
}

static void a_file_in_place_of_the_link_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	char path[STAGE_PATH];

	stage_create(&stage, &segment, "a");
	stage_path(&stage, "tokens/" STAGE_NAME, path);
	STAGE_MUST(link(segment.path, path) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_file_in_place_of_the_link_directory_is_not_trusted(void)
{
	ON_STAGE(stage);
	char path[STAGE_PATH];

	stage_path(&stage, "tokens", path);
	STAGE_MUST(rmdir(path) == 0 && mknod(path, S_IFREG | 0644, 0) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_link_longer_than_any_broker_makes_is_not_trusted(void)
{
	ON_STAGE(stage);
	char target[MAPPING_TARGET_BYTES + 1];

	memset(target, '/', sizeof(target));
	target[MAPPING_TARGET_BYTES] = '\0';
	stage_link(&stage, target);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	strcpy(target + MAPPING_TARGET_BYTES - 5, "/gon");
	stage_link(&stage, target);
	CU_ASSERT_EQUAL(open_token(&stage), -ENOENT);
}

static void a_symbolic_link_as_segment_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	char path[STAGE_PATH];

	stage_create(&stage, &segment, "a");
	stage_path(&stage, "segments/link", path);
	STAGE_MUST(symlink("a", path) == 0);
	stage_link(&stage, "../segments/link");
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_fifo_neither_hangs_nor_is_trusted(void)
{
	ON_STAGE(stage);
	char path[STAGE_PATH];

	stage_path(&stage, "segments/fifo", path);
	STAGE_MUST(mkfifo(path, 0644) == 0);
	stage_link(&stage, "../segments/fifo");
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_socket_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/segments/socket", stage.dir);
	STAGE_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	stage_link(&stage, "../segments/socket");
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(close(fd) == 0);
}

static void a_directory_is_not_trusted(void)
{
	ON_STAGE(stage);

	stage_link(&stage, "../segments");
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_segment_that_others_may_write_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	STAGE_MUST(chmod(segment.path, 0666) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(chmod(segment.path, 0664) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(chmod(segment.path, 0646) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(chmod(segment.path, 0644) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), 0);
}

static void a_runtime_directory_that_others_may_write_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	STAGE_MUST(chmod(stage.dir, 0777) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_segment_of_another_owner_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	if (stage_lacks_root())
		return;
	stage_show(&stage, &segment, "a");
	STAGE_MUST(chown(segment.path, 1, 1) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(chown(stage.dir, 1, 1) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), 0);
	STAGE_MUST(chown(segment.path, 0, 0) == 0); /* not even root's */
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void nobodys_segment_is_not_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	if (stage_lacks_root())
		return;
	stage_show(&stage, &segment, "a");
	STAGE_MUST(chown(segment.path, 65534, 65534) == 0 && chown(stage.dir, 65534, 65534) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
}

static void a_hard_link_means_nothing(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	char path[STAGE_PATH];

	stage_show(&stage, &segment, "a");
	stage_path(&stage, "segments/b", path);
	STAGE_MUST(link(segment.path, path) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), 0);
}

/* A disk can be full, and a page of a file on it can fail to be read: SIGBUS. */
static void a_segment_on_a_disk_is_not_trusted(void)
{
	ON_STAGE(stage);
	char path[] = "/var/tmp/tokenbroker-test-XXXXXX";
	int fd = mkstemp(path);

	STAGE_MUST(fd >= 0 && fchmod(fd, 0644) == 0 && ftruncate(fd, 8192) == 0);
	stage_link(&stage, path);
	CU_ASSERT_EQUAL(open_token(&stage), -EPERM);
	STAGE_MUST(unlink(path) == 0 && close(fd) == 0);
}

static void a_file_of_another_size_is_damaged(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	off_t bytes;

	stage_show(&stage, &segment, "a");
	bytes = (off_t)segment.header.segment_bytes;
	STAGE_MUST(truncate(segment.path, bytes + 8) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
	STAGE_MUST(truncate(segment.path, bytes - 8) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
	STAGE_MUST(truncate(segment.path, TOKENBROKER_SEGMENT_BYTES_MAX + 1) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
	STAGE_MUST(truncate(segment.path, 0) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
	STAGE_MUST(truncate(segment.path, bytes) == 0);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO); /* it is all zeroes now */
}

static void a_segment_of_another_token_is_damaged(void)
{
	ON_STAGE(stage);
	struct tokenbroker_segment_header header = stage_header("other", STAGE_CAPACITY);
	struct stage_segment segment;

	stage_create_of(&stage, &segment, "a", &header);
	stage_link(&stage, segment.target);
	CU_ASSERT_EQUAL(open_token(&stage), -EPROTO);
}

/* Each in turn, over a whole header and with a sum that fits: nothing crashes, nothing is believed.
 */
static void hostile_geometry_is_refused(void)
{
	ON_STAGE(stage);
	static const uint32_t values[] = {0, 1, 7, 0x1f8, 0x80000000, 0xfffffff8, UINT32_MAX};
	const struct tokenbroker_segment_header good = stage_header(STAGE_NAME, STAGE_CAPACITY);
	struct stage_segment segment;
	unsigned believed = 0;

	stage_show(&stage, &segment, "a");
	for (size_t offset = offsetof(struct tokenbroker_segment_header, segment_bytes);
	     offset < offsetof(struct tokenbroker_segment_header, token_capacity); offset += 4)
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			struct tokenbroker_segment_header header = good;
			bool is_high_half = offset == 0x24 && values[i] == 0;

			memcpy((char *)&header + offset, &values[i], 4);
			stage_put_header(&segment, header);
			believed += !is_high_half && open_token(&stage) != -EPROTO;
		}
	CU_ASSERT_EQUAL(believed, 0);
}

static void a_mapping_knows_whether_the_link_still_leads_to_it(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct stage_segment other;
	struct mapping *mapping;
	char link_path[STAGE_PATH];

	stage_path(&stage, "tokens/" STAGE_NAME, link_path);
	stage_show(&stage, &segment, "a");
	CU_ASSERT_EQUAL_FATAL(mapping_open(stage.dir, STAGE_NAME, &mapping), 0);
	CU_ASSERT_TRUE(mapping_is_linked(mapping, link_path));
	stage_show(&stage, &other, "b");
	CU_ASSERT_FALSE(mapping_is_linked(mapping, link_path));
	stage_unlink(&stage);
	CU_ASSERT_FALSE(mapping_is_linked(mapping, link_path));
	mapping_close(mapping);
}

static void an_overlaid_mapping_reads_as_nothing_yet_and_can_be_closed(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct mapping *mapping;
	struct reading reading = {.generation = 1};

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, "token-7");
	CU_ASSERT_EQUAL_FATAL(mapping_open(stage.dir, STAGE_NAME, &mapping), 0);
	mapping_overlay(mapping);
	CU_ASSERT_EQUAL(segment_read(&mapping->segment, NULL, 0, &reading), READ_DONE);
	CU_ASSERT_EQUAL(reading.generation, 0);
	mapping_close(mapping);
	mapping_close(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_good_segment_is_mapped_read_only", a_good_segment_is_mapped_read_only},
		{"no_descriptor_stays_open", no_descriptor_stays_open},
		{"a_mapping_is_left_out_of_core_dumps", a_mapping_is_left_out_of_core_dumps},
		{"an_absolute_link_is_followed", an_absolute_link_is_followed},
		{"a_missing_link_is_no_such_token", a_missing_link_is_no_such_token},
		{"a_link_that_leads_nowhere_is_no_such_token",
		 a_link_that_leads_nowhere_is_no_such_token},
		{"a_link_to_a_retired_segment_is_no_such_token",
		 a_link_to_a_retired_segment_is_no_such_token},
		{"a_file_in_place_of_the_link_is_not_trusted",
		 a_file_in_place_of_the_link_is_not_trusted},
		{"a_file_in_place_of_the_link_directory_is_not_trusted",
		 a_file_in_place_of_the_link_directory_is_not_trusted},
		{"a_link_longer_than_any_broker_makes_is_not_trusted",
		 a_link_longer_than_any_broker_makes_is_not_trusted},
		{"a_symbolic_link_as_segment_is_not_trusted",
		 a_symbolic_link_as_segment_is_not_trusted},
		{"a_fifo_neither_hangs_nor_is_trusted", a_fifo_neither_hangs_nor_is_trusted},
		{"a_socket_is_not_trusted", a_socket_is_not_trusted},
		{"a_directory_is_not_trusted", a_directory_is_not_trusted},
		{"a_segment_that_others_may_write_is_not_trusted",
		 a_segment_that_others_may_write_is_not_trusted},
		{"a_runtime_directory_that_others_may_write_is_not_trusted",
		 a_runtime_directory_that_others_may_write_is_not_trusted},
		{"a_segment_of_another_owner_is_not_trusted",
		 a_segment_of_another_owner_is_not_trusted},
		{"nobodys_segment_is_not_trusted", nobodys_segment_is_not_trusted},
		{"a_hard_link_means_nothing", a_hard_link_means_nothing},
		{"a_segment_on_a_disk_is_not_trusted", a_segment_on_a_disk_is_not_trusted},
		{"a_file_of_another_size_is_damaged", a_file_of_another_size_is_damaged},
		{"a_segment_of_another_token_is_damaged", a_segment_of_another_token_is_damaged},
		{"hostile_geometry_is_refused", hostile_geometry_is_refused},
		{"a_mapping_knows_whether_the_link_still_leads_to_it",
		 a_mapping_knows_whether_the_link_still_leads_to_it},
		{"an_overlaid_mapping_reads_as_nothing_yet_and_can_be_closed",
		 an_overlaid_mapping_reads_as_nothing_yet_and_can_be_closed},
		CU_TEST_INFO_NULL,
	};

	return harness_run("mapping", tests);
}
