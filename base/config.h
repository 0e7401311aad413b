/* SPDX-License-Identifier: MIT */
/*
 * The configuration of broker and HTTP server: files to one checked struct. Reads no secret,
 * resolves no user name, changes nothing. libconfuse stays inside config_parse.c, and nothing here
 * logs.
 *
 * Loading never stops at the first mistake: per file the first syntax or unknown-key error, plus
 * all value errors and cross-checks, each as "file:line: key: reason".
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/token_name.h"

enum config_backing {
	CONFIG_BACKING_DEFAULT, /* not in the file: directory for a user-run broker, else shm */
	CONFIG_BACKING_SHM,
	CONFIG_BACKING_DIRECTORY,
};

enum config_client_auth {
	CONFIG_CLIENT_AUTH_POST,      /* client_id and client_secret in the body */
	CONFIG_CLIENT_AUTH_BASIC,     /* RFC 6749 2.3.1: each form-encoded, then base64 */
	CONFIG_CLIENT_AUTH_BASIC_RAW, /* the same without the encoding */
};

enum config_on_stop {
	CONFIG_ON_STOP_KEEP,
	CONFIG_ON_STOP_REVOKE,
};

struct config_strings {
	char **items;
	size_t count;
};

/* Accepts a zeroed one and leaves one behind. */
void config_strings_free(struct config_strings *strings);
static inline void cleanup_config_strings(struct config_strings *strings)
{
	config_strings_free(strings);
}

/* Where a key stands, for messages that come up later (an unknown user, a loose secret file). */
struct config_place {
	const char *file; /* owned by the config; NULL: a built-in default */
	unsigned line;    /* 0: not known, as of an empty list */
};

/* "name=value" split at the first '='. */
struct config_parameter {
	char *name;
	char *value;
};

/* All strings are non-NULL; what is not set is "". */
struct config_token {
	char name[TOKEN_NAME_MAX + 1];
	struct config_place place; /* of the token's section */
	char *provider;            /* "blueconic" or "none" */
	char *tenant;
	char *token_url;  /* given, or made by the preset */
	char *revoke_url; /* "": the provider has none */
	char *client_id;
	char *client_secret_file; /* a path, or "credential:NAME" */
	struct config_place client_secret_place;
	enum config_client_auth client_auth;
	char *scope;
	char *audience;
	struct config_strings resources;
	struct config_parameter *parameters;
	size_t parameter_count;
	struct config_strings readers; /* user, @group, number or @number */
	struct config_place readers_place;
	unsigned refresh_percent;
	unsigned refresh_jitter_percent;
	int64_t default_lifetime_s;
	int64_t connect_timeout_s;
	int64_t request_timeout_s;
	int64_t retry_min_s;
	int64_t retry_max_s;
	int64_t reject_interval_s;
	int64_t revoke_replaced_after_s; /* -1: never */
	enum config_on_stop on_stop;
	char *ca_file;
	struct config_place ca_file_place;
	char *proxy;
	bool allow_http;
};

struct config_http {
	struct config_strings listen;
	struct config_place listen_place;
	char *unix_socket;
	bool has_unix_socket; /* the file names one, "" included; else the caller's default holds */
	struct config_strings hosts;
	char *access_token_file;
	struct config_place access_token_place;
	bool allow_cleartext;
	char *user;
	struct config_place user_place; /* file NULL: the default, whose absence is no mistake */
};

struct config {
	enum log_level log_level;
	enum config_backing backing;
	struct config_strings admins;
	struct config_place admins_place;
	struct config_http http;
	struct config_token *tokens; /* in the order of the files */
	size_t token_count;
	char **files; /* that were read, in order; config_place.file points into it */
	size_t file_count;
};

/* Mistakes, one message each. */
#define CONFIG_ERRORS_MAX 256 /* then a last entry says that there are more */
struct config_errors {
	struct error_text *items;
	size_t count;
	bool is_short; /* memory ran out: a message is missing */
};

/*
 * Reads path and, beside it, the files of conf.d that end in ".conf", in the order of strcmp(3). A
 * later file's value replaces an earlier one's, list or not; token sections add up.
 *
 * 0 and *ret; -EINVAL with at least one entry in errors (which starts zeroed); -ENOMEM. A file that
 * is missing or cannot be read is an entry, too. Not for two threads at once: libconfuse has
 * globals.
 */
int config_load(struct config **ret, const char *path, struct config_errors *errors);
/*
 * The same for whoever looks for more mistakes: 0 and *ret also with errors, or -ENOMEM. Only what
 * has a place may be looked at then; a value that was refused has none (its file is NULL).
 */
int config_read(struct config **ret, const char *path, struct config_errors *errors);
void config_free(struct config *config);
static inline void cleanup_config_free(struct config **config)
{
	config_free(*config);
}

/*
 * Adds "file:line: key: reason". What is not there is left out: place->file NULL, line 0, key NULL.
 * Control characters become '?'. 0 or -ENOMEM, which errors->is_short remembers.
 */
int config_errors_add(struct config_errors *errors, const struct config_place *place,
		      const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void config_errors_free(struct config_errors *errors);
static inline void cleanup_config_errors(struct config_errors *errors)
{
	config_errors_free(errors);
}

const struct config_token *config_find_token(const struct config *config, const char *name);

#endif
