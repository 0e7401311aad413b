/* SPDX-License-Identifier: MIT */
#include "source/loopback.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "harness.h"

static bool is_loopback4(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET, text, &in.sin_addr), 1);
	return is_loopback_address((const struct sockaddr *)&in);
}

static bool is_loopback6(const char *text)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return is_loopback_address((const struct sockaddr *)&in6);
}

static void addresses_of_this_host_are_loopback(void)
{
	CU_ASSERT(is_loopback4("127.0.0.1"));
	CU_ASSERT(is_loopback4("127.255.255.254"));
	CU_ASSERT(is_loopback6("::1"));
}

static void all_others_are_not(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	CU_ASSERT_FALSE(is_loopback4("128.0.0.1"));
	CU_ASSERT_FALSE(is_loopback4("126.255.255.255"));
	CU_ASSERT_FALSE(is_loopback4("0.0.0.0"));
	CU_ASSERT_FALSE(is_loopback4("1.0.0.127"));
	CU_ASSERT_FALSE(is_loopback6("::"));
	CU_ASSERT_FALSE(is_loopback6("::2"));
	CU_ASSERT_FALSE(is_loopback6("fe80::1"));
	CU_ASSERT_FALSE(is_loopback6("::ffff:10.0.0.1"));
	CU_ASSERT_FALSE(is_loopback_address((const struct sockaddr *)&un));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"addresses_of_this_host_are_loopback", addresses_of_this_host_are_loopback},
		{"all_others_are_not", all_others_are_not},
		CU_TEST_INFO_NULL,
	};

	return harness_run("loopback", tests);
}
