/* SPDX-License-Identifier: MIT */
/*
 * The wiring of the broker: the one place that knows all its steps. Included by broker*.c only.
 *
 *   broker.c             start, loop, timers, signals, stop
 *   broker_clock.c       clocks that are set, or run apart
 *   broker_config.c      a loaded configuration, applied to the tokens; reload
 *   broker_token.c       one token from its begin to its end, and what readers see of it
 *   broker_outcome.c     what is due for a token, and what each fetch leads to
 *   broker_revocation.c  tokens that wait to be revoked at the server
 *   broker_command.c     what comes in through the control socket
 *   broker_status.c      status.json, sd_notify(3)
 */
#ifndef BROKER_BROKER_PRIVATE_H
#define BROKER_BROKER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/principals.h"
#include "control/control_server.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/revocation.h"
#include "options.h"
#include "publish/publication.h"
#include "publish/publisher.h"
#include "publish/runtime_dir.h"
#include "source/token_source.h"
#include "state/suspend_marker.h"
#include "status/document.h"
#include "status/record.h"
#include "status/status_writer.h"

/* oauth.md, "When to fetch": so many requests are open at most, more tokens wait their turn. */
#define BROKER_REQUESTS_MAX 16
/* Of them at most so many revocations: they never hold up a fetch. */
#define BROKER_REVOCATION_REQUESTS_MAX 4
/* Tokens that wait for their revocation, for each name; the oldest gives way. */
#define BROKER_REVOCATIONS_PER_TOKEN 16
/* Heartbeat, look at the clocks and at our own names in the file system. */
#define BROKER_TICK_MS INT64_C(15000)

struct sd_event;
struct sd_event_source;

/* A configuration that is in use, or that a pending revocation still needs. */
struct loaded_config {
	struct config *config;
	unsigned references;
	int64_t loaded_realtime_ns;
};

struct loaded_config *loaded_config_ref(struct loaded_config *loaded);
void loaded_config_unref(struct loaded_config *loaded);

/* A token that dies at the server as soon as that can be had. */
struct pending_revocation {
	struct broker *broker;
	char name[TOKEN_NAME_MAX + 1];
	struct loaded_config *loaded; /* holds config */
	const struct config_token *config;
	struct lifecycle_policy policy;
	struct secret *token;
	uint8_t digest[DIGEST_BYTES];
	char fingerprint[FINGERPRINT_BYTES];
	int64_t until_realtime_ns;
	struct revocation state;
	struct source_request *request;
	bool is_suspended;  /* its outcome belongs into the suspend marker */
	bool was_postponed; /* older slots of the segment may still hold it when it is revoked */
};

/* What the token server last gave, for the status and for "the same token again". */
struct token_facts {
	uint8_t digest[DIGEST_BYTES]; /* of the token of lifecycle.generation; has_digest */
	bool has_digest;
	char fingerprint[FINGERPRINT_BYTES]; /* of the same */
	int64_t obtained_realtime_ns;
	int64_t expires_realtime_ns;
	char scope[SOURCE_SCOPE_BYTES];
	uint8_t revoked_digest[DIGEST_BYTES]; /* the last one that was revoked */
	int64_t revoked_at_ms;
	bool has_revoked;
};

struct managed_token {
	struct broker *broker;
	struct loaded_config *loaded;
	const struct config_token *config;
	uint64_t source_id;
	struct lifecycle lifecycle;
	struct publication *publication;
	struct principals readers;
	struct config_errors reader_warnings; /* not empty: the readers are to be resolved again */
	struct source_request *fetch;
	struct token_facts facts;
	struct status_record record;
	struct suspend_marker marker; /* as it stands, or should, in the state directory */
	bool is_marked;               /* suspended: by a marker, or as if there were one */
	bool has_durable_marker;      /* it would be so after a restart */
	bool has_had_outcome;         /* usable, or a first answer or failure: counts for READY */
	enum token_reason failing;    /* the reason that was last logged; TOKEN_OK: none */
	int64_t failing_since_realtime_ns; /* while failing is not TOKEN_OK */
	int publish_error;                 /* the one that was last logged */
	struct error_text answer_warning;  /* the one that was last logged; "": none */
};

struct broker {
	const struct paths *paths;
	struct log *log;
	struct sd_event *event;
	struct runtime_dir *runtime_dir;
	struct publisher *publisher;
	struct token_source *source;
	struct control_server *control;
	uint64_t control_pauses;    /* of control, as last looked at */
	int64_t control_calm_at_ms; /* connections have had to wait; 0: they have not */
	struct status_document *document;
	struct status_writer status_writer;
	struct state_directory state_directory;
	struct sd_event_source *timer;
	struct sd_event_source *clock_set;

	struct loaded_config *loaded;
	struct principals admins;
	bool has_http_uid;
	uid_t http_uid;
	bool has_unknown_names;         /* among the two: they are to be resolved again */
	bool wants_names;               /* ... because a token has been fetched since */
	int64_t names_at_ms;            /* ... but not before that */
	struct error_text config_error; /* of the last reload; "": none */
	struct config_errors warnings;  /* about the configuration as a whole, for the status */

	struct managed_token **tokens; /* in the order of the configuration */
	size_t token_count;
	/* The highest of those that have left the configuration: one may come back within a second.
	 */
	uint64_t removed_generation;
	struct pending_revocation **revocations;
	size_t revocation_count;
	unsigned fetches_in_flight;
	unsigned revocations_in_flight;

	int64_t started_boottime_ms;
	int64_t started_realtime_ns;
	int64_t next_tick_ms;
	int64_t clock_difference_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME at the last look */
	int64_t shown_difference_ns; /* the same as used for people: steady between steps */
	int64_t longest_dispatch_ns;
	bool is_starting; /* the tokens of the first configuration are being taken up */
	bool is_ready;
	bool is_stopping;
	bool is_memory_locked;      /* secrets can be kept out of swap */
	int status_error;           /* of writing status.json, as last logged */
	struct error_text notified; /* the STATUS= that was last sent */
	bool is_notify_due;         /* a document has been due since */
};

uint32_t broker_random(void);
/* What the configuration asks for. */
enum runtime_dir_backing broker_backing(const struct broker *broker);

/* broker_clock.c */
/* From now on the loop is told when the wall clock is set. */
int broker_watch_clocks(struct broker *broker);
void broker_look_at_clocks(struct broker *broker);

/* broker_config.c */
/* 0, or -EINVAL with every mistake logged. */
int broker_load_first_config(struct broker *broker);
/* A token for each one of the configuration, with what earlier brokers left; then the sweep. */
int broker_begin_tokens(struct broker *broker);
/* SIGHUP: all of the new configuration, or nothing of it. */
void broker_reload(struct broker *broker);
/*
 * Names to ids: readers also to the publication, if there is one; admins and http.user. Those that
 * nobody knows, or that cannot be looked up, are warnings in the status, to be asked for again.
 * The error of a lookup that failed: the readers are those from before then, or nobody.
 */
int broker_resolve_readers(struct managed_token *token);
void broker_resolve_common(struct broker *broker);
/* The common names once more if that is wanted and due; returns when to come again. */
int64_t broker_look_up_names(struct broker *broker, int64_t now_ms);

/* broker_token.c */
int managed_token_new(struct managed_token **ret, struct broker *broker,
		      struct loaded_config *loaded, const struct config_token *config);
void managed_token_free(struct managed_token *token);
/* The same source with other timings, readers or secret: the token stays. */
void managed_token_update(struct managed_token *token, struct loaded_config *loaded,
			  const struct config_token *config);
/* Another source: what is published is withdrawn at once. */
void managed_token_change_source(struct managed_token *token, struct loaded_config *loaded,
				 const struct config_token *config, uint64_t source_id);
/* Out of the configuration, or on_stop = revoke: readers lose it. */
void managed_token_remove(struct managed_token *token);
struct managed_token *broker_find_token(struct broker *broker, const char *name);
/* Withdraws what readers see; the lifecycle has changed to the state that is published. */
void managed_token_withdraw(struct managed_token *token);
/* Hands the published token over to be revoked. Call it before the withdrawal. */
void managed_token_revoke_current(struct managed_token *token, int64_t first_at_ms);
/* Publishes content; errors are kept by the publisher, which tries again, and shown. */
void managed_token_put(struct managed_token *token, const struct publication_content *content,
		       bool scrub);
void managed_token_look_at_publish_error(struct managed_token *token);
/* What is published as valid, or NULL. */
const struct publication_content *managed_token_content(const struct managed_token *token);
/* Whether secrets can still be kept out of swap, with as many tokens as there are. */
void broker_look_at_memory(struct broker *broker);
/* The recorded error becomes the reason that the token is failing for: logged if it is another. */
void managed_token_failed(struct managed_token *token, const struct status_error *error);
enum tokenbroker_segment_state managed_token_segment_state(const struct managed_token *token);
void managed_token_changed(struct managed_token *token);
/* Something beside a fetch went wrong. hint: static memory. */
void managed_token_fault(struct managed_token *token, enum token_reason reason, const char *message,
			 const char *hint);
struct suspend_marker_key managed_token_marker_key(const struct managed_token *token);
struct lifecycle_policy broker_policy(const struct config_token *config);

/* broker_outcome.c */
/* All that is due at now_ms; returns when to come again. */
int64_t broker_run_tokens(struct broker *broker, int64_t now_ms);

/* broker_revocation.c */
struct revocation_order {
	const char *token;
	size_t length;
	int64_t first_at_ms;
	int64_t until_ms;
	int64_t until_realtime_ns;
};
void broker_revoke(struct managed_token *token, const struct revocation_order *order);
/* Readers have the published token still, because its successor could not be published: it is not
 * revoked before that is out, or an order says otherwise. */
void broker_hold_revocation(struct managed_token *token);
void broker_release_revocations(struct managed_token *token, int64_t first_at_ms);
/* All tokens of this name that the broker holds: no text of a server may show them. */
void broker_add_known(struct broker *broker, const char *name, struct redaction *redaction);
/* The newest token that waits to be revoked, into a marker; no such token: nothing. */
void broker_note_pending(const struct managed_token *token, struct suspend_marker *marker);
bool broker_is_being_revoked(const struct broker *broker, const char *name,
			     const uint8_t digest[static DIGEST_BYTES]);
int64_t broker_run_revocations(struct broker *broker, int64_t now_ms);
void broker_free_revocations(struct broker *broker);

/* broker_command.c */
extern const struct control_ops broker_control_ops; /* userdata: struct broker */
#define BROKER_CONTROL_WAITS TOKENBROKER_CONTROL_SOCKET ": connections wait: "
/* Connections that cannot be accepted are told of; returns when to come again. */
int64_t broker_look_at_control(struct broker *broker, int64_t now_ms);
const char *broker_control_obstacle(const struct broker *broker);

/* broker_status.c */
/* Writes or touches status.json if that is due; returns when to come again, CLOCK_BOOTTIME. */
int64_t broker_run_status(struct broker *broker, int64_t now_ns);
/* READY=1 once it is; STATUS= if it has changed, as often as a document is due at most. Returns
 * when to come again. */
int64_t broker_notify(struct broker *broker, int64_t now_ms);

#endif
