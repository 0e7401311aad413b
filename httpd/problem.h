/* SPDX-License-Identifier: MIT */
/*
 * Errors as RFC 9457 has them: application/problem+json with title, status and detail. The type is
 * about:blank, so the title is the status's own (RFC 9457 4.2.1).
 */
#ifndef HTTPD_PROBLEM_H
#define HTTPD_PROBLEM_H

#include "httpd/request.h"

#define PROBLEM_TYPE "application/problem+json"

/* Makes ret an error. detail, what to do about it, may hold anything printable. Without memory the
 * body stays empty. */
void problem_set(struct answer *ret, unsigned status, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
/* "Not Found"; "" for a number that is none of ours. */
const char *problem_title(unsigned status);

#endif
