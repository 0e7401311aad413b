/* SPDX-License-Identifier: MIT */
/*
 * The page at "/": page.html, compiled in. It has one style and one script in it; the
 * Content-Security-Policy lets just these two run, by their digests.
 */
#ifndef HTTPD_PAGE_H
#define HTTPD_PAGE_H

#include "httpd/shared_text.h"

enum { PAGE_POLICY_BYTES = 320 };

struct page {
	struct shared_text *html;
	char policy[PAGE_POLICY_BYTES];
};

/* 0 or -ENOMEM. */
int page_init(struct page *page);
void page_fini(struct page *page);

#endif
