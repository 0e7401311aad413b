/* SPDX-License-Identifier: MIT */
#include "base/json_c.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The soname since json-c 0.14. */
#define LIBRARY "libjson-c.so.5"

/* sizeof evaluates nothing: it makes the compiler compare our type with the one in json-c's header.
 */
#define FUNCTION(member)                                                                           \
	{                                                                                          \
		"json_" #member, offsetof(struct json_c, member),                                  \
			sizeof(((struct json_c *)NULL)->member = json_##member)                    \
	}

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} functions[] = {
	FUNCTION(tokener_new_ex),        FUNCTION(tokener_set_flags),
	FUNCTION(tokener_parse_ex),      FUNCTION(tokener_get_error),
	FUNCTION(tokener_error_desc),    FUNCTION(tokener_get_parse_end),
	FUNCTION(tokener_free),          FUNCTION(object_put),
	FUNCTION(object_is_type),        FUNCTION(object_object_get_ex),
	FUNCTION(object_array_length),   FUNCTION(object_array_get_idx),
	FUNCTION(object_get_string),     FUNCTION(object_get_string_len),
	FUNCTION(object_get_int64),      FUNCTION(object_get_double),
	FUNCTION(object_iter_begin),     FUNCTION(object_iter_end),
	FUNCTION(object_iter_equal),     FUNCTION(object_iter_next),
	FUNCTION(object_iter_peek_name), FUNCTION(object_iter_peek_value),
};

int json_c_load(struct json_c *ret, struct error_text *error)
{
	/* NODELETE: what json-c keeps to itself stays valid, and the next load is a look-up. */
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	struct json_c loaded;

	_Static_assert(sizeof(functions) / sizeof(functions[0]) ==
			       sizeof(loaded) / sizeof(void (*)(void)),
		       "a function is missing");
	if (library == NULL) {
		error_text_set(error,
			       "cannot load " LIBRARY " (install the package libjson-c5 or "
			       "json-c): %s",
			       dlerror());
		return -ELIBACC;
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *address = dlsym(library, functions[i].name);

		if (address == NULL) {
			error_text_set(error, LIBRARY " is too old: it has no %s()",
				       functions[i].name);
			(void)dlclose(library);
			return -ELIBACC;
		}
		/* POSIX dlsym(3): a data pointer that holds a function's address. */
		memcpy((char *)&loaded + functions[i].offset, &address, functions[i].size);
	}
	(void)dlclose(library);
	*ret = loaded;
	return 0;
}
