/* SPDX-License-Identifier: MIT */
/* status.json, as the command line and tokenbroker-httpd read it; then what is made of it. */
#include "base/status_view.h"
#include "fuzz.h"
#include "httpd/metrics.h"
#include "httpd/readiness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error_text error = {.text = ""};
	struct status_view *view = NULL;
	int r = status_view_parse((const char *)data, size, &view, &error);

	FUZZ_MUST((r == 0) == (view != NULL));
	FUZZ_MUST(r == 0 || error.text[0] != '\0');
	for (size_t i = 0; r == 0 && i < view->token_count; i++) {
		const struct status_view_token *token = &view->tokens[i];

		FUZZ_MUST(status_view_find(view, token->name) == token);
		(void)status_view_is_usable_at(token, 1800000000);
	}
	status_view_free(view);
	return 0;
}
