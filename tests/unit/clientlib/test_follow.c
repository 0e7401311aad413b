/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/wait.h>

#include "harness.h"
#include "stage.h"

/* The generation that get() returns, or its negative error. The token must be that of its
 * generation. */
static int64_t got(struct tokenbroker *tb)
{
	char buffer[32];
	char wanted[32];
	struct tokenbroker_info info;
	int r = tokenbroker_get(tb, 0, buffer, sizeof(buffer), &info);

	if (r < 0)
		return r;
	snprintf(wanted, sizeof(wanted), "token-%u", (unsigned)info.generation);
	CU_ASSERT_STRING_EQUAL(buffer, wanted);
	return (int64_t)info.generation;
}

static void publish(struct stage_segment *segment, unsigned generation)
{
	char token[32];

	snprintf(token, sizeof(token), "token-%u", generation);
	stage_publish_token(segment, generation, token);
}

/* A live segment FILE with a token. */
static struct stage_segment show(const struct stage *stage, const char *file, unsigned generation)
{
	struct stage_segment segment;

	stage_create(stage, &segment, file);
	publish(&segment, generation);
	stage_link(stage, segment.target);
	return segment;
}

/* What a broker does with the segment that it has replaced. */
static void give_up(struct stage_segment *segment)
{
	for (unsigned i = 0; i < TOKENBROKER_SEGMENT_SLOTS; i++)
		stage_withdraw(segment, TOKENBROKER_SEGMENT_NONE, 0);
	stage_retire(segment);
	STAGE_MUST(unlink(segment->path) == 0);
}

/* How many segments of this stage are mapped by the library: its mappings are read-only. */
static unsigned count_mapped(const struct stage *stage)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned count = 0;

	STAGE_MUST(maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL)
		count += strstr(line, stage->dir) != NULL && strstr(line, " r--s ") != NULL;
	fclose(maps);
	return count;
}

static void a_replaced_segment_is_followed_at_once(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(got(tb), 7);
	show(&stage, "b", 8);
	give_up(&old);
	CU_ASSERT_EQUAL(got(tb), 8);
}

static void a_replaced_segment_that_is_withdrawn_and_not_yet_retired_is_followed_at_once(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	stage_withdraw(&old, TOKENBROKER_SEGMENT_NONE, 7);
	CU_ASSERT_EQUAL(got(tb), 8);
}

/* A reload that changes the readers, just after the first token. */
static void a_segment_replaced_a_moment_after_it_was_looked_for_in_vain_is_followed_at_once(void)
{
	ON_STAGE(stage);
	struct stage_segment old;

	stage_show(&stage, &old, "a");
	stage_withdraw(&old, TOKENBROKER_SEGMENT_NONE, 6);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(got(tb), -ENOKEY);
	publish(&old, 7);
	CU_ASSERT_EQUAL(got(tb), 7);
	show(&stage, "b", 8);
	stage_withdraw(&old, TOKENBROKER_SEGMENT_NONE, 7);
	CU_ASSERT_EQUAL(got(tb), 8);
}

/* The broker was killed between the new link and the withdrawal. */
static void a_replaced_segment_that_nobody_touched_is_noticed_within_a_second(void)
{
	ON_STAGE(stage);

	show(&stage, "a", 7);
	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	CU_ASSERT_EQUAL(got(tb), 7);
	stage_sleep_ms(1010);
	CU_ASSERT_EQUAL(got(tb), 8);
}

static void an_expired_token_is_looked_for_elsewhere_at_once(void)
{
	ON_STAGE(stage);
	const struct stage_content expired = {TOKENBROKER_SEGMENT_VALID, 7, -1, "token-7"};
	struct stage_segment old;

	stage_show(&stage, &old, "a");
	stage_publish(&old, &expired);
	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	CU_ASSERT_EQUAL(got(tb), 8);
}

static void nothing_of_an_expired_token_stays_behind_its_successor(void)
{
	ON_STAGE(stage);
	const struct stage_content expired = {TOKENBROKER_SEGMENT_VALID, 7, -1,
					      "a-token-that-is-longer-than-the-next"};
	struct stage_segment old;
	char buffer[64] = "";

	stage_show(&stage, &old, "a");
	stage_publish(&old, &expired);
	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer, sizeof(buffer), NULL), 0);
	CU_ASSERT_STRING_EQUAL(buffer, "token-8");
	for (size_t i = strlen(buffer); i < sizeof(buffer); i++)
		CU_ASSERT_EQUAL(buffer[i], 0);
}

static void a_damaged_segment_is_looked_for_elsewhere_at_once(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_store(&old, stage_slot(&old, 1), 99);
	show(&stage, "b", 8);
	CU_ASSERT_EQUAL(got(tb), 8);
}

static void a_good_token_outlives_its_link(void)
{
	ON_STAGE(stage);
	const struct stage_content brief = {TOKENBROKER_SEGMENT_VALID, 8, 60, "token-8"};
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_unlink(&stage);
	stage_publish(&segment, &brief);
	CU_ASSERT_EQUAL(got(tb), 8);
	stage_sleep_ms(61);
	CU_ASSERT_EQUAL(got(tb), -ENOENT);
}

static void a_good_token_outlives_a_retirement_without_successor(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_retire(&segment); /* the link still leads to it: it counts as none */
	CU_ASSERT_EQUAL(got(tb), 7);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 7);
}

static void a_good_token_outlives_a_successor_that_cannot_be_trusted(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	STAGE_MUST(chmod(show(&stage, "b", 8).path, 0666) == 0);
	stage_retire(&old);
	CU_ASSERT_EQUAL(got(tb), 7);
}

static void a_token_that_left_the_configuration_is_gone(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_unlink(&stage);
	give_up(&segment);
	CU_ASSERT_EQUAL(got(tb), -ENOENT);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
}

static void a_token_that_came_back_is_found_again(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_unlink(&stage);
	give_up(&segment);
	CU_ASSERT_EQUAL(got(tb), -ENOENT);
	show(&stage, "b", 8);
	stage_sleep_ms(101);
	CU_ASSERT_EQUAL(got(tb), 8);
}

/* With nothing good to serve, what is wrong with the successor is what the caller hears. */
static int64_t got_after_giving_up_for(int spoil(struct stage_segment *successor))
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);
	struct stage_segment successor;

	WITH_HANDLE(tb);
	successor = show(&stage, "b", 8);
	STAGE_MUST(spoil(&successor) == 0);
	give_up(&old);
	return got(tb);
}

static int make_writable(struct stage_segment *segment)
{
	return chmod(segment->path, 0666);
}

static int damage(struct stage_segment *segment)
{
	segment->base[0] ^= 1;
	return 0;
}

static int retire(struct stage_segment *segment)
{
	stage_retire(segment);
	return 0;
}

static void the_error_of_the_successor_is_told(void)
{
	CU_ASSERT_EQUAL(got_after_giving_up_for(make_writable), -EPERM);
	CU_ASSERT_EQUAL(got_after_giving_up_for(damage), -EPROTO);
	CU_ASSERT_EQUAL(got_after_giving_up_for(retire), -ENOENT);
}

/* As another user, in a process of its own. */
static void a_reader_that_lost_its_right_is_told_so(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);
	int status;
	pid_t child;

	if (stage_lacks_root())
		return;
	WITH_HANDLE(tb);
	STAGE_MUST(chmod(show(&stage, "b", 8).path, 0600) == 0);
	give_up(&old);
	child = fork();
	if (child == 0) {
		STAGE_MUST(setresuid(1, 1, 1) == 0);
		_exit(got(tb) == -EACCES ? 0 : 1);
	}
	STAGE_MUST(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT_EQUAL(status, 0);
}

static void a_runtime_directory_that_lost_its_trust_is_told(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	STAGE_MUST(chmod(stage.dir, 0777) == 0);
	CU_ASSERT_EQUAL(got(tb), 7);
	give_up(&old);
	CU_ASSERT_EQUAL(got(tb), -EPERM);
}

static void a_link_that_still_leads_here_leaves_the_state_as_it_is(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 7);
	CU_ASSERT_EQUAL(got(tb), -EKEYREVOKED);
	CU_ASSERT_EQUAL(got(tb), -EKEYREVOKED);
	CU_ASSERT_EQUAL(count_mapped(&stage), 1);
}

static void tries_in_vain_are_a_tenth_of_a_second_apart(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);
	int64_t start_ns = stage_now_ns();
	int64_t second;

	WITH_HANDLE(tb);
	stage_unlink(&stage);
	give_up(&segment);
	CU_ASSERT_EQUAL(got(tb), -ENOENT);
	show(&stage, "b", 8);
	second = got(tb);
	/* On a machine that stands still for so long there is nothing to see. */
	CU_ASSERT(second == -ENOENT || stage_ms_since(start_ns) >= 100);
	stage_sleep_ms(101);
	CU_ASSERT_EQUAL(got(tb), 8);
}

static void segment_after_segment_is_followed_and_few_stay_mapped(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "s0", 1);
	unsigned wrong = 0;

	WITH_HANDLE(tb);
	for (unsigned i = 1; i <= 40; i++) {
		struct stage_segment next;
		char file[16];

		snprintf(file, sizeof(file), "s%u", i);
		next = show(&stage, file, i + 1);
		give_up(&old);
		wrong += got(tb) != i + 1;
		old = next;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(count_mapped(&stage), 17); /* the current one and 16 old ones */
}

static void closing_unmaps_every_segment(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);
	struct tokenbroker *tb = stage_open();

	show(&stage, "b", 8);
	give_up(&old);
	CU_ASSERT_EQUAL(got(tb), 8);
	CU_ASSERT_EQUAL(count_mapped(&stage), 2);
	tokenbroker_close(tb);
	CU_ASSERT_EQUAL(count_mapped(&stage), 0);
}

static void the_generation_follows_a_retired_segment(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	give_up(&old);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 8);
}

static void the_generation_follows_a_segment_that_is_withdrawn_and_not_yet_retired(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	show(&stage, "b", 8);
	stage_withdraw(&old, TOKENBROKER_SEGMENT_NONE, 7);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 8);
}

/* It may be called in a signal handler. */
static void the_generation_never_changes_errno(void)
{
	ON_STAGE(stage);
	struct stage_segment segment = show(&stage, "a", 7);

	WITH_HANDLE(tb);
	stage_unlink(&stage);
	give_up(&segment);
	errno = 12345;
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
	CU_ASSERT_EQUAL(errno, 12345);
}

static void a_child_goes_on_reading_and_following(void)
{
	ON_STAGE(stage);
	struct stage_segment old = show(&stage, "a", 7);
	int status;
	pid_t child;

	WITH_HANDLE(tb);
	child = fork();
	if (child == 0) {
		bool is_good = got(tb) == 7;

		show(&stage, "b", 8);
		give_up(&old);
		is_good = is_good && got(tb) == 8;
		tokenbroker_close(tb);
		_exit(is_good ? 0 : 1);
	}
	STAGE_MUST(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(got(tb), 8);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_replaced_segment_is_followed_at_once", a_replaced_segment_is_followed_at_once},
		{"a_replaced_segment_that_is_withdrawn_and_not_yet_retired_is_followed_at_once",
		 a_replaced_segment_that_is_withdrawn_and_not_yet_retired_is_followed_at_once},
		{"a_segment_replaced_a_moment_after_it_was_looked_for_in_vain_is_followed_at_once",
		 a_segment_replaced_a_moment_after_it_was_looked_for_in_vain_is_followed_at_once},
		{"a_replaced_segment_that_nobody_touched_is_noticed_within_a_second",
		 a_replaced_segment_that_nobody_touched_is_noticed_within_a_second},
		{"an_expired_token_is_looked_for_elsewhere_at_once",
		 an_expired_token_is_looked_for_elsewhere_at_once},
		{"nothing_of_an_expired_token_stays_behind_its_successor",
		 nothing_of_an_expired_token_stays_behind_its_successor},
		{"a_damaged_segment_is_looked_for_elsewhere_at_once",
		 a_damaged_segment_is_looked_for_elsewhere_at_once},
		{"a_good_token_outlives_its_link", a_good_token_outlives_its_link},
		{"a_good_token_outlives_a_retirement_without_successor",
		 a_good_token_outlives_a_retirement_without_successor},
		{"a_good_token_outlives_a_successor_that_cannot_be_trusted",
		 a_good_token_outlives_a_successor_that_cannot_be_trusted},
		{"a_token_that_left_the_configuration_is_gone",
		 a_token_that_left_the_configuration_is_gone},
		{"a_token_that_came_back_is_found_again", a_token_that_came_back_is_found_again},
		{"the_error_of_the_successor_is_told", the_error_of_the_successor_is_told},
		{"a_reader_that_lost_its_right_is_told_so",
		 a_reader_that_lost_its_right_is_told_so},
		{"a_runtime_directory_that_lost_its_trust_is_told",
		 a_runtime_directory_that_lost_its_trust_is_told},
		{"a_link_that_still_leads_here_leaves_the_state_as_it_is",
		 a_link_that_still_leads_here_leaves_the_state_as_it_is},
		{"tries_in_vain_are_a_tenth_of_a_second_apart",
		 tries_in_vain_are_a_tenth_of_a_second_apart},
		{"segment_after_segment_is_followed_and_few_stay_mapped",
		 segment_after_segment_is_followed_and_few_stay_mapped},
		{"closing_unmaps_every_segment", closing_unmaps_every_segment},
		{"the_generation_follows_a_retired_segment",
		 the_generation_follows_a_retired_segment},
		{"the_generation_follows_a_segment_that_is_withdrawn_and_not_yet_retired",
		 the_generation_follows_a_segment_that_is_withdrawn_and_not_yet_retired},
		{"the_generation_never_changes_errno", the_generation_never_changes_errno},
		{"a_child_goes_on_reading_and_following", a_child_goes_on_reading_and_following},
		CU_TEST_INFO_NULL,
	};

	return harness_run("follow", tests);
}
