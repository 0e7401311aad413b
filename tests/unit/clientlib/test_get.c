/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "harness.h"
#include "stage.h"

#define TOKEN "a-token-of-27-bytes.0123456"

/* What a caller's buffer holds before a call, and how much of it is zero after it. */
struct buffer {
	char bytes[64];
};

/* time(2) reads the clock of the last tick, which may still be in the second before. */
static int64_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static struct buffer filled(void)
{
	struct buffer buffer;

	memset(buffer.bytes, 0xaa, sizeof(buffer.bytes));
	return buffer;
}

static bool is_wiped(const struct buffer *buffer)
{
	unsigned left = 0;

	for (size_t i = 0; i < sizeof(buffer->bytes); i++)
		left += buffer->bytes[i] != 0;
	return left == 0;
}

/* A call that must fail and leave nothing behind. */
static int error_of_get(struct tokenbroker *tb, int64_t min_remaining_ms,
			struct tokenbroker_info *ret_info)
{
	struct buffer buffer = filled();
	int r = tokenbroker_get(tb, min_remaining_ms, buffer.bytes, sizeof(buffer.bytes), ret_info);

	CU_ASSERT_TRUE(is_wiped(&buffer));
	return r;
}

static void a_token_is_copied_with_its_description(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct buffer buffer = filled();
	struct tokenbroker_info info;

	memset(&info, 0xaa, sizeof(info));
	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer.bytes, sizeof(buffer.bytes), &info), 0);
	CU_ASSERT_STRING_EQUAL(buffer.bytes, TOKEN);
	CU_ASSERT_EQUAL(info.generation, 7);
	CU_ASSERT_EQUAL(info.length, strlen(TOKEN));
	CU_ASSERT(info.remaining_ms > 3590000 && info.remaining_ms <= 3600000);
	CU_ASSERT(info.expires_at >= now_s() + 3590 && info.expires_at <= now_s() + 3600);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(info.reserved[i], 0);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer.bytes, sizeof(buffer.bytes), NULL), 0);
}

static void a_buffer_with_room_for_the_nul_is_enough(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct buffer buffer = filled();

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer.bytes, sizeof(TOKEN), NULL), 0);
	CU_ASSERT_STRING_EQUAL(buffer.bytes, TOKEN);
	CU_ASSERT_EQUAL((unsigned char)buffer.bytes[sizeof(TOKEN)], 0xaa);
}

static void a_small_buffer_is_wiped_and_the_length_told(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct buffer buffer = filled();
	struct tokenbroker_info info = {0};
	const size_t size = strlen(TOKEN);

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer.bytes, size, &info), -ENOBUFS);
	CU_ASSERT_EQUAL(info.length, size);
	CU_ASSERT_EQUAL(info.generation, 7);
	for (size_t i = 0; i < size; i++)
		CU_ASSERT_EQUAL(buffer.bytes[i], 0);
	CU_ASSERT_EQUAL((unsigned char)buffer.bytes[size], 0xaa); /* not ours */
}

static void no_buffer_asks_for_the_length(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {0};
	char untouched = 'x';

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, NULL, 0, &info), -ENOBUFS);
	CU_ASSERT_EQUAL(info.length, strlen(TOKEN));
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, &untouched, 0, NULL), -ENOBUFS);
	CU_ASSERT_EQUAL(untouched, 'x');
}

static void impossible_arguments_are_refused(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {.generation = 99};

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(error_of_get(tb, -1, &info), -EINVAL);
	CU_ASSERT_EQUAL(error_of_get(tb, INT64_MIN, &info), -EINVAL);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, NULL, 16, &info), -EINVAL);
	CU_ASSERT_EQUAL(info.generation, 99);
}

static void before_the_first_token_there_is_none(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {.generation = 99, .expires_at = 99, .length = 99};

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, &info), -ENOKEY);
	CU_ASSERT_EQUAL(info.generation, 0);
	CU_ASSERT_EQUAL(info.expires_at, 0);
	CU_ASSERT_EQUAL(info.remaining_ms, 0);
	CU_ASSERT_EQUAL(info.length, 0);
}

/* Publishes a withdrawal after a token and checks all that a reader can see of it. */
static void check_withdrawn(enum tokenbroker_segment_state state, int wanted)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {0};

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	stage_withdraw(&segment, state, 7);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, &info), wanted);
	CU_ASSERT_EQUAL(info.generation, 7);
	CU_ASSERT_EQUAL(info.length, 0);
	CU_ASSERT_EQUAL(info.expires_at, 0);
	CU_ASSERT_EQUAL(info.remaining_ms, 0);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, NULL, 0, &info), wanted);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
}

static void a_withdrawn_token_is_none(void)
{
	check_withdrawn(TOKENBROKER_SEGMENT_NONE, -ENOKEY);
}

static void a_suspended_token_is_revoked(void)
{
	check_withdrawn(TOKENBROKER_SEGMENT_SUSPENDED, -EKEYREVOKED);
}

static void a_token_that_the_broker_calls_expired_is_expired(void)
{
	check_withdrawn(TOKENBROKER_SEGMENT_EXPIRED, -EKEYEXPIRED);
}

/* Nobody withdrew it: the broker is dead. */
static void a_token_past_its_expiry_is_expired_whatever_the_broker_says(void)
{
	ON_STAGE(stage);
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, 7, -1000, TOKEN};
	struct stage_segment segment;
	struct tokenbroker_info info = {0};

	stage_show(&stage, &segment, "a");
	stage_publish(&segment, &content);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, &info), -EKEYEXPIRED);
	CU_ASSERT_EQUAL(info.generation, 7);
	CU_ASSERT_EQUAL(info.remaining_ms, 0);
	CU_ASSERT(info.expires_at > 0 && info.expires_at <= now_s());
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 7); /* it has no clock */
}

static void a_token_expires_while_the_handle_is_open(void)
{
	ON_STAGE(stage);
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, 7, 60, TOKEN};
	struct stage_segment segment;
	struct buffer buffer = filled();

	stage_show(&stage, &segment, "a");
	stage_publish(&segment, &content);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer.bytes, sizeof(buffer.bytes), NULL), 0);
	stage_sleep_ms(61);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, NULL), -EKEYEXPIRED);
}

static void a_caller_can_ask_for_a_longer_life(void)
{
	ON_STAGE(stage);
	const struct stage_content content = {TOKENBROKER_SEGMENT_VALID, 7, 30000, TOKEN};
	struct stage_segment segment;
	struct buffer buffer = filled();
	struct tokenbroker_info info = {0};

	stage_show(&stage, &segment, "a");
	stage_publish(&segment, &content);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 20000, buffer.bytes, sizeof(buffer.bytes), NULL), 0);
	CU_ASSERT_EQUAL(error_of_get(tb, 30001, &info), -EKEYEXPIRED);
	CU_ASSERT(info.remaining_ms > 20000);
	CU_ASSERT_EQUAL(error_of_get(tb, INT64_MAX, NULL), -EKEYEXPIRED);
}

/* The farthest and the nearest that a slot can say. */
static void absurd_expiries_do_not_overflow(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {0};
	size_t slot;

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	slot = stage_slot(&segment, segment.count);
	WITH_HANDLE(tb);
	stage_store(&segment, slot + TOKENBROKER_SLOT_EXPIRES_BOOTTIME, (uint64_t)INT64_MAX);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, INT64_MAX / 2000000, NULL, 0, &info), -ENOBUFS);
	CU_ASSERT(info.remaining_ms > INT64_MAX / 2000000);
	stage_store(&segment, slot + TOKENBROKER_SLOT_EXPIRES_BOOTTIME, (uint64_t)INT64_MIN);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, &info), -EKEYEXPIRED);
	CU_ASSERT_EQUAL(info.remaining_ms, 0);
}

static void a_damaged_slot_is_no_token(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;
	struct tokenbroker_info info = {.generation = 99};

	stage_show(&stage, &segment, "a");
	stage_publish_token(&segment, 7, TOKEN);
	WITH_HANDLE(tb);
	stage_store(&segment, stage_slot(&segment, 1) + TOKENBROKER_SLOT_SEQ, 5);
	CU_ASSERT_EQUAL(error_of_get(tb, 0, &info), -EPROTO);
	CU_ASSERT_EQUAL(info.generation, 99);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
	CU_ASSERT_EQUAL(tokenbroker_wait(tb, 0, 1000), -EPROTO);
	stage_publish_token(&segment, 8, TOKEN);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 8);
}

/* One by one, each of what no writer leaves behind; the generation has a look of its own at it. */
static void what_no_writer_leaves_in_a_slot_is_no_token(void)
{
	ON_STAGE(stage);
	const uint64_t valid = (uint64_t)TOKENBROKER_SEGMENT_VALID << 32;
	const uint64_t none = (uint64_t)TOKENBROKER_SEGMENT_NONE << 32;
	const uint64_t damaged[] = {valid | (STAGE_CAPACITY + 1), valid,
				    UINT64_C(4) << 32 | strlen(TOKEN), none | UINT32_MAX};
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		stage_publish_token(&segment, 7, TOKEN);
		CU_ASSERT_EQUAL(tokenbroker_generation(tb), 7);
		stage_store(&segment,
			    stage_slot(&segment, segment.count) + TOKENBROKER_SLOT_LENGTH_STATE,
			    damaged[i]);
		CU_ASSERT_EQUAL(error_of_get(tb, 0, NULL), -EPROTO);
		CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
	}
}

static void the_generation_is_that_of_the_published_token(void)
{
	ON_STAGE(stage);
	struct stage_segment segment;

	stage_show(&stage, &segment, "a");
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
	stage_publish_token(&segment, 7, TOKEN);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 7);
	stage_publish_token(&segment, UINT64_MAX, TOKEN);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), UINT64_MAX);
	stage_withdraw(&segment, TOKENBROKER_SEGMENT_SUSPENDED, 8);
	CU_ASSERT_EQUAL(tokenbroker_generation(tb), 0);
}

static void the_longest_token_that_a_segment_holds_is_copied(void)
{
	ON_STAGE(stage);
	struct tokenbroker_segment_header header = stage_header(STAGE_NAME, TOKENBROKER_TOKEN_MAX);
	static char token[TOKENBROKER_TOKEN_MAX + 1];
	static char buffer[TOKENBROKER_TOKEN_MAX + 1];
	struct stage_segment segment;

	memset(token, 'x', TOKENBROKER_TOKEN_MAX);
	stage_create_of(&stage, &segment, "a", &header);
	stage_link(&stage, segment.target);
	stage_publish_token(&segment, 7, token);
	WITH_HANDLE(tb);
	CU_ASSERT_EQUAL(tokenbroker_get(tb, 0, buffer, sizeof(buffer), NULL), 0);
	CU_ASSERT_EQUAL(memcmp(buffer, token, sizeof(token)), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_token_is_copied_with_its_description", a_token_is_copied_with_its_description},
		{"a_buffer_with_room_for_the_nul_is_enough",
		 a_buffer_with_room_for_the_nul_is_enough},
		{"a_small_buffer_is_wiped_and_the_length_told",
		 a_small_buffer_is_wiped_and_the_length_told},
		{"no_buffer_asks_for_the_length", no_buffer_asks_for_the_length},
		{"impossible_arguments_are_refused", impossible_arguments_are_refused},
		{"before_the_first_token_there_is_none", before_the_first_token_there_is_none},
		{"a_withdrawn_token_is_none", a_withdrawn_token_is_none},
		{"a_suspended_token_is_revoked", a_suspended_token_is_revoked},
		{"a_token_that_the_broker_calls_expired_is_expired",
		 a_token_that_the_broker_calls_expired_is_expired},
		{"a_token_past_its_expiry_is_expired_whatever_the_broker_says",
		 a_token_past_its_expiry_is_expired_whatever_the_broker_says},
		{"a_token_expires_while_the_handle_is_open",
		 a_token_expires_while_the_handle_is_open},
		{"a_caller_can_ask_for_a_longer_life", a_caller_can_ask_for_a_longer_life},
		{"absurd_expiries_do_not_overflow", absurd_expiries_do_not_overflow},
		{"a_damaged_slot_is_no_token", a_damaged_slot_is_no_token},
		{"what_no_writer_leaves_in_a_slot_is_no_token",
		 what_no_writer_leaves_in_a_slot_is_no_token},
		{"the_generation_is_that_of_the_published_token",
		 the_generation_is_that_of_the_published_token},
		{"the_longest_token_that_a_segment_holds_is_copied",
		 the_longest_token_that_a_segment_holds_is_copied},
		CU_TEST_INFO_NULL,
	};

	return harness_run("get", tests);
}
