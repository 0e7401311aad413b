/* SPDX-License-Identifier: MIT */
/* The text of a configuration file: config_load(), with every rule and cross-check. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(close_fd) int fd = memfd_create("tokenbroker.conf", MFD_CLOEXEC);
	struct config_errors errors = {0};
	struct config *config = NULL;
	char path[64];
	int r;

	FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(&config, path, &errors);
	FUZZ_MUST((r == 0) == (config != NULL));
	FUZZ_MUST((r == 0) == (errors.count == 0));
	for (size_t i = 0; i < errors.count; i++)
		FUZZ_MUST(errors.items[i].text[0] != '\0');
	for (size_t i = 0; r == 0 && i < config->token_count; i++) {
		const struct config_token *token = &config->tokens[i];

		FUZZ_MUST(token->name[0] != '\0' && token->client_id[0] != '\0');
		FUZZ_MUST(strncmp(token->token_url, "https://", 8) == 0 || token->allow_http);
		FUZZ_MUST(token->connect_timeout_s <= token->request_timeout_s);
		FUZZ_MUST(token->retry_min_s <= token->retry_max_s);
	}
	config_free(config);
	config_errors_free(&errors);
	return 0;
}
