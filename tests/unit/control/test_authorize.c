/* SPDX-License-Identifier: MIT */
#include "control/authorize.h"

#include <string.h>

#include "harness.h"

enum { BROKER = 990, HTTP = 995, ADMIN = 1001, READER = 1007, STRANGER = 1009 };
enum { ADMIN_GROUP = 400, READER_GROUP = 500 };

static uid_t admin_uids[] = {ADMIN};
static gid_t admin_gids[] = {ADMIN_GROUP};
static uid_t reader_uids[] = {READER};
static gid_t reader_gids[] = {READER_GROUP};

static const struct principals admins = {admin_uids, 1, admin_gids, 1};
static const struct principals readers = {reader_uids, 1, reader_gids, 1};
static const struct control_policy policy = {
	.broker_uid = BROKER,
	.has_http_uid = true,
	.http_uid = HTTP,
	.admins = &admins,
};

static struct control_peer peer_of(uid_t uid)
{
	return (struct control_peer){.uid = uid, .gid = 100};
}

static struct tokenbroker_control_request request_of(unsigned command)
{
	return (struct tokenbroker_control_request){.command = (uint16_t)command,
						    .name = "default"};
}

static struct tokenbroker_control_request request_for(unsigned command, uid_t origin)
{
	struct tokenbroker_control_request request = request_of(command);

	request.origin = TOKENBROKER_CONTROL_USER;
	request.origin_uid = origin;
	request.origin_gid = 100;
	return request;
}

static bool may(uid_t uid, const struct tokenbroker_control_request *request)
{
	struct control_peer peer = peer_of(uid);

	return control_authorize(&policy, &peer, request, &readers).is_allowed;
}

static void check_who(uid_t uid, const struct tokenbroker_control_request *request,
		      const char *expected)
{
	struct control_peer peer = peer_of(uid);

	CU_ASSERT_STRING_EQUAL(control_authorize(&policy, &peer, request, &readers).who, expected);
}

static void administrators_root_and_the_broker_may_command(void)
{
	for (unsigned command = TOKENBROKER_CONTROL_REFRESH; command <= TOKENBROKER_CONTROL_RESUME;
	     command++) {
		struct tokenbroker_control_request request = request_of(command);

		CU_ASSERT_TRUE(may(ADMIN, &request));
		CU_ASSERT_TRUE(may(0, &request));
		CU_ASSERT_TRUE(may(BROKER, &request));
		CU_ASSERT_FALSE(may(READER, &request));
		CU_ASSERT_FALSE(may(STRANGER, &request));
		CU_ASSERT_FALSE(may(HTTP, &request));
	}
}

static void readers_root_and_the_broker_may_reject(void)
{
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REJECT);

	CU_ASSERT_TRUE(may(READER, &request));
	CU_ASSERT_TRUE(may(0, &request));
	CU_ASSERT_TRUE(may(BROKER, &request));
	CU_ASSERT_FALSE(may(ADMIN, &request));
	CU_ASSERT_FALSE(may(STRANGER, &request));
	CU_ASSERT_FALSE(may(HTTP, &request));
}

static void a_group_counts_wherever_it_stands(void)
{
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REFRESH);
	const gid_t groups[] = {7, 8, ADMIN_GROUP};
	struct control_peer peer = {.uid = STRANGER, .gid = ADMIN_GROUP};

	CU_ASSERT_TRUE(control_authorize(&policy, &peer, &request, NULL).is_allowed);
	peer = (struct control_peer){
		.uid = STRANGER, .gid = 100, .groups = groups, .group_count = 3};
	CU_ASSERT_TRUE(control_authorize(&policy, &peer, &request, NULL).is_allowed);
	peer.group_count = 2;
	CU_ASSERT_FALSE(control_authorize(&policy, &peer, &request, NULL).is_allowed);
}

static void without_a_list_only_root_and_the_broker_may(void)
{
	const struct control_policy bare = {.broker_uid = BROKER};
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REFRESH);
	struct control_peer peer = peer_of(ADMIN);

	CU_ASSERT_FALSE(control_authorize(&bare, &peer, &request, NULL).is_allowed);
	peer = peer_of(BROKER);
	CU_ASSERT_TRUE(control_authorize(&bare, &peer, &request, NULL).is_allowed);
	request = request_of(TOKENBROKER_CONTROL_REJECT);
	CU_ASSERT_TRUE(control_authorize(&bare, &peer, &request, NULL).is_allowed);
	peer = peer_of(READER);
	CU_ASSERT_FALSE(control_authorize(&bare, &peer, &request, NULL).is_allowed);
	/* http_uid 0 without has_http_uid names nobody, and http_uid of nobody is not root. */
	peer = peer_of(HTTP);
	request = request_for(TOKENBROKER_CONTROL_REFRESH, 0);
	CU_ASSERT_FALSE(control_authorize(&bare, &peer, &request, NULL).is_allowed);
}

static void an_origin_is_believed_from_three_users_only(void)
{
	struct tokenbroker_control_request request =
		request_for(TOKENBROKER_CONTROL_SUSPEND, ADMIN);

	CU_ASSERT_TRUE(may(HTTP, &request));
	CU_ASSERT_TRUE(may(0, &request));
	CU_ASSERT_TRUE(may(BROKER, &request));
	CU_ASSERT_FALSE(may(READER, &request));
	CU_ASSERT_FALSE(may(ADMIN, &request)); /* who lies is refused whatever it may itself */
	request.origin_uid = 0;
	CU_ASSERT_FALSE(may(STRANGER, &request));
}

static void the_origin_alone_counts(void)
{
	struct tokenbroker_control_request request =
		request_for(TOKENBROKER_CONTROL_REFRESH, READER);

	CU_ASSERT_FALSE(may(0, &request)); /* root narrows itself to a reader */
	CU_ASSERT_FALSE(may(HTTP, &request));
	request.origin_uid = 0;
	CU_ASSERT_TRUE(may(HTTP, &request));
	request.origin_uid = BROKER;
	CU_ASSERT_TRUE(may(HTTP, &request));
	request.origin_uid = HTTP;
	CU_ASSERT_FALSE(may(HTTP, &request));
	request = request_for(TOKENBROKER_CONTROL_REJECT, READER);
	CU_ASSERT_TRUE(may(HTTP, &request));
	request.origin_uid = STRANGER;
	CU_ASSERT_FALSE(may(0, &request));
}

static void the_groups_of_an_origin_count(void)
{
	struct tokenbroker_control_request request =
		request_for(TOKENBROKER_CONTROL_REFRESH, STRANGER);

	request.origin_groups[0] = 7;
	request.origin_groups[1] = ADMIN_GROUP;
	request.origin_group_count = 2;
	CU_ASSERT_TRUE(may(HTTP, &request));
	request.origin_group_count = 1;
	CU_ASSERT_FALSE(may(HTTP, &request));
	request.origin_gid = ADMIN_GROUP;
	CU_ASSERT_TRUE(may(HTTP, &request));
}

static void the_access_token_is_an_administrator_but_no_reader(void)
{
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REVOKE);

	request.origin = TOKENBROKER_CONTROL_ACCESS_TOKEN;
	CU_ASSERT_TRUE(may(HTTP, &request));
	CU_ASSERT_TRUE(may(0, &request));
	CU_ASSERT_FALSE(may(STRANGER, &request));
	CU_ASSERT_FALSE(may(ADMIN, &request));
	request.command = TOKENBROKER_CONTROL_REJECT;
	CU_ASSERT_FALSE(may(HTTP, &request));
}

/* The lists, the broker and the HTTP server all run as "nobody" here: it must not help. */
static void an_unmapped_user_is_nobody(void)
{
	uid_t uids[] = {CONTROL_OVERFLOW_ID, (uid_t)-1};
	gid_t gids[] = {CONTROL_OVERFLOW_ID};
	const struct principals everybody = {uids, 2, gids, 1};
	const struct control_policy loose = {CONTROL_OVERFLOW_ID, true, CONTROL_OVERFLOW_ID,
					     &everybody};
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REFRESH);

	for (size_t i = 0; i < 2; i++) {
		struct control_peer peer = {.uid = uids[i], .gid = CONTROL_OVERFLOW_ID};

		CU_ASSERT_FALSE(control_authorize(&loose, &peer, &request, &everybody).is_allowed);
		CU_ASSERT_FALSE(control_is_reader(&loose, &peer, &everybody));
		CU_ASSERT_EQUAL(control_classify(&loose, &peer, true), CONTROL_NOBODY);
		request = request_for(TOKENBROKER_CONTROL_REFRESH, ADMIN);
		CU_ASSERT_FALSE(control_authorize(&loose, &peer, &request, &everybody).is_allowed);
		request = request_for(TOKENBROKER_CONTROL_REFRESH, uids[i]);
		CU_ASSERT_FALSE(may(0, &request));
		request = request_of(TOKENBROKER_CONTROL_REFRESH);
	}
}

static void an_unmapped_group_matches_no_list(void)
{
	gid_t gids[] = {CONTROL_OVERFLOW_ID};
	const struct principals list = {reader_uids, 1, gids, 1};
	struct control_peer peer = {
		.uid = STRANGER, .gid = CONTROL_OVERFLOW_ID, .groups = gids, .group_count = 1};

	CU_ASSERT_FALSE(control_is_reader(&policy, &peer, &list));
	peer.uid = READER; /* a user whose first group is "nogroup" is still that user */
	CU_ASSERT_TRUE(control_is_reader(&policy, &peer, &list));
}

static void connections_are_sorted_by_what_they_are_good_for(void)
{
	struct control_peer peer = peer_of(STRANGER);

	CU_ASSERT_EQUAL(control_classify(&policy, &peer, false), CONTROL_NOBODY);
	CU_ASSERT_EQUAL(control_classify(&policy, &peer, true), CONTROL_READER);
	peer.uid = HTTP;
	CU_ASSERT_EQUAL(control_classify(&policy, &peer, true), CONTROL_HTTP);
	peer.uid = ADMIN;
	CU_ASSERT_EQUAL(control_classify(&policy, &peer, true), CONTROL_ADMIN);
	peer.uid = 0;
	CU_ASSERT_EQUAL(control_classify(&policy, &peer, false), CONTROL_ADMIN);
	peer.uid = BROKER;
	CU_ASSERT_EQUAL(control_classify(&policy, &peer, false), CONTROL_ADMIN);
}

static void who_asked_is_told_in_words(void)
{
	struct tokenbroker_control_request request = request_of(TOKENBROKER_CONTROL_REFRESH);

	check_who(READER, &request, "uid 1007");
	request = request_for(TOKENBROKER_CONTROL_REFRESH, 0);
	check_who(HTTP, &request, "uid 0 via tokenbroker-httpd (uid 995)");
	check_who(0, &request, "uid 0 via uid 0");
	check_who(READER, &request, "uid 1007 pretending to be uid 0");
	request = request_of(TOKENBROKER_CONTROL_REFRESH);
	request.origin = TOKENBROKER_CONTROL_ACCESS_TOKEN;
	check_who(HTTP, &request, "access token via tokenbroker-httpd (uid 995)");
	check_who(BROKER, &request, "access token via uid 990");
	check_who(UINT32_MAX, &request, "uid 4294967295 pretending to be access token");
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(administrators_root_and_the_broker_may_command),
		TEST(readers_root_and_the_broker_may_reject),
		TEST(a_group_counts_wherever_it_stands),
		TEST(without_a_list_only_root_and_the_broker_may),
		TEST(an_origin_is_believed_from_three_users_only),
		TEST(the_origin_alone_counts),
		TEST(the_groups_of_an_origin_count),
		TEST(the_access_token_is_an_administrator_but_no_reader),
		TEST(an_unmapped_user_is_nobody),
		TEST(an_unmapped_group_matches_no_list),
		TEST(connections_are_sorted_by_what_they_are_good_for),
		TEST(who_asked_is_told_in_words),
		CU_TEST_INFO_NULL,
	};

	return harness_run("authorize", tests);
}
