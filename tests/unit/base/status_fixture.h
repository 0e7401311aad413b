/* SPDX-License-Identifier: MIT */
/* Status documents for tests: parsed, or refused with a sentence. */
#ifndef TESTS_UNIT_BASE_STATUS_FIXTURE_H
#define TESTS_UNIT_BASE_STATUS_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status_view.h"
#include "harness.h"

/* What the broker's own tests hold it to: it says everything that a broker can say. */
#define STATUS_GOLDEN "tests/unit/status/golden_status.json"

/* To be freed. */
static inline char *status_read_golden(void)
{
	CLEANUP(close_file) FILE *file = fopen(STATUS_GOLDEN, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL || getdelim(&text, &size, '\0', file) <= 0)
		abort();
	return text;
}

static inline int status_parse(const char *text, struct status_view **ret, struct error_text *error)
{
	return status_view_parse(text, strlen(text), ret, error);
}

/* The sentence about a document that must be refused. */
static inline const char *status_refusal(const char *text, struct error_text *error)
{
	struct status_view *view = NULL;

	error->text[0] = '\0';
	CU_ASSERT_EQUAL(status_parse(text, &view, error), -EBADMSG);
	CU_ASSERT_PTR_NULL(view);
	status_view_free(view);
	return error->text;
}

#endif
