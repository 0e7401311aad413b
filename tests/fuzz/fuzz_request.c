/* SPDX-License-Identifier: MIT */
/*
 * Encoding as a form and for Basic: a byte for the way, then client id, secret, scope, audience, a
 * resource and a parameter, a line each. Whatever they hold, the body is one line of a form's
 * characters with as many fields as were given.
 */
#include "base/config.h"
#include "fuzz.h"
#include "source/oauth_request.h"

static const char form[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*+%=&";

static size_t count(const struct secret *body, char wanted)
{
	size_t found = 0;

	for (size_t i = 0; i < body->length; i++)
		found += (char)body->data[i] == wanted;
	return found;
}

static void check(const struct oauth_request *request, const struct config_token *config,
		  size_t fields)
{
	FUZZ_MUST(request->body->length == strlen((const char *)request->body->data));
	FUZZ_MUST(strspn((const char *)request->body->data, form) == request->body->length);
	FUZZ_MUST(count(request->body, '=') == fields && count(request->body, '&') == fields - 1);
	FUZZ_MUST((request->authorization == NULL) ==
		  (config->client_auth == CONFIG_CLIENT_AUTH_POST));
	if (request->authorization != NULL)
		FUZZ_MUST(strpbrk((const char *)request->authorization->data, "\r\n") == NULL);
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
	/* What is empty is left out. */
	size_t secrets = auth == CONFIG_CLIENT_AUTH_POST ? 1U + (text[0] != '\0') : 0U;
	size_t fields =
		1U + secrets + (scope[0] != '\0') + (audience[0] != '\0') + 1U + (value[0] != '\0');

	if (client_id[0] == '\0' || resource[0] == '\0')
		return 0; /* the configuration refuses both */
	FUZZ_MUST(secret_new(&secret, strlen(text), strlen(text)) == 0);
	FUZZ_MUST(secret_append_string(secret, text) == 0);
	if (oauth_request_for_token(&request, &config, secret) == 0)
		check(&request, &config, fields);
	return 0;
}
