/* SPDX-License-Identifier: MIT */
/*
 * What the configuration takes as an address: URLs, host names, listening addresses. Judges text
 * alone, looks nothing up. The config_refuse_ functions say why a value is refused, or NULL.
 */
#ifndef BASE_CONFIG_URL_H
#define BASE_CONFIG_URL_H

#include <stdbool.h>

#define CONFIG_URL_MAX 2048 /* bytes */

/* "" is fine, as everywhere where a key may be left out. */
const char *config_refuse_url(const char *url);
const char *config_refuse_proxy(const char *url);
const char *config_refuse_tenant(const char *tenant);
/* An absolute URI, of any scheme, without a fragment: RFC 8707 2. */
const char *config_refuse_resource(const char *uri);
/* NAME, NAME:PORT, and IP addresses in place of the name. */
const char *config_refuse_host(const char *host);
/* IPv4:PORT or [IPv6]:PORT, numbers only. */
const char *config_refuse_listen(const char *address);

/* Of what the functions above let pass. */
bool config_url_is_cleartext(const char *url);
/* 127.0.0.0/8, [::1] or localhost. */
bool config_url_is_loopback(const char *url);

#endif
