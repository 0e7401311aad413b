/* SPDX-License-Identifier: MIT */
/*
 * What a token server answers, good or an error: a byte for the status, a line for the provider,
 * header lines up to an empty one, the body. No secret stays in what is kept of it.
 */
#include "base/clock.h"
#include "base/secret.h"
#include "fuzz.h"
#include "source/oauth_response.h"
#include "tokenbroker.h"

static const long statuses[] = {200, 200, 200, 201, 204, 301, 302, 400, 400, 401,
				403, 404, 405, 408, 413, 429, 500, 502, 503, 599};
static const char secret[] = "s3cr3t/of+the=client";

static void must_hide(const char *text)
{
	FUZZ_MUST(strstr(text, secret) == NULL);
	for (; *text != '\0'; text++)
		FUZZ_MUST((unsigned char)*text >= ' ');
}

static void check(const struct source_outcome *outcome, bool is_fetch)
{
	must_hide(outcome->message.text);
	must_hide(outcome->warning.text);
	FUZZ_MUST(outcome->hint != NULL);
	FUZZ_MUST(outcome->retry_after_ms >= 0 && outcome->retry_after_ms <= 3600000);
	FUZZ_MUST((outcome->token != NULL) == (is_fetch && outcome->reason == TOKEN_OK));
	if (outcome->token == NULL)
		return;
	FUZZ_MUST(outcome->token->length > 0 && outcome->token->length <= TOKENBROKER_TOKEN_MAX);
	for (size_t i = 0; i < outcome->token->length; i++)
		FUZZ_MUST(outcome->token->data[i] > ' ' && outcome->token->data[i] < 0x7f);
	FUZZ_MUST(!outcome->has_lifetime || outcome->lifetime_ms >= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct http_answer answer = {
		.status = statuses[fuzz_byte(&input) % (sizeof(statuses) / sizeof(statuses[0]))]};
	CLEANUP(free_memory) char *provider = fuzz_line(&input);
	struct redaction redaction = {0};
	const struct oauth_response_context context = {.provider = provider,
						       .redaction = &redaction,
						       .now_realtime_ns = 1800000000 * NS_PER_S};
	struct source_outcome outcome = {0};
	bool has_headers = true;

	redaction_add(&redaction, secret, strlen(secret));
	while (has_headers && input.size > 0) {
		CLEANUP(free_memory) char *line = fuzz_line(&input);

		has_headers =
			line[0] != '\0' && http_answer_add_header(&answer, line, strlen(line));
	}
	if (input.size > 0)
		(void)http_answer_add_body(&answer, (const char *)input.data, input.size);
	oauth_response_to_fetch(&answer, &context, &outcome);
	check(&outcome, true);
	secret_free(outcome.token);
	outcome = (struct source_outcome){0};
	oauth_response_to_revocation(&answer, &context, &outcome);
	check(&outcome, false);
	http_answer_fini(&answer);
	return 0;
}
