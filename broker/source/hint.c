/* SPDX-License-Identifier: MIT */
#include "source/hint.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define BLUECONIC_APPLICATION                                                                      \
	"In BlueConic: is the application switched ON, are client_id and secret those of this "    \
	"application, and is this host's address in its list of allowed addresses?"

struct hint {
	enum token_reason reason;
	long http_status;     /* 0: any */
	const char *provider; /* NULL: any */
	const char *text;
};

/* The first that fits. */
static const struct hint hints[] = {
	{TOKEN_INVALID_CLIENT, 0, "blueconic", BLUECONIC_APPLICATION},
	{TOKEN_INVALID_CLIENT, 0, NULL,
	 "Are client_id and the content of client_secret_file right, and does the server expect "
	 "another client_auth (post, basic, basic_raw)?"},
	{TOKEN_UNAUTHORIZED_CLIENT, 0, "blueconic", BLUECONIC_APPLICATION},
	{TOKEN_UNAUTHORIZED_CLIENT, 0, NULL,
	 "Is the client allowed to use the client-credentials grant?"},
	{TOKEN_UNSUPPORTED_GRANT_TYPE, 0, NULL,
	 "Does the server know the client-credentials grant, and is token_url its token endpoint?"},
	{TOKEN_INVALID_SCOPE, 0, "blueconic",
	 "Scopes belong to the application in BlueConic: leave scope out of the configuration."},
	{TOKEN_INVALID_SCOPE, 0, NULL,
	 "Is scope spelled as the server knows it, and is the client allowed to ask for it?"},
	{TOKEN_INVALID_TARGET, 0, NULL, "Are audience and resource those that the server knows?"},
	{TOKEN_INVALID_REQUEST, 0, NULL,
	 "Does the server want other parameters or another client_auth (post, basic, basic_raw)?"},
	{TOKEN_HTTP, 401, "blueconic", BLUECONIC_APPLICATION},
	{TOKEN_HTTP, 403, "blueconic", BLUECONIC_APPLICATION},
	{TOKEN_HTTP, 401, NULL,
	 "Are client_id and the content of client_secret_file right, and does the server expect "
	 "another client_auth (post, basic, basic_raw)?"},
	{TOKEN_HTTP, 403, NULL,
	 "Is the client allowed to log in from this host's address, and are client_id and secret "
	 "right?"},
	{TOKEN_HTTP, 404, NULL, "Is the address of the token server right?"},
	{TOKEN_HTTP, 405, NULL, "Is the address of the token server right?"},
	{TOKEN_HTTP, 407, NULL, "The proxy wants a password, which is not supported."},
	{TOKEN_HTTP, 429, NULL,
	 "The server limits requests: do others use this client, too? Nothing else to do: the "
	 "broker waits and tries again."},
	{TOKEN_NETWORK, 0, NULL,
	 "Does the host name resolve here, and do routes, firewall and proxy let this host "
	 "connect to it?"},
	{TOKEN_TIMEOUT, 0, NULL,
	 "Does a firewall drop the connection, or is the server slower than connect_timeout and "
	 "request_timeout?"},
	{TOKEN_TLS, 0, NULL,
	 "Is the server's certificate valid for this host name and signed by a known authority "
	 "(ca_file), and is the clock of this host right?"},
	{TOKEN_BAD_RESPONSE, 0, NULL,
	 "Is the address that of an OAuth 2.0 token endpoint, and not of a web page or proxy?"},
	{TOKEN_SECRET_UNREADABLE, 0, NULL,
	 "Put the client secret into client_secret_file, owned by root or the broker's user, mode "
	 "0400."},
};

static bool fits(const struct hint *hint, const char *provider, enum token_reason reason,
		 long http_status)
{
	return hint->reason == reason &&
	       (hint->http_status == 0 || hint->http_status == http_status) &&
	       (hint->provider == NULL || strcmp(hint->provider, provider) == 0);
}

const char *hint_for(const char *provider, enum token_reason reason, long http_status)
{
	if (reason == TOKEN_HTTP && http_status >= 300 && http_status < 400)
		return "Redirects are not followed: configure the address that the server really "
		       "has, if you trust it; often a slash at the end is missing or too many.";
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (fits(&hints[i], provider, reason, http_status))
			return hints[i].text;
	return "";
}
