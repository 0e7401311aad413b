/* SPDX-License-Identifier: MIT */
#include "httpd/page.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

/* The assembler puts the file's bytes into read-only data: no copy of the page in C. */
__asm__(".section .rodata\n"
	".balign 16\n"
	".global httpd_page_start\n"
	"httpd_page_start:\n"
	".incbin \"httpd/page.html\"\n"
	".set page_bytes, . - httpd_page_start\n"
	".byte 0\n"
	".balign 8\n"
	".global httpd_page_bytes\n"
	"httpd_page_bytes:\n"
	".quad page_bytes\n"
	".previous\n");
extern const char httpd_page_start[];
extern const uint64_t httpd_page_bytes;

/* What stands between a tag and its end, which the page has exactly once. */
static void digest_of(const char *open, const char *close, char ret[static DIGEST_BASE64_BYTES])
{
	const char *start = strstr(httpd_page_start, open);
	const char *end;

	assert(start != NULL);
	start += strlen(open);
	end = strstr(start, close);
	assert(end != NULL);
	digest_sha256_base64(start, (size_t)(end - start), ret);
}

int page_init(struct page *page)
{
	char script[DIGEST_BASE64_BYTES];
	char style[DIGEST_BASE64_BYTES];

	page->html = shared_text_new(httpd_page_start, (size_t)httpd_page_bytes);
	if (page->html == NULL)
		return -ENOMEM;
	digest_of("<script>", "</script>", script);
	digest_of("<style>", "</style>", style);
	(void)snprintf(page->policy, sizeof(page->policy),
		       "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; "
		       "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
		       "frame-ancestors 'none'",
		       script, style);
	return 0;
}

void page_fini(struct page *page)
{
	shared_text_release(page->html);
	page->html = NULL;
}
