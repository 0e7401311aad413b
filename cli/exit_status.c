/* SPDX-License-Identifier: MIT */
#include "cli/exit_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/token_name.h"
#include "tokenbroker.h"
#include "tokenbroker_segment.h"

/* The text is "SUBJECT 'NAME'REST"; with a suspended token the command that ends that follows. */
static const struct explanation {
	int error;
	int status;
	const char *subject;
	const char *rest;
} explanations[] = {
	{ENOENT, EXIT_STATUS_NO_TOKEN, "no token",
	 " here: is tokenbrokerd running, and is the name right? `tokenbroker status` lists them"},
	{ENOKEY, EXIT_STATUS_NOT_YET, "no token has been fetched yet for",
	 ": `tokenbroker status` shows why"},
	{EKEYEXPIRED, EXIT_STATUS_EXPIRED, "token",
	 " has expired, or has less time left than asked for: `tokenbroker status` shows why"},
	{EKEYREVOKED, EXIT_STATUS_SUSPENDED, "token", " is suspended by an administrator"},
	{EACCES, EXIT_STATUS_DENIED, "you may not read token",
	 ": an administrator can add you to its `readers` in tokenbroker.conf"},
	{EPERM, EXIT_STATUS_FAILURE, "token",
	 " is not to be trusted: its runtime directory, segment or socket does not belong to the "
	 "broker's user, or others may write to it"},
	{EPROTO, EXIT_STATUS_FAILURE, "cannot make sense of what the broker says about token",
	 ": it is damaged, or of another version; install the same version of tokenbroker as the "
	 "broker's"},
	{ECONNRESET, EXIT_STATUS_FAILURE, "the broker gave no answer about token", ": try again"},
	{ECONNREFUSED, EXIT_STATUS_NO_BROKER,
	 "tokenbrokerd is not running, so nobody can act on token",
	 ": start tokenbrokerd again; its log says why it stopped"},
	{ETIMEDOUT, EXIT_STATUS_TIMED_OUT, "timed out waiting for token",
	 ": `tokenbroker status` shows what it waits for"},
	{EINVAL, EXIT_STATUS_USAGE, "TOKENBROKER_TOKEN:", " is not a token name"},
	{EAGAIN, EXIT_STATUS_FAILURE, "the broker is too busy for token",
	 ": try again in a second"},
};

static const struct explanation *find(int error)
{
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++)
		if (explanations[i].error == -error)
			return &explanations[i];
	return NULL;
}

int exit_status_of_error(int error)
{
	const struct explanation *explanation = find(error);

	if (error == 0)
		return EXIT_STATUS_OK;
	return explanation == NULL ? EXIT_STATUS_FAILURE : explanation->status;
}

void exit_status_explain_error(int error, const char *name, struct error_text *ret)
{
	const struct explanation *explanation = find(error);

	/* The library has one error for both: then it is not the name. */
	if (error == -EINVAL && token_name_is_valid(name))
		error_text_set(ret, "TOKENBROKER_RUNTIME_DIR is not an absolute path");
	else if (explanation == NULL)
		error_text_set(ret, "token '%s': %s", name, tokenbroker_strerror(error));
	else if (error == -EKEYREVOKED)
		error_text_set(ret, "%s '%s'%s: `tokenbroker resume %s` brings it back",
			       explanation->subject, name, explanation->rest, name);
	else
		error_text_set(ret, "%s '%s'%s", explanation->subject, name, explanation->rest);
}

int exit_status_of_result(unsigned result)
{
	switch ((enum tokenbroker_control_result)result) {
	case TOKENBROKER_CONTROL_ACCEPTED:
	case TOKENBROKER_CONTROL_STALE:
		return EXIT_STATUS_OK;
	case TOKENBROKER_CONTROL_TOO_SOON:
	case TOKENBROKER_CONTROL_CONFLICT:
		return EXIT_STATUS_CONFLICT;
	case TOKENBROKER_CONTROL_DENIED:
		return EXIT_STATUS_DENIED;
	case TOKENBROKER_CONTROL_UNKNOWN:
		return EXIT_STATUS_NO_TOKEN;
	case TOKENBROKER_CONTROL_NOT_DURABLE:
	case TOKENBROKER_CONTROL_INVALID:
	case TOKENBROKER_CONTROL_BUSY:
		return EXIT_STATUS_FAILURE;
	}
	return EXIT_STATUS_FAILURE;
}

static bool is_suspended(const struct tokenbroker_control_answer *answer)
{
	return answer->state == TOKENBROKER_SEGMENT_SUSPENDED;
}

/* Why a command does not fit the state that the broker told with its answer. */
static const char *reason_of_conflict(const struct tokenbroker_control_answer *answer)
{
	if (is_suspended(answer)) /* and so after a resume */
		return "its mark in the state directory cannot be removed; `tokenbroker status` "
		       "shows why";
	if ((answer->flags & TOKENBROKER_CONTROL_NO_REVOKE_URL) != 0)
		return "its provider has no revocation address (revoke_url in tokenbroker.conf); "
		       "`tokenbroker suspend` withdraws it from its readers";
	if (answer->state != TOKENBROKER_SEGMENT_VALID)
		return "there is no current token; `tokenbroker status` shows why";
	return "something else is being done to it; `tokenbroker status` shows what";
}

static void explain_conflict(const struct tokenbroker_control_answer *answer, const char *command,
			     const char *name, struct error_text *ret)
{
	if (is_suspended(answer) && strcmp(command, "resume") != 0)
		error_text_set(ret,
			       "cannot %s '%s': it is suspended; `tokenbroker resume %s` brings it "
			       "back",
			       command, name, name);
	else
		error_text_set(ret, "cannot %s '%s': %s", command, name,
			       reason_of_conflict(answer));
}

void exit_status_explain_answer(const struct tokenbroker_control_answer *answer,
				const char *command, const char *name, struct error_text *ret)
{
	switch ((enum tokenbroker_control_result)answer->result) {
	case TOKENBROKER_CONTROL_ACCEPTED:
		break; /* nothing to explain */
	case TOKENBROKER_CONTROL_NOT_DURABLE:
		error_text_set(
			ret,
			"'%s': %s took effect, but will not survive a restart of the broker: "
			"its state directory cannot be written (`tokenbroker status`)",
			name, command);
		return;
	case TOKENBROKER_CONTROL_STALE:
		error_text_set(ret, "a newer token '%s' is already published: read it again", name);
		return;
	case TOKENBROKER_CONTROL_TOO_SOON:
		error_text_set(ret, "too soon to %s '%s': try again in %" PRIu64 " ms", command,
			       name, answer->retry_after_ms);
		return;
	case TOKENBROKER_CONTROL_CONFLICT:
		explain_conflict(answer, command, name, ret);
		return;
	case TOKENBROKER_CONTROL_DENIED:
		error_text_set(
			ret,
			"you may not %s '%s': only root, the broker's user and the `admins` in "
			"tokenbroker.conf may",
			command, name);
		return;
	case TOKENBROKER_CONTROL_UNKNOWN:
		error_text_set(ret, "the broker has no token '%s': `tokenbroker status` lists them",
			       name);
		return;
	case TOKENBROKER_CONTROL_INVALID:
		error_text_set(
			ret,
			"the broker refused the request to %s '%s' as malformed: install the "
			"same version of tokenbroker as the broker's",
			command, name);
		return;
	case TOKENBROKER_CONTROL_BUSY:
		error_text_set(ret, "the broker is too busy to %s '%s': try again in a second",
			       command, name);
		return;
	}
	error_text_set(ret, "%s '%s': an answer (%u) that this version does not know", command,
		       name, (unsigned)answer->result);
}
