/* SPDX-License-Identifier: MIT */
#include "base/config_assign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config_fields.h"
#include "base/config_rules.h"
#include "base/text.h"

enum { LIST_MAX = 1024 };

/* One key of one section on its way into a field. */
struct assignment {
	const struct config_key *key;
	const struct config_setting *setting;
	void *field;
	struct config_mark *mark;
	struct config_errors *errors;
};

static void refuse(const struct assignment *a, const struct config_value *value, const char *reason)
{
	const struct config_place place = {.file = a->mark->place.file, .line = value->line};

	a->mark->is_bad = true;
	(void)config_errors_add(a->errors, &place, a->key->name, "%s", reason);
}

/* Items of a list are told apart by their names; a single value may be a misplaced secret. */
static void refuse_item(const struct assignment *a, const struct config_value *value,
			const char *reason)
{
	char message[256];
	struct text text;

	text_init(&text, message, sizeof(message));
	text_addf(&text, "\"%.64s\": %s", value->text, reason);
	refuse(a, value, message);
}

static int assign_text(const struct assignment *a)
{
	const struct config_value *value = a->setting->values[0];
	const char *reason = a->key->refuse == NULL ? NULL : a->key->refuse(value->text);

	if (reason == NULL)
		return config_fields_set(a->field, value->text);
	refuse(a, value, reason);
	return 0;
}

static int copy_list(const struct config_setting *setting, struct config_strings *ret)
{
	struct config_strings list = {.items = calloc(setting->count + 1, sizeof(char *))};

	if (list.items == NULL)
		return -ENOMEM;
	while (list.count < setting->count) {
		list.items[list.count] = strdup(setting->values[list.count]->text);
		if (list.items[list.count] == NULL) {
			config_strings_free(&list);
			return -ENOMEM;
		}
		list.count++;
	}
	*ret = list;
	return 0;
}

static int assign_list(const struct assignment *a)
{
	struct config_strings *field = a->field;
	struct config_strings list;
	const char *reason;
	int r;

	for (size_t i = 0; i < a->setting->count; i++) {
		reason = a->key->refuse(a->setting->values[i]->text);
		if (reason != NULL)
			refuse_item(a, a->setting->values[i], reason);
	}
	if (a->mark->is_bad)
		return 0;
	r = copy_list(a->setting, &list);
	if (r < 0)
		return r;
	config_strings_free(field);
	*field = list;
	return 0;
}

static bool has_parameter(const struct config_parameter *parameters, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(parameters[i].name, name) == 0)
			return true;
	return false;
}

/* text has a '='. */
static int split_parameter(const char *text, struct config_parameter *ret)
{
	const char *equals = strchr(text, '=');
	struct config_parameter parameter = {
		.name = strndup(text, (size_t)(equals - text)),
		.value = strdup(equals + 1),
	};

	if (parameter.name == NULL || parameter.value == NULL) {
		free(parameter.name);
		free(parameter.value);
		return -ENOMEM;
	}
	*ret = parameter;
	return 0;
}

static int add_parameter(const struct assignment *a, const struct config_value *value,
			 struct config_token *token)
{
	const char *reason = config_refuse_parameter(value->text);
	struct config_parameter parameter;
	int r;

	/* Only the name is shown: the value may be a password. */
	if (reason != NULL) {
		refuse(a, value, reason);
		return 0;
	}
	r = split_parameter(value->text, &parameter);
	if (r < 0)
		return r;
	if (has_parameter(token->parameters, token->parameter_count, parameter.name))
		refuse(a, value, "names the same parameter twice");
	token->parameters[token->parameter_count++] = parameter;
	return 0;
}

static int assign_parameters(const struct assignment *a)
{
	struct config_token *token = a->field;
	int r = 0;

	token->parameters = calloc(a->setting->count + 1, sizeof(*token->parameters));
	if (token->parameters == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->setting->count && r == 0; i++)
		r = add_parameter(a, a->setting->values[i], token);
	return r;
}

/* Decimal digits, after a '-' where there are negative values; nothing around them. */
static bool parse_number(const char *text, const struct config_key *key, int64_t *ret)
{
	const char *digits = text[0] == '-' && key->min < 0 ? text + 1 : text;
	long long number;

	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno != 0 || number < key->min || number > key->max)
		return false;
	*ret = number;
	return true;
}

static int assign_number(const struct assignment *a)
{
	const struct config_value *value = a->setting->values[0];
	char message[128];
	struct text text;
	int64_t number;

	if (!parse_number(value->text, a->key, &number)) {
		text_init(&text, message, sizeof(message));
		text_addf(&text, "must be a whole number from %lld to %lld", (long long)a->key->min,
			  (long long)a->key->max);
		refuse(a, value, message);
		return 0;
	}
	if (a->key->kind == CONFIG_KIND_PERCENT)
		*(unsigned *)a->field = (unsigned)number;
	else
		*(int64_t *)a->field = number;
	return 0;
}

static int assign_flag(const struct assignment *a)
{
	const struct config_value *value = a->setting->values[0];

	if (strcmp(value->text, "true") == 0)
		*(bool *)a->field = true;
	else if (strcmp(value->text, "false") == 0)
		*(bool *)a->field = false;
	else
		refuse(a, value, "must be true or false");
	return 0;
}

_Static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
		       sizeof(enum config_backing) == sizeof(unsigned) &&
		       sizeof(enum config_client_auth) == sizeof(unsigned) &&
		       sizeof(enum config_on_stop) == sizeof(unsigned),
	       "assign_choice() writes an enum as an unsigned");

static int assign_choice(const struct assignment *a)
{
	const struct config_value *value = a->setting->values[0];
	const char *const *choices = a->key->choices;
	char message[128];
	struct text text;

	text_init(&text, message, sizeof(message));
	text_add(&text, "must be one of:");
	for (size_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(value->text, choices[i]) == 0) {
			unsigned chosen = (unsigned)a->key->min + (unsigned)i;

			memcpy(a->field, &chosen, sizeof(chosen));
			return 0;
		}
		text_addf(&text, " %s", choices[i]);
	}
	refuse(a, value, message);
	return 0;
}

/* What holds for the values of every key. */
static void check_values(const struct assignment *a)
{
	const struct config_setting *setting = a->setting;

	if (setting->count > LIST_MAX) {
		refuse(a, setting->values[LIST_MAX], "holds more than 1024 entries");
		return;
	}
	for (size_t i = 0; i < setting->count; i++) {
		const char *reason = config_refuse_text(setting->values[i]->text);

		if (reason != NULL)
			refuse(a, setting->values[i], reason);
		if (setting->values[i]->is_repeated)
			refuse(a, setting->values[i], "is set twice in this section");
	}
}

static int assign_key(const struct assignment *a)
{
	check_values(a);
	if (a->mark->is_bad)
		return 0;
	switch (a->key->kind) {
	case CONFIG_KIND_TEXT:
		return assign_text(a);
	case CONFIG_KIND_LIST:
		return assign_list(a);
	case CONFIG_KIND_PARAMETERS:
		return assign_parameters(a);
	case CONFIG_KIND_SECONDS:
	case CONFIG_KIND_PERCENT:
		return assign_number(a);
	case CONFIG_KIND_FLAG:
		return assign_flag(a);
	case CONFIG_KIND_CHOICE:
		break;
	}
	return assign_choice(a);
}

int config_assign(void *target, struct config_mark *marks, const struct config_section *section,
		  const char *file, struct config_errors *errors)
{
	struct config_keys keys = config_keys_of(section->scope);
	int r = 0;

	for (size_t i = 0; i < keys.count && r == 0; i++) {
		const struct config_setting *setting = &section->settings[i];
		bool is_list = keys.items[i].kind == CONFIG_KIND_LIST ||
			       keys.items[i].kind == CONFIG_KIND_PARAMETERS;
		struct assignment a = {
			.key = &keys.items[i],
			.setting = setting,
			.field = (char *)target + keys.items[i].offset,
			.mark = &marks[i],
			.errors = errors,
		};

		/* Behind "key =" the file may have ended in a syntax error. */
		if (!setting->is_given || (setting->count == 0 && !is_list))
			continue;
		marks[i].is_bad = false;
		marks[i].place.file = file;
		marks[i].place.line = setting->count == 0 ? 0 : setting->values[0]->line;
		r = assign_key(&a);
	}
	return r;
}
