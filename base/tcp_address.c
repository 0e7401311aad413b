/* SPDX-License-Identifier: MIT */
#include "base/tcp_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool copy(const char *bytes, size_t length, char *ret, size_t size)
{
	if (length >= size)
		return false;
	memcpy(ret, bytes, length);
	ret[length] = '\0';
	return true;
}

int tcp_address_parse_port(const char *digits, size_t length, uint16_t *ret)
{
	char text[sizeof("65535")];
	long port;

	if (length == 0 || !copy(digits, length, text, sizeof(text)) ||
	    strspn(text, "0123456789") != length)
		return -EINVAL;
	port = strtol(text, NULL, 10);
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

static bool parse_ipv4(const char *host, size_t length, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	char text[INET_ADDRSTRLEN];

	if (!copy(host, length, text, sizeof(text)) || inet_pton(AF_INET, text, &in.sin_addr) != 1)
		return false;
	*ret = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
	memcpy(ret, &in, sizeof(in));
	return true;
}

static bool parse_ipv6(const char *host, size_t length, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char text[INET6_ADDRSTRLEN];

	if (length < 2 || host[0] != '[' || host[length - 1] != ']' ||
	    !copy(host + 1, length - 2, text, sizeof(text)) ||
	    inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
		return false;
	*ret = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
	memcpy(ret, &in6, sizeof(in6));
	return true;
}

int tcp_address_parse_host(const char *host, size_t length, struct sockaddr_storage *ret)
{
	return parse_ipv4(host, length, ret) || parse_ipv6(host, length, ret) ? 0 : -EINVAL;
}

static void set_port(struct sockaddr_storage *address, uint16_t port, socklen_t *ret_size)
{
	if (address->ss_family == AF_INET) {
		((struct sockaddr_in *)address)->sin_port = htons(port);
		*ret_size = sizeof(struct sockaddr_in);
	} else {
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
		*ret_size = sizeof(struct sockaddr_in6);
	}
}

int tcp_address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_storage address;
	uint16_t port;

	if (colon == NULL || tcp_address_parse_port(colon + 1, strlen(colon + 1), &port) < 0 ||
	    tcp_address_parse_host(text, (size_t)(colon - text), &address) < 0)
		return -EINVAL;
	set_port(&address, port, ret_size);
	*ret = address;
	return 0;
}

int tcp_address_format(const struct sockaddr *address, char ret[static TCP_ADDRESS_BYTES])
{
	char host[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		(void)snprintf(ret, TCP_ADDRESS_BYTES, "%s:%u", host, ntohs(in->sin_port));
		return 0;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		(void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		(void)snprintf(ret, TCP_ADDRESS_BYTES, "[%s]:%u", host, ntohs(in6->sin6_port));
		return 0;
	}
	return -EAFNOSUPPORT;
}

bool tcp_address_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}
