/* SPDX-License-Identifier: MIT */
/* What an answer of the broker is in HTTP (design: 202, 403, 404, 409, 429, 503, 400). */
#include "httpd/command.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "httpd/problem.h"
#include "tokenbroker_segment.h"

#define WARNING                                                                                    \
	"{\"warning\":\"accepted, but not saved: it will not survive a restart of the broker\","

/* RFC 9110 10.2.3: whole seconds; at least one, so that nobody asks at once again. */
static unsigned retry_after_s(uint64_t ms)
{
	uint64_t seconds = ms / MS_PER_S + (ms % MS_PER_S != 0);

	return seconds < 1 ? 1 : seconds > 86400 ? 86400 : (unsigned)seconds;
}

/* The token's object, with the warning as its first member. */
static struct shared_text *with_warning(const struct shared_text *object)
{
	CLEANUP(free_memory) char *data = malloc(sizeof(WARNING) + object->length);

	if (data == NULL || object->length < 2 || object->data[0] != '{')
		return NULL;
	memcpy(data, WARNING, sizeof(WARNING) - 1);
	memcpy(data + sizeof(WARNING) - 1, object->data + 1, object->length - 1);
	return shared_text_new(data, sizeof(WARNING) - 1 + object->length - 1);
}

static void accept(const char *name, const struct shared_text *accepted, bool is_durable,
		   struct answer *ret)
{
	CLEANUP(shared_text) struct shared_text *object = NULL;
	char minimal[TOKEN_NAME_MAX + 32];

	if (accepted == NULL) {
		int length = snprintf(minimal, sizeof(minimal), "{\"name\":\"%s\"}\n", name);

		object = shared_text_new(minimal, (size_t)length);
		accepted = object;
	}
	if (accepted == NULL) {
		problem_set(ret, 500, "no memory; the command was accepted");
		return;
	}
	ret->status = 202;
	ret->content_type = "application/json";
	ret->body = is_durable ? shared_text_new(accepted->data, accepted->length)
			       : with_warning(accepted);
}

bool command_is_shown(const struct tokenbroker_control_answer *answer,
		      const struct status_view *view, const char *name)
{
	const struct status_view_token *token = view == NULL ? NULL : status_view_find(view, name);

	if (token == NULL || (answer->result != TOKENBROKER_CONTROL_ACCEPTED &&
			      answer->result != TOKENBROKER_CONTROL_NOT_DURABLE))
		return true;
	switch ((enum tokenbroker_segment_state)answer->state) {
	case TOKENBROKER_SEGMENT_NONE:
		return token->state == STATUS_VIEW_PENDING;
	case TOKENBROKER_SEGMENT_VALID:
		return token->state == STATUS_VIEW_VALID;
	case TOKENBROKER_SEGMENT_EXPIRED:
		return token->state == STATUS_VIEW_EXPIRED;
	case TOKENBROKER_SEGMENT_SUSPENDED:
		return token->state == STATUS_VIEW_SUSPENDED;
	}
	return true; /* of a later broker */
}

static void conflict(const char *name, const struct tokenbroker_control_answer *answer,
		     struct answer *ret)
{
	if (answer->state == TOKENBROKER_SEGMENT_SUSPENDED)
		problem_set(ret, 409, "token %s is suspended: resume it first", name);
	else if ((answer->flags & TOKENBROKER_CONTROL_NO_REVOKE_URL) != 0)
		problem_set(ret, 409, "the provider of token %s has no revocation address", name);
	else
		problem_set(ret, 409, "token %s has no current token to revoke", name);
}

static void answer_of(const char *name, const struct tokenbroker_control_answer *answer,
		      const struct shared_text *accepted, struct answer *ret)
{
	switch ((enum tokenbroker_control_result)answer->result) {
	case TOKENBROKER_CONTROL_ACCEPTED:
		accept(name, accepted, true, ret);
		return;
	case TOKENBROKER_CONTROL_NOT_DURABLE:
		accept(name, accepted, false, ret);
		return;
	case TOKENBROKER_CONTROL_TOO_SOON:
		ret->retry_after_s = retry_after_s(answer->retry_after_ms);
		problem_set(ret, 429,
			    "the last request for token %s is too recent: try again in %u s", name,
			    ret->retry_after_s);
		return;
	case TOKENBROKER_CONTROL_STALE:
	case TOKENBROKER_CONTROL_CONFLICT:
		conflict(name, answer, ret);
		return;
	case TOKENBROKER_CONTROL_DENIED:
		problem_set(ret, 403,
			    "you are none of the administrators that tokenbroker.conf names "
			    "(admins), or this server does not run as http.user");
		return;
	case TOKENBROKER_CONTROL_UNKNOWN:
		problem_set(ret, 404, "there is no token %s", name);
		return;
	case TOKENBROKER_CONTROL_INVALID:
		problem_set(ret, 400, "the broker did not understand the command");
		return;
	case TOKENBROKER_CONTROL_BUSY:
		ret->retry_after_s = retry_after_s(answer->retry_after_ms);
		problem_set(ret, 503, "the broker is busy: try again in %u s", ret->retry_after_s);
		return;
	}
	problem_set(ret, 503, "the broker's answer was not understood: is it another version?");
}

void command_answer(const char *name, int error, const struct tokenbroker_control_answer *answer,
		    const struct shared_text *accepted, struct answer *ret)
{
	if (error == 0) {
		answer_of(name, answer, accepted, ret);
		return;
	}
	ret->retry_after_s = 1;
	if (error == -ECONNREFUSED)
		problem_set(ret, 503, "no broker is running: start tokenbrokerd");
	else if (error == -EAGAIN)
		problem_set(ret, 503, "the broker is busy: try again");
	else if (error == -ETIMEDOUT)
		problem_set(ret, 503,
			    "the broker has not answered in time: look at the status before you "
			    "try again");
	else
		problem_set(ret, 503, "the broker cannot be asked: %s", strerror(-error));
}
