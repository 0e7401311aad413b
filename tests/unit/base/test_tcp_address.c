/* SPDX-License-Identifier: MIT */
#include "base/tcp_address.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "harness.h"

static const struct sockaddr *generic(const struct sockaddr_storage *address)
{
	return (const struct sockaddr *)address;
}

static void what_is_read_is_written_the_same(void)
{
	static const char *const texts[] = {
		"127.0.0.1:8437", "0.0.0.0:1",
		"10.1.2.3:65535", "[::1]:8437",
		"[::]:80",        "[2001:db8::1]:443",
		"127.0.0.1:0",    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sockaddr_storage address;
		char text[TCP_ADDRESS_BYTES];
		socklen_t size = 0;

		CU_ASSERT_EQUAL_FATAL(tcp_address_parse(texts[i], &address, &size), 0);
		CU_ASSERT_EQUAL(size, address.ss_family == AF_INET ? sizeof(struct sockaddr_in)
								   : sizeof(struct sockaddr_in6));
		CU_ASSERT_EQUAL(tcp_address_format(generic(&address), text), 0);
		CU_ASSERT_STRING_EQUAL(text, texts[i]);
	}
}

static void what_is_no_address_and_port_is_refused(void)
{
	static const char *const texts[] = {
		"",
		":",
		"127.0.0.1",
		"127.0.0.1:",
		":80",
		"127.0.0.1:65536",
		"127.0.0.1:100000",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1: 1",
		"127.0.0.1:8o",
		"127.1:80",
		"127.0.0.01:80",
		"127.0.0.1.:80",
		"localhost:80",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"::1]:80",
		"[]:80",
		"[127.0.0.1]:80",
		"[fe80::1%lo]:80",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:80",
		"111.111.111.1111111111111:80",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sockaddr_storage address = {.ss_family = AF_UNIX};
		socklen_t size = 7;

		CU_ASSERT_EQUAL(tcp_address_parse(texts[i], &address, &size), -EINVAL);
		CU_ASSERT_EQUAL(address.ss_family, AF_UNIX);
		CU_ASSERT_EQUAL(size, 7);
	}
}

static void a_part_of_a_longer_text_is_judged_alone(void)
{
	struct sockaddr_storage address;
	uint16_t port = 7;

	CU_ASSERT_EQUAL(tcp_address_parse_host("127.0.0.1.example", 9, &address), 0);
	CU_ASSERT_EQUAL(tcp_address_parse_host("[::1]/path", 5, &address), 0);
	CU_ASSERT_EQUAL(tcp_address_parse_host("[::1]", 0, &address), -EINVAL);
	CU_ASSERT_EQUAL(tcp_address_parse_port("80801", 4, &port), 0);
	CU_ASSERT_EQUAL(port, 8080);
	CU_ASSERT_EQUAL(tcp_address_parse_port("80", 0, &port), -EINVAL);
	CU_ASSERT_EQUAL(tcp_address_parse_port("8\0000", 3, &port), -EINVAL);
	CU_ASSERT_EQUAL(port, 8080);
}

static bool is_loopback(const char *text)
{
	struct sockaddr_storage address;
	socklen_t size;

	CU_ASSERT_EQUAL_FATAL(tcp_address_parse(text, &address, &size), 0);
	return tcp_address_is_loopback(generic(&address));
}

static void addresses_of_this_host_are_loopback(void)
{
	CU_ASSERT(is_loopback("127.0.0.1:80"));
	CU_ASSERT(is_loopback("127.255.255.254:80"));
	CU_ASSERT(is_loopback("[::1]:80"));
}

static void all_others_are_not(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char text[TCP_ADDRESS_BYTES] = "untouched";

	CU_ASSERT_FALSE(is_loopback("128.0.0.1:80"));
	CU_ASSERT_FALSE(is_loopback("126.255.255.255:80"));
	CU_ASSERT_FALSE(is_loopback("0.0.0.0:80"));
	CU_ASSERT_FALSE(is_loopback("1.0.0.127:80"));
	CU_ASSERT_FALSE(is_loopback("[::]:80"));
	CU_ASSERT_FALSE(is_loopback("[::2]:80"));
	CU_ASSERT_FALSE(is_loopback("[fe80::1]:80"));
	CU_ASSERT_FALSE(is_loopback("[::ffff:10.0.0.1]:80"));
	CU_ASSERT_FALSE(is_loopback("[::ffff:127.0.0.1]:80"));
	CU_ASSERT_FALSE(tcp_address_is_loopback((const struct sockaddr *)&un));
	CU_ASSERT_EQUAL(tcp_address_format((const struct sockaddr *)&un, text), -EAFNOSUPPORT);
	CU_ASSERT_STRING_EQUAL(text, "untouched");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_is_read_is_written_the_same", what_is_read_is_written_the_same},
		{"what_is_no_address_and_port_is_refused", what_is_no_address_and_port_is_refused},
		{"a_part_of_a_longer_text_is_judged_alone",
		 a_part_of_a_longer_text_is_judged_alone},
		{"addresses_of_this_host_are_loopback", addresses_of_this_host_are_loopback},
		{"all_others_are_not", all_others_are_not},
		CU_TEST_INFO_NULL,
	};

	return harness_run("tcp_address", tests);
}
