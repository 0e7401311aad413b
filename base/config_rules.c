/* SPDX-License-Identifier: MIT */
#include "base/config_rules.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/utf8.h"

#define DIGITS "0123456789"

enum {
	VALUE_BYTES_MAX = 4096,
	NAME_BYTES_MAX = 256, /* of a user, group or credential */
};

/* UINT32_MAX means "leave it alone" to chown(2); 65534 is every id that a user namespace does not
 * map, which is nobody in particular. */
#define ID_MAX    4294967294UL
#define ID_NOBODY 65534UL

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

const char *config_refuse_text(const char *value)
{
	if (strlen(value) > VALUE_BYTES_MAX)
		return "is longer than 4096 bytes";
	if (has_control(value))
		return "holds a control character or line break";
	return utf8_is_valid(value) ? NULL : "is not UTF-8";
}

const char *config_refuse_provider(const char *provider)
{
	if (strcmp(provider, "blueconic") == 0 || strcmp(provider, "none") == 0)
		return NULL;
	return "must be one of: blueconic none";
}

/* RFC 6749 appendix A.1: VSCHAR. */
const char *config_refuse_client_id(const char *client_id)
{
	if (client_id[0] == '\0')
		return "must not be empty";
	for (; *client_id != '\0'; client_id++)
		if (*client_id < 0x20 || *client_id > 0x7e)
			return "must be printable ASCII";
	return NULL;
}

static const char *refuse_path(const char *path)
{
	return path[0] == '/' && path[1] != '\0' ? NULL : "must be an absolute path";
}

/* A name that stays inside its directory. */
static bool is_file_name(const char *name)
{
	return name[0] != '\0' && strlen(name) < NAME_BYTES_MAX && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

const char *config_refuse_secret_file(const char *value)
{
	static const char prefix[] = "credential:";

	if (strncmp(value, prefix, strlen(prefix)) != 0)
		return refuse_path(value) == NULL ? NULL
						  : "must be an absolute path or credential:NAME, "
						    "never the secret itself";
	if (!is_file_name(value + strlen(prefix)))
		return "must name a systemd credential after credential:, without a slash";
	return NULL;
}

const char *config_refuse_optional_path(const char *path)
{
	return path[0] == '\0' ? NULL : refuse_path(path);
}

static bool has_parent_step(const char *path)
{
	for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/.."))
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return false;
}

const char *config_refuse_access_token_file(const char *path)
{
	if (has_parent_step(path))
		return "must not hold \"..\"";
	return config_refuse_optional_path(path);
}

const char *config_refuse_unix_socket(const char *path)
{
	/* unix(7): the address has room for 108 bytes with the NUL. */
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "is longer than the 107 bytes that a socket's name may have";
	return config_refuse_optional_path(path);
}

static const char *refuse_id(const char *digits)
{
	unsigned long id;

	errno = 0;
	id = strtoul(digits, NULL, 10);
	if (errno != 0 || id > ID_MAX)
		return "a numeric id is at most 4294967294";
	return id == ID_NOBODY ? "65534 stands for unknown ids and can be nobody's" : NULL;
}

/* What useradd(8), LDAP and Active Directory have in common; whether it exists is found out later.
 */
static const char *refuse_account(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return "a name must not be empty";
	if (strspn(name, DIGITS) == length)
		return refuse_id(name);
	if (length > NAME_BYTES_MAX || strpbrk(name, ":/,") != NULL || name[0] == '-' ||
	    name[0] == '@' || name[0] == ' ' || name[length - 1] == ' ')
		return "not a valid name of a user or group";
	return NULL;
}

const char *config_refuse_principal(const char *principal)
{
	return refuse_account(principal[0] == '@' ? principal + 1 : principal);
}

const char *config_refuse_user(const char *user)
{
	return user[0] == '@' ? "must be a user, not a group" : refuse_account(user);
}

const char *config_refuse_parameter(const char *parameter)
{
	/* RFC 6749 3.2: a parameter must not be there twice; these have keys of their own. */
	static const char *const taken[] = {"grant_type", "client_id", "client_secret",
					    "scope",      "audience",  "resource"};
	const char *equals = strchr(parameter, '=');
	size_t length;

	if (equals == NULL || equals == parameter)
		return "must be \"name=value\"";
	length = (size_t)(equals - parameter);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strlen(taken[i]) == length && strncmp(parameter, taken[i], length) == 0)
			return "must not set grant_type, client_id, client_secret, scope, audience "
			       "or resource";
	return NULL;
}
