/* SPDX-License-Identifier: MIT */
#include "base/config_url.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/tcp_address.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* RFC 3986 2: reserved, unreserved and '%'; nothing else stands in a URI. */
static const char uri_characters[] = LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%";

enum {
	HOST_NAME_MAX_LENGTH = 253, /* RFC 1035 2.3.4, in text form */
	LABEL_MAX_LENGTH = 63,
};

/* A part of a longer string. */
struct slice {
	const char *start;
	size_t length;
};

static bool slice_equals(struct slice slice, const char *string)
{
	return slice.length == strlen(string) &&
	       strncasecmp(slice.start, string, slice.length) == 0;
}

static bool is_port(struct slice port)
{
	uint16_t number;

	return tcp_address_parse_port(port.start, port.length, &number) == 0 && number != 0;
}

static bool is_label(const char *label, size_t length)
{
	return length >= 1 && length <= LABEL_MAX_LENGTH && label[0] != '-' &&
	       label[length - 1] != '-';
}

/* Letters, digits and inner '-' in labels (RFC 1123 2.1), and '_', which container names have. */
static bool is_host_name(struct slice host)
{
	size_t start = 0;

	if (host.length > HOST_NAME_MAX_LENGTH ||
	    strspn(host.start, LETTERS DIGITS "-_.") < host.length)
		return false;
	for (size_t i = 0; i <= host.length; i++) {
		if (i < host.length && host.start[i] != '.')
			continue;
		if (!is_label(host.start + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

static bool is_ip_address(struct slice host)
{
	struct sockaddr_storage address;

	return tcp_address_parse_host(host.start, host.length, &address) == 0;
}

static bool is_loopback(struct slice host)
{
	struct sockaddr_storage address;

	if (tcp_address_parse_host(host.start, host.length, &address) == 0)
		return tcp_address_is_loopback((const struct sockaddr *)&address);
	return slice_equals(host, "localhost");
}

/* HOST or HOST:PORT; port.start is NULL without one. */
static void split_port(struct slice authority, struct slice *ret_host, struct slice *ret_port)
{
	const char *end = authority.start + authority.length;
	const char *bracket = memrchr(authority.start, ']', authority.length);
	const char *behind = bracket == NULL ? authority.start : bracket;
	const char *colon = memchr(behind, ':', (size_t)(end - behind));

	*ret_host = authority;
	*ret_port = (struct slice){0};
	if (colon == NULL)
		return;
	ret_host->length = (size_t)(colon - authority.start);
	*ret_port = (struct slice){colon + 1, (size_t)(end - colon - 1)};
}

static const char *refuse_authority(struct slice authority)
{
	struct slice host;
	struct slice port;

	if (memchr(authority.start, '@', authority.length) != NULL)
		return "must not hold a user name or password";
	split_port(authority, &host, &port);
	if (!is_host_name(host) && !is_ip_address(host))
		return "has no valid host name";
	if (port.start != NULL && !is_port(port))
		return "has no valid port after the host name";
	return NULL;
}

/* What stands between "SCHEME://" and the path; start is NULL unless the scheme is this one. */
static struct slice authority_of(const char *url, const char *scheme)
{
	size_t length = strlen(scheme);
	const char *start = url + length + strlen("://");

	if (strncasecmp(url, scheme, length) != 0 || strncmp(url + length, "://", 3) != 0)
		return (struct slice){0};
	return (struct slice){start, strcspn(start, "/?#")};
}

static const char *refuse_uri_text(const char *uri)
{
	if (strlen(uri) > CONFIG_URL_MAX)
		return "is longer than 2048 bytes";
	if (strspn(uri, uri_characters) != strlen(uri))
		return "holds a character that must not stand in a URL";
	if (strchr(uri, '#') != NULL)
		return "must not hold a fragment (#...)";
	return NULL;
}

const char *config_refuse_url(const char *url)
{
	struct slice authority = authority_of(url, "https");
	const char *reason = refuse_uri_text(url);

	if (url[0] == '\0' || reason != NULL)
		return reason;
	if (authority.start == NULL)
		authority = authority_of(url, "http");
	if (authority.start == NULL)
		return "must begin with https://";
	return refuse_authority(authority);
}

const char *config_refuse_proxy(const char *url)
{
	static const char *const schemes[] = {"http", "https", "socks5h"};
	struct slice authority = {0};
	const char *reason = refuse_uri_text(url);
	const char *rest;

	if (url[0] == '\0' || reason != NULL)
		return reason;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes) && authority.start == NULL; i++)
		authority = authority_of(url, schemes[i]);
	if (authority.start == NULL)
		return "must begin with http://, https:// or socks5h://";
	reason = refuse_authority(authority);
	if (reason != NULL)
		return reason;
	rest = authority.start + authority.length;
	return rest[0] == '\0' || strcmp(rest, "/") == 0 ? NULL : "must end after the port";
}

const char *config_refuse_tenant(const char *tenant)
{
	struct slice host;
	struct slice port;

	if (tenant[0] == '\0')
		return NULL;
	if (strstr(tenant, "://") != NULL)
		return "must be a host name alone (example.blueconic.net), without https://";
	split_port((struct slice){tenant, strlen(tenant)}, &host, &port);
	if (!is_host_name(host) || (port.start != NULL && !is_port(port)))
		return "must be a host name (example.blueconic.net), not a URL or path";
	return NULL;
}

const char *config_refuse_resource(const char *uri)
{
	const char *reason = refuse_uri_text(uri);
	size_t scheme_length = strspn(uri, LETTERS DIGITS "+-.");

	if (reason != NULL)
		return reason;
	if (!isalpha((unsigned char)uri[0]) || uri[scheme_length] != ':' ||
	    uri[scheme_length + 1] == '\0')
		return "must be an absolute URI, such as https://api.example.com/";
	return NULL;
}

const char *config_refuse_host(const char *host)
{
	if (strstr(host, "://") != NULL)
		return "must be a host name alone, without a scheme";
	return refuse_authority((struct slice){host, strlen(host)});
}

const char *config_refuse_listen(const char *address)
{
	struct slice host;
	struct slice port;

	split_port((struct slice){address, strlen(address)}, &host, &port);
	if (is_ip_address(host) && port.start != NULL && is_port(port))
		return NULL;
	return "must be IPV4:PORT or [IPV6]:PORT, in numbers, with a port from 1 to 65535";
}

bool config_url_is_cleartext(const char *url)
{
	return authority_of(url, "http").start != NULL;
}

bool config_url_is_loopback(const char *url)
{
	struct slice authority = authority_of(url, config_url_is_cleartext(url) ? "http" : "https");
	struct slice host;
	struct slice port;

	if (authority.start == NULL)
		return false;
	split_port(authority, &host, &port);
	return is_loopback(host);
}
