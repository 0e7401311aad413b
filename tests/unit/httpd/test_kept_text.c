/* SPDX-License-Identifier: MIT */
#include "httpd/kept_text.h"

#include "base/cleanup.h"
#include "harness.h"
#include "httpd/server.h"

static const struct kept_text_key key = {.version = 3, .now_s = 100, .is_up = true};

static void all_who_ask_in_the_same_second_share_one_text(void)
{
	struct kept_text kept = {.text = NULL};
	CLEANUP(shared_text) struct shared_text *one = NULL;
	CLEANUP(shared_text) struct shared_text *two = NULL;

	kept_text_put(&kept, &key, shared_text_new("x", 1));
	one = kept_text_get(&kept, &key);
	two = kept_text_get(&kept, &key);
	CU_ASSERT_PTR_NOT_NULL(one);
	CU_ASSERT_PTR_EQUAL(one, two);
	CU_ASSERT_EQUAL(one->holders, 3);
	kept_text_put(&kept, &key, NULL);
	CU_ASSERT_EQUAL(one->holders, 2);
}

static void another_second_version_or_heartbeat_is_another_text(void)
{
	const struct kept_text_key others[] = {
		{.version = 4, .now_s = 100, .is_up = true},
		{.version = 3, .now_s = 101, .is_up = true},
		{.version = 3, .now_s = 100, .is_up = false},
	};
	struct kept_text kept = {.text = NULL};

	CU_ASSERT_PTR_NULL(kept_text_get(&kept, &(struct kept_text_key){.version = 0}));
	kept_text_put(&kept, &key, shared_text_new("x", 1));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CU_ASSERT_PTR_NULL(kept_text_get(&kept, &others[i]));
	kept_text_put(&kept, &key, NULL);
	CU_ASSERT_PTR_NULL(kept_text_get(&kept, &key));
}

static void all_listening_sockets_together_leave_descriptors_for_the_rest(void)
{
	CU_ASSERT_EQUAL(server_connections_max(UINT64_MAX, 1), 2048);
	CU_ASSERT_EQUAL(server_connections_max(8192, 3), 2048);
	CU_ASSERT_EQUAL(server_connections_max(8192, 4), 2032);
	CU_ASSERT_EQUAL(server_connections_max(1024, 2), 480);
	CU_ASSERT_EQUAL(server_connections_max(64, 2), 32);
	CU_ASSERT_EQUAL(server_connections_max(0, 0), 32);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"all_who_ask_in_the_same_second_share_one_text",
		 all_who_ask_in_the_same_second_share_one_text},
		{"another_second_version_or_heartbeat_is_another_text",
		 another_second_version_or_heartbeat_is_another_text},
		{"all_listening_sockets_together_leave_descriptors_for_the_rest",
		 all_listening_sockets_together_leave_descriptors_for_the_rest},
		CU_TEST_INFO_NULL,
	};

	return harness_run("kept_text", tests);
}
