/* SPDX-License-Identifier: MIT */
#include "source/oauth_request.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"

enum { PART_BYTES_MAX = 256 * 1024 };

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

/* RFC 6749 appendix B. Encoding more than needed is always right, so only what every version of the
 * form encoding leaves alone is left alone. */
static int add_encoded(struct secret *to, const char *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	int r = 0;

	for (size_t i = 0; i < length && r == 0; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};

		if (is_unreserved(bytes[i]))
			r = secret_append(to, &bytes[i], 1);
		else if (bytes[i] == ' ')
			r = secret_append(to, "+", 1);
		else
			r = secret_append(to, escape, sizeof(escape));
		explicit_bzero(escape, sizeof(escape));
	}
	return r;
}

/* RFC 6749 3.1 and 3.2: a parameter without a value is as good as none, so an empty one is left
 * out. */
static int add_parameter(struct secret *body, const char *name, const char *value, size_t length)
{
	int r;

	if (length == 0)
		return 0;
	if (body->length > 0) {
		r = secret_append(body, "&", 1);
		if (r < 0)
			return r;
	}
	r = add_encoded(body, name, strlen(name));
	if (r < 0)
		return r;
	r = secret_append(body, "=", 1);
	return r < 0 ? r : add_encoded(body, value, length);
}

static int add_text(struct secret *body, const char *name, const char *value)
{
	return add_parameter(body, name, value, strlen(value));
}

static int add_base64(struct secret *to, const struct secret *bytes)
{
	size_t length = (bytes->length + 2) / 3 * 4;
	int r = secret_reserve(to, length);

	if (r < 0)
		return r;
	/* Writes its NUL behind the length, where a secret has room for one. */
	(void)EVP_EncodeBlock((unsigned char *)to->data + to->length,
			      (const unsigned char *)bytes->data, (int)bytes->length);
	to->length += length;
	return 0;
}

typedef int add_function(struct secret *to, const char *bytes, size_t length);

static int add_raw(struct secret *to, const char *bytes, size_t length)
{
	return secret_append(to, bytes, length);
}

/* base64 of "id:secret", each part passed through add. */
static int make_credentials(struct secret **ret, const struct config_token *config,
			    const struct secret *client_secret, add_function *add)
{
	CLEANUP(secret_free) struct secret *pair = NULL;
	CLEANUP(secret_free) struct secret *encoded = NULL;
	int r;

	r = secret_new(&pair, 0, PART_BYTES_MAX);
	if (r == 0)
		r = secret_new(&encoded, 0, PART_BYTES_MAX);
	if (r == 0)
		r = add(pair, config->client_id, strlen(config->client_id));
	if (r == 0)
		r = secret_append(pair, ":", 1);
	if (r == 0)
		r = add(pair, client_secret->data, client_secret->length);
	if (r == 0)
		r = add_base64(encoded, pair);
	if (r < 0)
		return r;
	*ret = encoded;
	encoded = NULL;
	return 0;
}

static int make_authorization(struct oauth_request *request, const struct secret *credentials)
{
	int r = secret_new(&request->authorization, 0, PART_BYTES_MAX);

	if (r == 0)
		r = secret_append_string(request->authorization, "Authorization: Basic ");
	if (r == 0)
		r = secret_append(request->authorization, credentials->data, credentials->length);
	return r;
}

/* RFC 6749 2.3: one way of authentication per request. */
static int add_authentication(struct oauth_request *request, const struct config_token *config,
			      const struct secret *client_secret)
{
	int r;

	switch (config->client_auth) {
	case CONFIG_CLIENT_AUTH_POST:
		r = add_text(request->body, "client_id", config->client_id);
		if (r < 0)
			return r;
		return add_parameter(request->body, "client_secret", client_secret->data,
				     client_secret->length);
	case CONFIG_CLIENT_AUTH_BASIC:
		return make_authorization(request, request->credentials_encoded);
	case CONFIG_CLIENT_AUTH_BASIC_RAW:
		return make_authorization(request, request->credentials_raw);
	}
	return -EINVAL;
}

static int start(struct oauth_request *request, const struct config_token *config,
		 const struct secret *client_secret)
{
	int r = secret_new(&request->body, 0, PART_BYTES_MAX);

	if (r == 0)
		r = make_credentials(&request->credentials_raw, config, client_secret, add_raw);
	if (r == 0)
		r = make_credentials(&request->credentials_encoded, config, client_secret,
				     add_encoded);
	return r;
}

static int add_grant(struct secret *body, const struct config_token *config)
{
	int r = add_text(body, "grant_type", "client_credentials");

	if (r == 0)
		r = add_text(body, "scope", config->scope);
	if (r == 0)
		r = add_text(body, "audience", config->audience);
	for (size_t i = 0; i < config->resources.count && r == 0; i++)
		r = add_text(body, "resource", config->resources.items[i]);
	for (size_t i = 0; i < config->parameter_count && r == 0; i++)
		r = add_text(body, config->parameters[i].name, config->parameters[i].value);
	return r;
}

int oauth_request_for_token(struct oauth_request *ret, const struct config_token *config,
			    const struct secret *client_secret)
{
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	int r;

	r = start(&request, config, client_secret);
	if (r == 0)
		r = add_grant(request.body, config);
	if (r == 0)
		r = add_authentication(&request, config, client_secret);
	if (r < 0)
		return r;
	*ret = request;
	request = (struct oauth_request){0};
	return 0;
}

int oauth_request_for_revocation(struct oauth_request *ret, const struct config_token *config,
				 const struct secret *client_secret, const struct secret *token)
{
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	int r;

	r = start(&request, config, client_secret);
	if (r == 0)
		r = add_parameter(request.body, "token", token->data, token->length);
	if (r == 0)
		r = add_text(request.body, "token_type_hint", "access_token");
	if (r == 0)
		r = add_authentication(&request, config, client_secret);
	if (r < 0)
		return r;
	*ret = request;
	request = (struct oauth_request){0};
	return 0;
}

void oauth_request_fini(struct oauth_request *request)
{
	secret_free(request->body);
	secret_free(request->authorization);
	secret_free(request->credentials_raw);
	secret_free(request->credentials_encoded);
	*request = (struct oauth_request){0};
}
