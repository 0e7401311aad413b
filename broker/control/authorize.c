/* SPDX-License-Identifier: MIT */
#include "control/authorize.h"

#include <assert.h>

#include "base/text.h"

/* No user and no group: chown(2) takes it for "unchanged". */
#define NO_ID ((uid_t)-1)

static bool is_believable(uid_t uid)
{
	return uid != CONTROL_OVERFLOW_ID && uid != NO_ID;
}

static bool is_master(const struct control_policy *policy, uid_t uid)
{
	return uid == 0 || uid == policy->broker_uid;
}

static bool is_http(const struct control_policy *policy, uid_t uid)
{
	return policy->has_http_uid && uid == policy->http_uid;
}

/* An unmapped group looks like "nogroup": it matches no list, even one that names that group. */
static gid_t believable_gid(gid_t gid)
{
	return gid == CONTROL_OVERFLOW_ID ? NO_ID : gid;
}

static bool is_one_of(const struct principals *principals, const struct control_peer *peer)
{
	if (principals == NULL)
		return false;
	if (principals_match(principals, peer->uid, believable_gid(peer->gid), NULL, 0))
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (principals_match(principals, peer->uid, believable_gid(peer->groups[i]), NULL,
				     0))
			return true;
	return false;
}

static bool is_admin(const struct control_policy *policy, const struct control_peer *peer)
{
	return is_believable(peer->uid) &&
	       (is_master(policy, peer->uid) || is_one_of(policy->admins, peer));
}

bool control_is_reader(const struct control_policy *policy, const struct control_peer *peer,
		       const struct principals *readers)
{
	return is_believable(peer->uid) &&
	       (is_master(policy, peer->uid) || is_one_of(readers, peer));
}

enum control_class control_classify(const struct control_policy *policy,
				    const struct control_peer *peer, bool is_reader)
{
	if (!is_believable(peer->uid))
		return CONTROL_NOBODY;
	if (is_admin(policy, peer))
		return CONTROL_ADMIN;
	if (is_http(policy, peer->uid))
		return CONTROL_HTTP;
	return is_reader ? CONTROL_READER : CONTROL_NOBODY;
}

static bool may_speak_for_others(const struct control_policy *policy,
				 const struct control_peer *peer)
{
	return is_believable(peer->uid) &&
	       (is_master(policy, peer->uid) || is_http(policy, peer->uid));
}

static bool may_do(const struct control_policy *policy, const struct control_peer *user,
		   unsigned command, const struct principals *readers)
{
	if (command == TOKENBROKER_CONTROL_REJECT)
		return control_is_reader(policy, user, readers);
	return is_admin(policy, user);
}

static void describe(struct text *who, const struct control_policy *policy,
		     const struct control_peer *peer,
		     const struct tokenbroker_control_request *request, bool is_believed)
{
	unsigned peer_uid = peer->uid;

	if (request->origin == TOKENBROKER_CONTROL_SELF) {
		text_addf(who, "uid %u", peer_uid);
		return;
	}
	if (!is_believed)
		text_addf(who, "uid %u pretending to be ", peer_uid);
	if (request->origin == TOKENBROKER_CONTROL_USER)
		text_addf(who, "uid %u", (unsigned)request->origin_uid);
	else
		text_add(who, "access token");
	if (is_believed && is_http(policy, peer->uid))
		text_addf(who, " via tokenbroker-httpd (uid %u)", peer_uid);
	else if (is_believed)
		text_addf(who, " via uid %u", peer_uid);
}

struct control_verdict control_authorize(const struct control_policy *policy,
					 const struct control_peer *peer,
					 const struct tokenbroker_control_request *request,
					 const struct principals *readers)
{
	const struct control_peer origin = {
		.uid = request->origin_uid,
		.gid = request->origin_gid,
		.groups = request->origin_groups,
		.group_count = request->origin_group_count,
	};
	bool is_believed = may_speak_for_others(policy, peer);
	struct control_verdict verdict = {.is_allowed = false};
	struct text who;

	text_init(&who, verdict.who, sizeof(verdict.who));
	describe(&who, policy, peer, request, is_believed);
	assert(!who.is_cut);

	switch ((enum tokenbroker_control_origin)request->origin) {
	case TOKENBROKER_CONTROL_SELF:
		verdict.is_allowed = may_do(policy, peer, request->command, readers);
		break;
	case TOKENBROKER_CONTROL_USER:
		verdict.is_allowed =
			is_believed && may_do(policy, &origin, request->command, readers);
		break;
	case TOKENBROKER_CONTROL_ACCESS_TOKEN: /* an administrator, but nobody's reader */
		verdict.is_allowed = is_believed && request->command != TOKENBROKER_CONTROL_REJECT;
		break;
	}
	return verdict;
}
