/* SPDX-License-Identifier: MIT */
/*
 * Who may command what (docs/architecture.md, "Commands"). Decides by uid and gids alone, never by
 * pid. Pure: users and groups were resolved before, peers were asked of the kernel before.
 *
 * The user of a connection is its peer. A request may name an origin that the peer speaks for; that
 * is believed only from the HTTP server's user, root and the broker's own user, and from then on
 * the origin alone counts, not the peer.
 */
#ifndef BROKER_CONTROL_AUTHORIZE_H
#define BROKER_CONTROL_AUTHORIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/principals.h"
#include "tokenbroker_control.h"

/* Whom the kernel shows where it cannot show the true user (user_namespaces(7)): never believed. */
#define CONTROL_OVERFLOW_ID 65534

/* From SO_PEERCRED and SO_PEERGROUPS. */
struct control_peer {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary; borrowed for the call */
	size_t group_count;
};

struct control_policy {
	uid_t broker_uid;
	bool has_http_uid;
	uid_t http_uid;                  /* of http.user, while has_http_uid */
	const struct principals *admins; /* borrowed; NULL: nobody */
};

/* What a connection is good for, before a message is read. */
enum control_class {
	CONTROL_NOBODY, /* is answered "denied" and closed */
	CONTROL_READER, /* of at least one token */
	CONTROL_HTTP,   /* http.user, which can only speak for others */
	CONTROL_ADMIN,  /* admins, root, the broker's own user: places are kept for them */
};

/* is_reader: of at least one token, see control_is_reader(). */
enum control_class control_classify(const struct control_policy *policy,
				    const struct control_peer *peer, bool is_reader);

/* Of the token with these readers (NULL: nobody); root and the broker's own user always are. */
bool control_is_reader(const struct control_policy *policy, const struct control_peer *peer,
		       const struct principals *readers);

#define CONTROL_WHO_BYTES 96

struct control_verdict {
	bool is_allowed;
	/* Who asks, for the audit line: "uid 1007", "uid 0 via tokenbroker-httpd (uid 995)",
	 * "access token via tokenbroker-httpd (uid 995)", "uid 1007 pretending to be uid 0". */
	char who[CONTROL_WHO_BYTES];
};

/*
 * May this peer have this well-formed request carried out? readers: of the token it names, NULL
 * when there is no such token. A token that does not exist: refuse a rejection with UNKNOWN without
 * asking here (names are no secret); ask here first for the commands of administrators.
 */
struct control_verdict control_authorize(const struct control_policy *policy,
					 const struct control_peer *peer,
					 const struct tokenbroker_control_request *request,
					 const struct principals *readers);

#endif
