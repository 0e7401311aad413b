/* SPDX-License-Identifier: MIT */
/*
 * The control socket: one request and one answer, a fixed-size struct each, over SOCK_SEQPACKET at
 * RUNTIME_DIR/control.sock. The broker answers at once and closes.
 *
 * Who asks is decided by SO_PEERCRED and SO_PEERGROUPS. The origin in a request is believed only
 * from the HTTP server's user (http.user), root and the broker's own user; it only ever narrows
 * what the sender could do to what the origin may do. Bytes that are called reserved are zero, or
 * the request is invalid.
 */
#ifndef TOKENBROKER_CONTROL_H
#define TOKENBROKER_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define TOKENBROKER_CONTROL_MAGIC      UINT32_C(0x4c525443)
#define TOKENBROKER_CONTROL_VERSION    1
#define TOKENBROKER_CONTROL_SOCKET     "control.sock"
#define TOKENBROKER_CONTROL_NAME_BYTES 64
/* Supplementary groups that an origin can name; more are cut by the sender: it then may less. */
#define TOKENBROKER_CONTROL_GROUPS 96

enum tokenbroker_control_command {
	TOKENBROKER_CONTROL_REJECT = 1,
	TOKENBROKER_CONTROL_REFRESH = 2,
	TOKENBROKER_CONTROL_REVOKE = 3,
	TOKENBROKER_CONTROL_SUSPEND = 4,
	TOKENBROKER_CONTROL_RESUME = 5,
};

enum tokenbroker_control_origin {
	TOKENBROKER_CONTROL_SELF = 0, /* the sender speaks for itself */
	TOKENBROKER_CONTROL_USER = 1, /* for the user of origin_uid, origin_gid, groups */
	TOKENBROKER_CONTROL_ACCESS_TOKEN =
		2, /* for whoever holds the HTTP access token: an admin */
};

enum tokenbroker_control_result {
	TOKENBROKER_CONTROL_ACCEPTED = 1,
	TOKENBROKER_CONTROL_NOT_DURABLE =
		2,                        /* accepted, but will not survive a restart (suspend) */
	TOKENBROKER_CONTROL_STALE = 3,    /* reject: a newer token is already published */
	TOKENBROKER_CONTROL_TOO_SOON = 4, /* see retry_after_ms */
	TOKENBROKER_CONTROL_CONFLICT = 5, /* not in this state: see state and flags */
	TOKENBROKER_CONTROL_DENIED = 6,
	TOKENBROKER_CONTROL_UNKNOWN = 7, /* no such token */
	TOKENBROKER_CONTROL_INVALID = 8, /* a malformed request, or a generation that never was */
	TOKENBROKER_CONTROL_BUSY = 9,
};

/* Flags of an answer. */
#define TOKENBROKER_CONTROL_NO_REVOKE_URL UINT32_C(1) /* the provider has no revocation address */

struct tokenbroker_control_request {
	uint32_t magic;
	uint16_t version;
	uint16_t command;    /* enum tokenbroker_control_command */
	uint64_t generation; /* reject: the one that the API refused; else 0 */
	char name[TOKENBROKER_CONTROL_NAME_BYTES]; /* of the token, zero padded */
	uint32_t origin;                           /* enum tokenbroker_control_origin */
	uint32_t origin_uid;
	uint32_t origin_gid;
	uint32_t origin_group_count;
	uint32_t origin_groups[TOKENBROKER_CONTROL_GROUPS];
	uint8_t reserved[32];
};

struct tokenbroker_control_answer {
	uint32_t magic;
	uint16_t version;
	uint16_t result;         /* enum tokenbroker_control_result */
	uint64_t generation;     /* current one when the request was judged; 0: none, or not told */
	uint64_t retry_after_ms; /* TOO_SOON, BUSY: when to ask again, relative */
	uint32_t state;          /* enum tokenbroker_segment_state of tokenbroker_segment.h */
	uint32_t flags;
	uint8_t reserved[32];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct tokenbroker_control_request) == 512, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_request, generation) == 8, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_request, name) == 16, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_request, origin) == 80, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_request, origin_groups) == 96, "ABI");
_Static_assert(sizeof(struct tokenbroker_control_answer) == 64, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_answer, generation) == 8, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_answer, retry_after_ms) == 16, "ABI");
_Static_assert(offsetof(struct tokenbroker_control_answer, state) == 24, "ABI");
#endif

#endif
