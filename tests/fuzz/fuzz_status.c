/* SPDX-License-Identifier: MIT */
/*
 * status.json, as the command line and tokenbroker-httpd read it; then all texts that are made of
 * it: metrics, readiness, what is served of the document, table and screen of the command line.
 */
#include "base/status_view.h"
#include "cli/status_screen.h"
#include "cli/status_table.h"
#include "fuzz.h"
#include "httpd/document.h"
#include "httpd/metrics.h"
#include "httpd/readiness.h"

enum { NOW_S = 1800000000, WIDTH = 60, HEIGHT = 20 };

static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 0;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Nothing that a terminal would obey. */
static void must_be_printable(const char *text)
{
	for (; *text != '\0'; text++)
		FUZZ_MUST((unsigned char)*text >= ' ' || *text == '\n');
}

/* {name="value",...}; in a value a backslash stands before another, a quote or n. */
static const char *after_labels(const char *at)
{
	do {
		at++;
		FUZZ_MUST(strspn(at, "abcdefghijklmnopqrstuvwxyz_") > 0);
		at += strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		FUZZ_MUST(at[0] == '=' && at[1] == '"');
		for (at += 2; *at != '"'; at++) {
			FUZZ_MUST(*at != '\0' && *at != '\n');
			if (*at == '\\')
				FUZZ_MUST(*++at != '\0' && strchr("\\\"n", *at) != NULL);
		}
		at++;
	} while (*at == ',');
	FUZZ_MUST(*at == '}');
	return at + 1;
}

/* The text format of Prometheus: a comment, or a name, labels, a number. */
static const char *after_metric_line(const char *line)
{
	char *end = NULL;

	if (line[0] == '#') {
		FUZZ_MUST(strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0);
		return strchr(line, '\n') + 1;
	}
	FUZZ_MUST(strncmp(line, "tokenbroker_", 12) == 0);
	line += strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	if (*line == '{')
		line = after_labels(line);
	FUZZ_MUST(line[0] == ' ' && line[1] > ' ');
	(void)strtod(line + 1, &end);
	FUZZ_MUST(end > line + 1 && *end == '\n');
	return end + 1;
}

static void check_metrics(const struct status_view *view)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t length = 0;

	FUZZ_MUST(metrics_render(view, true, NOW_S, &text, &length) == 0);
	FUZZ_MUST(length == strlen(text) && length > 0 && text[length - 1] == '\n');
	for (const char *line = text; *line != '\0';)
		line = after_metric_line(line);
}

static void check_readiness(const struct status_view *view)
{
	const struct readiness_question question = {.view = view, .is_up = true, .now_s = NOW_S};
	CLEANUP(free_memory) char *text = NULL;
	struct error_text why = {.text = ""};
	size_t length = 0;
	bool is_ready = true;

	for (size_t i = 0; i < view->token_count; i++)
		is_ready &= status_view_is_usable_at(&view->tokens[i], NOW_S);
	FUZZ_MUST((readiness_judge(&question) == READINESS_READY) == is_ready);
	readiness_explain(&question, &why);
	FUZZ_MUST((why.text[0] == '\0') == is_ready);
	must_be_printable(why.text);
	FUZZ_MUST(readiness_list(&question, &text, &length) == 0);
	FUZZ_MUST(count_lines(text, length) == 1 + view->token_count);
	must_be_printable(text);
}

/* What is served is the same document, told the same way. */
static void check_document(const char *text, size_t size, const struct status_view *view)
{
	CLEANUP(document_free) struct document *document = NULL;
	CLEANUP(status_view_free) struct status_view *served = NULL;
	struct error_text error = {.text = ""};

	FUZZ_MUST(document_new(&document, text, size, view, NOW_S) == 0);
	FUZZ_MUST(document->token_count == view->token_count);
	FUZZ_MUST(status_view_parse(document->whole->data, document->whole->length, &served,
				    &error) == 0);
	FUZZ_MUST(served->token_count == view->token_count);
	for (size_t i = 0; i < view->token_count; i++) {
		FUZZ_MUST(strcmp(served->tokens[i].name, view->tokens[i].name) == 0);
		FUZZ_MUST(served->tokens[i].state == status_view_state_at(&view->tokens[i], NOW_S));
	}
	FUZZ_MUST(strncmp(document->event->data, "event: status\ndata: ", 20) == 0);
	FUZZ_MUST(count_lines(document->event->data, document->event->length) == 3);
}

static void check_screen(const struct status_view *view, bool has_utf8)
{
	const struct status_screen screen = {
		.view = view,
		.now_ns = NOW_S * INT64_C(1000000000),
		.width = WIDTH,
		.height = HEIGHT,
		.has_utf8 = has_utf8,
	};
	CLEANUP(free_memory) char *text = NULL;

	FUZZ_MUST(status_screen_render(&screen, &text) == 0);
	must_be_printable(text);
	FUZZ_MUST(count_lines(text, strlen(text)) <= HEIGHT);
	if (has_utf8)
		return;
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		FUZZ_MUST(strcspn(line, "\n") <= WIDTH);
}

static void check_table(const struct status_view *view)
{
	CLEANUP(free_memory) char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	FUZZ_MUST(stream != NULL);
	status_table_print(stream, view, NOW_S, false);
	FUZZ_MUST(fclose(stream) == 0);
	must_be_printable(text);
	FUZZ_MUST(count_lines(text, length) >= view->token_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	struct error_text error = {.text = ""};
	int r = status_view_parse((const char *)data, size, &view, &error);

	FUZZ_MUST((r == 0) == (view != NULL));
	FUZZ_MUST(r == 0 || error.text[0] != '\0');
	if (r < 0)
		return 0;
	for (size_t i = 0; i < view->token_count; i++)
		FUZZ_MUST(status_view_find(view, view->tokens[i].name) == &view->tokens[i]);
	check_metrics(view);
	check_readiness(view);
	check_document((const char *)data, size, view);
	check_screen(view, true);
	check_screen(view, false);
	check_table(view);
	return 0;
}
