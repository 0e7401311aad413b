/* SPDX-License-Identifier: MIT */
/*
 * TCP addresses in numbers, "127.0.0.1:8437" or "[::1]:8437": from text to what bind(2) takes, and
 * back. Looks nothing up. Pure.
 */
#ifndef BASE_TCP_ADDRESS_H
#define BASE_TCP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The longest text with its NUL, which INET6_ADDRSTRLEN counts. */
#define TCP_ADDRESS_BYTES (INET6_ADDRSTRLEN + 8) /* "[" "]:65535" */

/* IPV4:PORT or [IPV6]:PORT, without a zone. 0 or -EINVAL. */
int tcp_address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size);
/* The same of length bytes without the port, which is 0 then. */
int tcp_address_parse_host(const char *host, size_t length, struct sockaddr_storage *ret);
/* length digits, 0 to 65535. 0 or -EINVAL. */
int tcp_address_parse_port(const char *digits, size_t length, uint16_t *ret);

/* A zone is left out. 0, or -EAFNOSUPPORT: neither IPv4 nor IPv6. */
int tcp_address_format(const struct sockaddr *address, char ret[static TCP_ADDRESS_BYTES]);

/* What never leaves this host: 127.0.0.0/8 and ::1. */
bool tcp_address_is_loopback(const struct sockaddr *address);

#endif
