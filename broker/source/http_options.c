/* SPDX-License-Identifier: MIT */
#include "source/http_options.h"

#include <curl/curl.h>
#include <errno.h>

#include "base/clock.h"

enum {
	/* A transfer that moved nothing for so long is dead, however long request_timeout_s is. */
	STALL_S_MAX = 60,
	/* The least that libcurl takes: its buffer for what is sent lies in locked memory. */
	UPLOAD_BUFFER_BYTES = 16 * 1024,
};

struct number_option {
	CURLoption option;
	long value;
};

struct pointer_option {
	CURLoption option;
	const void *value;
};

static CURLcode set_numbers(CURL *easy, const struct number_option *options, size_t count)
{
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < count && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, options[i].option, options[i].value);
	return code;
}

static CURLcode set_pointers(CURL *easy, const struct pointer_option *options, size_t count)
{
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < count && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, options[i].option, options[i].value);
	return code;
}

/* What is the same for every request; defaults of libcurl that matter are spelled out. */
static CURLcode set_policy(CURL *easy)
{
	static const struct number_option policy[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_POST, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_NETRC, CURL_NETRC_IGNORED},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_SESSIONID_CACHE, 0},
		{CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		{CURLOPT_FRESH_CONNECT, 1},
		{CURLOPT_FORBID_REUSE, 1},
		{CURLOPT_DNS_CACHE_TIMEOUT, 0},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
		{CURLOPT_LOW_SPEED_LIMIT, 1},
		{CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES},
#if LIBCURL_VERSION_NUM >= 0x075700
		{CURLOPT_QUICK_EXIT, 1},       /* never wait for a resolver thread */
		{CURLOPT_CA_CACHE_TIMEOUT, 0}, /* a replaced ca_file holds at once */
#endif
	};

	return set_numbers(easy, policy, sizeof(policy) / sizeof(policy[0]));
}

static CURLcode set_protocols(CURL *easy, bool is_http_allowed)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
				is_http_allowed ? "http,https" : "https");
#else
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
				is_http_allowed ? (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)
						: (long)CURLPROTO_HTTPS);
#endif
}

static CURLcode set_limits(CURL *easy, const struct http_post *post)
{
	int64_t stall_s =
		post->request_timeout_s < STALL_S_MAX ? post->request_timeout_s : STALL_S_MAX;
	const struct number_option limits[] = {
		{CURLOPT_CONNECTTIMEOUT_MS, (long)(post->connect_timeout_s * MS_PER_S)},
		{CURLOPT_TIMEOUT_MS, (long)(post->request_timeout_s * MS_PER_S)},
		{CURLOPT_LOW_SPEED_TIME, (long)stall_s},
	};

	return set_numbers(easy, limits, sizeof(limits) / sizeof(limits[0]));
}

static CURLcode set_authorities(CURL *easy, const char *ca_file)
{
	const struct pointer_option authorities[] = {
		{CURLOPT_CAINFO, ca_file},
		{CURLOPT_CAPATH, NULL}, /* the system's would be believed as well */
		{CURLOPT_PROXY_CAINFO, ca_file},
		{CURLOPT_PROXY_CAPATH, NULL},
	};

	if (*ca_file == '\0')
		return CURLE_OK;
	return set_pointers(easy, authorities, sizeof(authorities) / sizeof(authorities[0]));
}

/* libcurl copies all of these but the body. */
static CURLcode set_content(CURL *easy, const struct http_post *post)
{
	const struct pointer_option content[] = {
		{CURLOPT_URL, post->url},
		{CURLOPT_PROXY, post->proxy}, /* "": none, whatever the environment says */
		{CURLOPT_NOPROXY, ""},
		{CURLOPT_USERAGENT, post->user_agent},
		{CURLOPT_POSTFIELDS, post->body->data},
	};
	CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)post->body->length);

	if (code == CURLE_OK)
		code = set_pointers(easy, content, sizeof(content) / sizeof(content[0]));
	return code;
}

int http_options_set(void *easy, const struct http_post *post)
{
	CURLcode code = set_policy(easy);

	if (code == CURLE_OK)
		code = set_protocols(easy, post->allow_http);
	if (code == CURLE_OK)
		code = set_limits(easy, post);
	if (code == CURLE_OK)
		code = set_authorities(easy, post->ca_file);
	if (code == CURLE_OK)
		code = set_content(easy, post);
	if (code == CURLE_OK)
		return 0;
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EOPNOTSUPP;
}
