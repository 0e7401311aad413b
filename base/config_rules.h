/* SPDX-License-Identifier: MIT */
/*
 * What single values of the configuration must look like, addresses aside. Each function says why a
 * value is refused, or NULL, and never repeats the value: somebody may have put a secret there.
 */
#ifndef BASE_CONFIG_RULES_H
#define BASE_CONFIG_RULES_H

/* Holds for every value: UTF-8, at most 4096 bytes, no control character. */
const char *config_refuse_text(const char *value);

const char *config_refuse_provider(const char *provider);
const char *config_refuse_client_id(const char *client_id);
/* A path, or "credential:NAME". */
const char *config_refuse_secret_file(const char *value);
/* These three take "" for "none". */
const char *config_refuse_optional_path(const char *path);
const char *config_refuse_access_token_file(const char *path);
const char *config_refuse_unix_socket(const char *path);

/* user, @group, number, @number */
const char *config_refuse_principal(const char *principal);
/* user, number */
const char *config_refuse_user(const char *user);
/* "name=value" with a name that the token request does not have already. */
const char *config_refuse_parameter(const char *parameter);

#endif
