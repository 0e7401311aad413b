/* SPDX-License-Identifier: MIT */
#include "httpd/readiness.h"

#include <stdio.h>

#include "base/duration.h"
#include "base/memory_stream.h"
#include "base/text.h"

/* Named in a sentence; who wants all asks for the list. */
enum { NAMES_MAX = 5 };

/* NULL: no such token, or every one is asked about. */
static const struct status_view_token *token_of(const struct readiness_question *question)
{
	return question->name == NULL ? NULL : status_view_find(question->view, question->name);
}

static size_t count_unusable(const struct readiness_question *question)
{
	size_t count = 0;

	for (size_t i = 0; i < question->view->token_count; i++)
		count += !status_view_is_usable_at(&question->view->tokens[i], question->now_s);
	return count;
}

static bool is_usable(const struct readiness_question *question)
{
	if (question->name == NULL)
		return count_unusable(question) == 0;
	return status_view_is_usable_at(token_of(question), question->now_s);
}

enum readiness readiness_judge(const struct readiness_question *question)
{
	if (question->view == NULL)
		return READINESS_NO_STATUS;
	if (question->name != NULL && token_of(question) == NULL)
		return READINESS_UNKNOWN_TOKEN;
	if (!question->is_up)
		return READINESS_NO_HEARTBEAT;
	return is_usable(question) ? READINESS_READY : READINESS_NOT_USABLE;
}

static const char *state_of(const struct readiness_question *question,
			    const struct status_view_token *token)
{
	return status_view_state_name(status_view_state_at(token, question->now_s));
}

/* "2 of 7 tokens are not usable: crm is expired, etl is suspended" */
static void add_unusable(struct text *text, const struct readiness_question *question)
{
	size_t count = count_unusable(question);
	size_t named = 0;

	text_addf(text, "%zu of %zu tokens %s not usable: ", count, question->view->token_count,
		  count == 1 ? "is" : "are");
	for (size_t i = 0; i < question->view->token_count && named < NAMES_MAX; i++) {
		const struct status_view_token *token = &question->view->tokens[i];

		if (status_view_is_usable_at(token, question->now_s))
			continue;
		text_addf(text, "%s%s is %s", named == 0 ? "" : ", ", token->name,
			  state_of(question, token));
		named++;
	}
	if (count > named)
		text_addf(text, " and %zu more", count - named);
}

void readiness_explain(const struct readiness_question *question, struct error_text *ret)
{
	enum readiness readiness = readiness_judge(question);
	struct text text;

	if (readiness == READINESS_READY)
		return;
	text_init(&text, ret->text, sizeof(ret->text));
	switch (readiness) {
	case READINESS_READY:
		break;
	case READINESS_UNKNOWN_TOKEN:
		text_add(&text, "no token of that name");
		break;
	case READINESS_NO_STATUS:
		text_add(&text, "the broker's status cannot be read");
		break;
	case READINESS_NO_HEARTBEAT:
		text_add(&text, "the broker gives no sign of life: is tokenbrokerd running?");
		break;
	case READINESS_NOT_USABLE:
		if (question->name == NULL)
			add_unusable(&text, question);
		else
			text_addf(&text, "%s is %s", question->name,
				  state_of(question, token_of(question)));
		break;
	}
}

static void put_token(FILE *stream, const struct readiness_question *question,
		      const struct status_view_token *token)
{
	bool is_failing = status_view_current_error(token, question->now_s) != NULL;
	char left[DURATION_BYTES];

	if (!status_view_is_usable_at(token, question->now_s))
		(void)fprintf(stream, "%s: %s", token->name, state_of(question, token));
	else if (token->expires_at_s == 0)
		(void)fprintf(stream, "%s: ok", token->name);
	else
		(void)fprintf(stream, "%s: ok, %s left", token->name,
			      duration_text(token->expires_at_s - question->now_s, left));
	(void)fputs(is_failing ? ", failing\n" : "\n", stream);
}

static void put_all(FILE *stream, const struct readiness_question *question)
{
	const struct status_view *view = question->view;

	if (view == NULL) {
		(void)fputs("broker: status cannot be read\n", stream);
		return;
	}
	(void)fprintf(stream, "broker: %s\n", question->is_up ? "ok" : "no sign of life");
	for (size_t i = 0; i < view->token_count; i++)
		if (question->name == NULL || &view->tokens[i] == token_of(question))
			put_token(stream, question, &view->tokens[i]);
}

int readiness_list(const struct readiness_question *question, char **ret_text, size_t *ret_length)
{
	struct memory_stream stream;
	int r = memory_stream_open(&stream);

	if (r < 0)
		return r;
	put_all(stream.file, question);
	return memory_stream_take(&stream, ret_text, ret_length);
}
