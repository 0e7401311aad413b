/* SPDX-License-Identifier: MIT */
#include "control/request.h"

#include <string.h>

#include "base/token_name.h"

static bool is_zero(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static bool is_command(unsigned command)
{
	return command >= TOKENBROKER_CONTROL_REJECT && command <= TOKENBROKER_CONTROL_RESUME;
}

static bool has_valid_name(const struct tokenbroker_control_request *request)
{
	size_t length = strnlen(request->name, sizeof(request->name));

	return length < sizeof(request->name) && token_name_is_valid(request->name) &&
	       is_zero(request->name + length, sizeof(request->name) - length);
}

static bool has_valid_generation(const struct tokenbroker_control_request *request)
{
	/* Generations start at 1, so a rejection of 0 is one of a token that never was. */
	return (request->command == TOKENBROKER_CONTROL_REJECT) == (request->generation != 0);
}

static bool has_valid_origin(const struct tokenbroker_control_request *request)
{
	uint32_t count = request->origin_group_count;

	switch (request->origin) {
	case TOKENBROKER_CONTROL_SELF:
	case TOKENBROKER_CONTROL_ACCESS_TOKEN:
		if (request->origin_uid != 0 || request->origin_gid != 0 || count != 0)
			return false;
		break;
	case TOKENBROKER_CONTROL_USER:
		if (count > TOKENBROKER_CONTROL_GROUPS)
			return false;
		break;
	default: /* any number may come in */
		return false;
	}
	return is_zero(request->origin_groups + count,
		       (TOKENBROKER_CONTROL_GROUPS - count) * sizeof(request->origin_groups[0]));
}

bool control_request_parse(const void *data, size_t size, struct tokenbroker_control_request *ret)
{
	struct tokenbroker_control_request request;

	if (size != sizeof(request))
		return false;
	memcpy(&request, data, sizeof(request));
	if (request.magic != TOKENBROKER_CONTROL_MAGIC ||
	    request.version != TOKENBROKER_CONTROL_VERSION || !is_command(request.command))
		return false;
	if (!has_valid_name(&request) || !has_valid_generation(&request) ||
	    !has_valid_origin(&request) || !is_zero(request.reserved, sizeof(request.reserved)))
		return false;

	*ret = request;
	return true;
}

struct tokenbroker_control_answer control_answer(enum tokenbroker_control_result result)
{
	return (struct tokenbroker_control_answer){
		.magic = TOKENBROKER_CONTROL_MAGIC,
		.version = TOKENBROKER_CONTROL_VERSION,
		.result = (uint16_t)result,
	};
}

struct tokenbroker_control_answer control_answer_later(enum tokenbroker_control_result result,
						       int64_t retry_after_ms)
{
	struct tokenbroker_control_answer answer = control_answer(result);

	answer.retry_after_ms = retry_after_ms > 0 ? (uint64_t)retry_after_ms : 0;
	return answer;
}

const char *control_command_name(unsigned command)
{
	static const char *const names[] = {
		[TOKENBROKER_CONTROL_REJECT] = "reject", [TOKENBROKER_CONTROL_REFRESH] = "refresh",
		[TOKENBROKER_CONTROL_REVOKE] = "revoke", [TOKENBROKER_CONTROL_SUSPEND] = "suspend",
		[TOKENBROKER_CONTROL_RESUME] = "resume",
	};

	return is_command(command) ? names[command] : "unknown";
}

const char *control_result_name(unsigned result)
{
	static const char *const names[] = {
		[TOKENBROKER_CONTROL_ACCEPTED] = "accepted",
		[TOKENBROKER_CONTROL_NOT_DURABLE] = "accepted but not durable",
		[TOKENBROKER_CONTROL_STALE] = "stale",
		[TOKENBROKER_CONTROL_TOO_SOON] = "too soon",
		[TOKENBROKER_CONTROL_CONFLICT] = "conflict",
		[TOKENBROKER_CONTROL_DENIED] = "denied",
		[TOKENBROKER_CONTROL_UNKNOWN] = "no such token",
		[TOKENBROKER_CONTROL_INVALID] = "invalid",
		[TOKENBROKER_CONTROL_BUSY] = "busy",
	};

	if (result >= sizeof(names) / sizeof(names[0]) || names[result] == NULL)
		return "unknown";
	return names[result];
}
