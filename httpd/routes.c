/* SPDX-License-Identifier: MIT */
#include "httpd/routes.h"

#include <string.h>

#include "base/token_name.h"

/* A name that no token can have is no path of ours: nothing else reaches a handler. */
static bool take_name(const char **path, char ret[static TOKEN_NAME_MAX + 1])
{
	size_t length = strcspn(*path, "/");

	if (length > TOKEN_NAME_MAX)
		return false;
	memcpy(ret, *path, length);
	ret[length] = '\0';
	*path += length;
	return token_name_is_valid(ret);
}

static bool is_path(const char *pattern, const char *path, char ret[static TOKEN_NAME_MAX + 1])
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '*') {
			if (!take_name(&path, ret))
				return false;
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

static bool is_method(const struct route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

void routes_match(const struct route *routes, size_t count, const char *method, const char *path,
		  struct route_match *ret)
{
	*ret = (struct route_match){.route = NULL};
	for (size_t i = 0; i < count; i++) {
		char name[TOKEN_NAME_MAX + 1] = "";

		if (!is_path(routes[i].path, path, name))
			continue;
		if (is_method(&routes[i], method)) {
			ret->route = &routes[i];
			memcpy(ret->name, name, sizeof(name));
			return;
		}
		ret->allow = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
	}
}
