/* SPDX-License-Identifier: MIT */
/*
 * Encoding as a form and for Basic: a byte for the way, then client id, secret, scope, audience, a
 * resource and a parameter, a line each. Whatever they hold, the body is one line of a form's
 * characters, and a decoder of our own finds in it, and in the header, what was given.
 */
#include <openssl/evp.h>

#include "base/config.h"
#include "fuzz.h"
#include "source/oauth_request.h"

static const char form[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*+%=&";

static unsigned hex_value(char c)
{
	const char *digits = "0123456789ABCDEF";
	const char *found = strchr(digits, c);

	FUZZ_MUST(c != '\0' && found != NULL);
	return (unsigned)(found - digits);
}

/* Takes what the wanted text must be in a form off the front. */
static const char *after_decoded(const char *at, const char *wanted)
{
	for (; *wanted != '\0'; wanted++) {
		char c = *at++;

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			unsigned high = hex_value(at[0]);

			c = (char)(high * 16 + hex_value(at[1]));
			at += 2;
		}
		FUZZ_MUST(c == *wanted);
	}
	return at;
}

/* One field, unless it is empty; at points behind the one before. */
static const char *after_field(const char *at, const char *body, const char *name,
			       const char *value)
{
	if (value[0] == '\0')
		return at;
	if (at != body)
		FUZZ_MUST(*at++ == '&');
	at = after_decoded(at, name);
	FUZZ_MUST(*at++ == '=');
	return after_decoded(at, value);
}

static void check_body(const struct secret *body, const struct config_token *config,
		       const char *secret)
{
	const char *text = (const char *)body->data;
	const char *at = text;

	FUZZ_MUST(strspn(text, form) == body->length);
	at = after_field(at, text, "grant_type", "client_credentials");
	at = after_field(at, text, "scope", config->scope);
	at = after_field(at, text, "audience", config->audience);
	at = after_field(at, text, "resource", config->resources.items[0]);
	at = after_field(at, text, config->parameters[0].name, config->parameters[0].value);
	if (config->client_auth == CONFIG_CLIENT_AUTH_POST) {
		at = after_field(at, text, "client_id", config->client_id);
		at = after_field(at, text, "client_secret", secret);
	}
	FUZZ_MUST(at == text + body->length);
}

/* RFC 6749 2.3.1: id and secret are encoded as a form each; basic-raw leaves that out. */
static void check_header(const char *header, const struct config_token *config, const char *secret)
{
	const char *base64 = header + strlen("Authorization: Basic ");
	size_t length = strlen(base64);
	CLEANUP(free_memory) char *pair = malloc(length + 1);
	const char *at = pair;
	int decoded;

	FUZZ_MUST(strncmp(header, "Authorization: Basic ", 21) == 0 && pair != NULL);
	decoded =
		EVP_DecodeBlock((unsigned char *)pair, (const unsigned char *)base64, (int)length);
	FUZZ_MUST(decoded >= 0);
	decoded -= (base64[length - 1] == '=') + (base64[length - 2] == '=');
	pair[decoded] = '\0';
	if (config->client_auth == CONFIG_CLIENT_AUTH_BASIC) {
		at = after_decoded(at, config->client_id);
		FUZZ_MUST(*at++ == ':');
		at = after_decoded(at, secret);
		FUZZ_MUST(*at == '\0');
		return;
	}
	length = strlen(config->client_id);
	FUZZ_MUST(strncmp(at, config->client_id, length) == 0 && at[length] == ':');
	FUZZ_MUST(strcmp(at + length + 1, secret) == 0);
}

static void check(const struct oauth_request *request, const struct config_token *config,
		  const char *secret)
{
	check_body(request->body, config, secret);
	FUZZ_MUST((request->authorization == NULL) ==
		  (config->client_auth == CONFIG_CLIENT_AUTH_POST));
	if (request->authorization != NULL)
		check_header((const char *)request->authorization->data, config, secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	enum config_client_auth auth = (enum config_client_auth)(fuzz_byte(&input) % 3);
	CLEANUP(free_memory) char *client_id = fuzz_line(&input);
	CLEANUP(free_memory) char *text = fuzz_line(&input);
	CLEANUP(free_memory) char *scope = fuzz_line(&input);
	CLEANUP(free_memory) char *audience = fuzz_line(&input);
	CLEANUP(free_memory) char *resource = fuzz_line(&input);
	CLEANUP(free_memory) char *value = fuzz_line(&input);
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	CLEANUP(secret_free) struct secret *secret = NULL;
	struct config_parameter parameter = {.name = client_id, .value = value};
	struct config_token config = {
		.client_id = client_id,
		.client_auth = auth,
		.scope = scope,
		.audience = audience,
		.resources = {.items = &resource, .count = 1},
		.parameters = &parameter,
		.parameter_count = 1,
	};

	if (client_id[0] == '\0' || resource[0] == '\0')
		return 0; /* the configuration refuses both */
	FUZZ_MUST(secret_new(&secret, strlen(text), strlen(text)) == 0);
	FUZZ_MUST(secret_append_string(secret, text) == 0);
	if (oauth_request_for_token(&request, &config, secret) == 0)
		check(&request, &config, text);
	return 0;
}
