/* SPDX-License-Identifier: MIT */
/*
 * A GET with libcurl and the current token: curl URL. The body goes to stdout. On 401 the broker is
 * told, and the request is made once more with the next token. Exit 0 if the status is 2xx, 1 if
 * not, 2: usage.
 *
 * The token goes to libcurl as CURLOPT_XOAUTH2_BEARER: it stands in no argument list, and libcurl
 * does not send it to another host after a redirect.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <tokenbroker.h>

#define MIN_REMAINING_MS 15000 /* as long as a request may take */
#define REQUEST_S        15L
#define WAIT_MS          30000 /* for the first token, and for a newer one after a 401 */

/* Called by libcurl with a piece of the body. That of a 401 is dropped. */
static size_t on_body(char *data, size_t size, size_t count, void *curl)
{
	long status = 0;

	curl_easy_getinfo((CURL *)curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 401 ? size * count : fwrite(data, size, count, stdout) * size;
}

static int set_options(CURL *curl, const char *url)
{
	if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT, REQUEST_S) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, curl) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/* The HTTP status or -EIO. */
static int request(CURL *curl)
{
	CURLcode code = curl_easy_perform(curl);
	long status = 0;

	if (code != CURLE_OK) {
		fprintf(stderr, "curl: %s\n", curl_easy_strerror(code));
		return -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static int request_with_token(struct tokenbroker *tb, CURL *curl, uint64_t *ret_generation)
{
	char token[TOKENBROKER_TOKEN_MAX + 1];
	struct tokenbroker_info info;
	CURLcode code;
	int r = tokenbroker_get(tb, MIN_REMAINING_MS, token, sizeof(token), &info);

	if (r < 0)
		return r;
	code = curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
	explicit_bzero(token, sizeof(token)); /* libcurl has a copy of its own now */
	if (code != CURLE_OK)
		return -ENOMEM;
	*ret_generation = info.generation;
	return request(curl);
}

/* Returns the HTTP status or a negative errno. */
static int get_url(struct tokenbroker *tb, CURL *curl)
{
	uint64_t generation;
	int status = request_with_token(tb, curl, &generation);
	int r;

	if (status != 401)
		return status;
	r = tokenbroker_reject(tb, generation);
	if (r < 0 && r != -ESTALE) /* -ESTALE: the newer one is already there */
		return r;
	r = tokenbroker_wait(tb, generation, WAIT_MS);
	if (r < 0)
		return r;
	return request_with_token(tb, curl, &generation);
}

static int run(const char *url)
{
	struct tokenbroker *tb = NULL;
	CURL *curl = curl_easy_init();
	int r = curl == NULL ? -ENOMEM : set_options(curl, url);

	if (r == 0)
		r = tokenbroker_open(&tb, NULL);
	if (r == 0)
		r = tokenbroker_wait(tb, 0, WAIT_MS); /* the broker may have started just now */
	if (r == 0)
		r = get_url(tb, curl);
	tokenbroker_close(tb);
	curl_easy_cleanup(curl);
	return r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: curl URL\n");
		return 2;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 1;
	r = run(argv[1]);
	curl_global_cleanup();
	if (r < 0) {
		fprintf(stderr, "curl: %s\n", tokenbroker_strerror(r));
		return 1;
	}
	if (r < 200 || r >= 300) {
		fprintf(stderr, "curl: HTTP status %d\n", r);
		return 1;
	}
	return 0;
}
