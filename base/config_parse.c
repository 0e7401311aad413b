/* SPDX-License-Identifier: MIT */
/*
 * libconfuse hands its callbacks no context, so what they find out is left in its own tree: a value
 * and its line in an allocated option value, the count of assignments in the option's unused
 * numeric default, the message of an error in the section's unused annotation.
 */
#include "base/config_parse.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* An option that no file can name, as config_scan() refuses control characters: libconfuse reads
 * its default when it opens a section, the one moment at which it knows the section's first line.
 */
#define FIRST_LINE "\001"

/* Where the options stand that are no keys. They are found by position, which takes no memory;
 * cfg_getopt() does. */
enum {
	TOKEN_FIRST_LINE = CONFIG_TOKEN_KEYS,
	ROOT_HTTP = CONFIG_ROOT_KEYS,
	ROOT_TOKENS,
};

static cfg_t *http_section(cfg_t *tree)
{
	return cfg_opt_getnsec(cfg_getnopt(tree, ROOT_HTTP), 0);
}

static unsigned token_count(cfg_t *tree)
{
	return cfg_opt_size(cfg_getnopt(tree, ROOT_TOKENS));
}

static cfg_t *token_section(cfg_t *tree, unsigned i)
{
	return cfg_opt_getnsec(cfg_getnopt(tree, ROOT_TOKENS), i);
}

static void cleanup_free_tree(cfg_t **tree)
{
	if (*tree != NULL)
		(void)cfg_free(*tree);
}

static int on_value(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
	size_t size = strlen(text) + 1;
	struct config_value *value = malloc(sizeof(*value) + size);

	if (value == NULL)
		return -1;
	if (option->nvalues == 1) /* else this goes on with a list */
		option->def.number++;
	value->line = (unsigned)section->line;
	value->is_repeated = option->nvalues == 1 && option->def.number > 1;
	memcpy(value->text, text, size);
	*(void **)result = value;
	return 0;
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *section, const char *format,
							   va_list arguments)
{
	char *message;

	if (section->comment == NULL && vasprintf(&message, format, arguments) >= 0)
		section->comment = message;
}

/* Returns the place behind the last option made. */
static cfg_opt_t *make_options(cfg_opt_t *option, enum config_scope scope)
{
	struct config_keys keys = config_keys_of(scope);

	for (size_t i = 0; i < keys.count; i++) {
		const char *name = keys.items[i].name;
		enum config_kind kind = keys.items[i].kind;

		if (kind == CONFIG_KIND_LIST || kind == CONFIG_KIND_PARAMETERS)
			*option++ = (cfg_opt_t)CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, on_value,
							       free);
		else
			*option++ =
				(cfg_opt_t)CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, on_value, free);
	}
	return option;
}

static cfg_t *make_tree(void)
{
	char any_text[] = "x";
	cfg_opt_t http[CONFIG_HTTP_KEYS + 1];
	cfg_opt_t token[CONFIG_TOKEN_KEYS + 2];
	cfg_opt_t root[CONFIG_ROOT_KEYS + 3];
	cfg_opt_t *next;
	cfg_t *tree;

	next = make_options(http, CONFIG_SCOPE_HTTP);
	*next = (cfg_opt_t)CFG_END();
	next = make_options(token, CONFIG_SCOPE_TOKEN);
	*next++ = (cfg_opt_t)CFG_PTR_CB(FIRST_LINE, any_text, CFGF_NONE, on_value, free);
	*next = (cfg_opt_t)CFG_END();
	next = make_options(root, CONFIG_SCOPE_ROOT);
	*next++ = (cfg_opt_t)CFG_SEC("http", http, CFGF_NONE);
	*next++ = (cfg_opt_t)CFG_SEC("token", token, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	*next = (cfg_opt_t)CFG_END();

	tree = cfg_init(root, CFGF_NONE);
	if (tree != NULL)
		(void)cfg_set_error_function(tree, on_error);
	return tree;
}

static unsigned first_line(cfg_t *section)
{
	const struct config_value *value =
		cfg_opt_getnptr(cfg_getnopt(section, TOKEN_FIRST_LINE), 0);

	return value == NULL ? 0 : value->line;
}

/* The caller frees ret->values. */
static int get_setting(cfg_opt_t *option, struct config_setting *ret)
{
	size_t count = cfg_opt_size(option);
	const struct config_value **values;

	*ret = (struct config_setting){.is_given = (option->flags & CFGF_MODIFIED) != 0};
	if (count == 0)
		return 0;
	values = calloc(count, sizeof(*values));
	if (values == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		values[i] = cfg_opt_getnptr(option, (unsigned)i);
	ret->values = values;
	ret->count = count;
	return 0;
}

static void free_settings(struct config_section *section)
{
	for (size_t i = 0; i < CONFIG_KEYS_MAX; i++)
		free((void *)section->settings[i].values);
}

static int visit(cfg_t *tree, enum config_scope scope, config_on_section on_section, void *context)
{
	struct config_keys keys = config_keys_of(scope);
	struct config_section section = {.scope = scope, .title = ""};
	int r = 0;

	section.is_complete = tree->comment == NULL;
	if (scope == CONFIG_SCOPE_TOKEN) {
		section.title = cfg_title(tree);
		section.line = first_line(tree);
	}
	for (size_t i = 0; i < keys.count && r == 0; i++)
		r = get_setting(cfg_getnopt(tree, (unsigned)i), &section.settings[i]);
	if (r == 0)
		r = on_section(context, &section);
	free_settings(&section);
	return r;
}

static int visit_all(cfg_t *tree, config_on_section on_section, void *context)
{
	int r = visit(tree, CONFIG_SCOPE_ROOT, on_section, context);

	if (r == 0)
		r = visit(http_section(tree), CONFIG_SCOPE_HTTP, on_section, context);
	for (unsigned i = 0; i < token_count(tree) && r == 0; i++)
		r = visit(token_section(tree, i), CONFIG_SCOPE_TOKEN, on_section, context);
	return r;
}

/* The section that the parser was in last: lines only grow, and go back to the outer section. */
static cfg_t *last_section(cfg_t *tree)
{
	cfg_t *last = http_section(tree);

	for (unsigned i = 0; i < token_count(tree); i++)
		if (token_section(tree, i)->line >= last->line)
			last = token_section(tree, i);
	return tree->line > last->line ? tree : last;
}

/* Where the parser stopped; NULL when it came to an end. */
static cfg_t *find_error(cfg_t *tree)
{
	if (tree->comment != NULL)
		return tree;
	if (http_section(tree)->comment != NULL)
		return http_section(tree);
	for (unsigned i = 0; i < token_count(tree); i++)
		if (token_section(tree, i)->comment != NULL)
			return token_section(tree, i);
	return NULL;
}

/* 0 with *ret_wrong, which is NULL unless there is a syntax error, or -ENOMEM. */
static int parse(cfg_t *tree, const char *text, cfg_t **ret_wrong)
{
	cfg_t *wrong;
	int parsed;

	errno = 0;
	parsed = cfg_parse_buf(tree, text);
	if (parsed != CFG_SUCCESS && errno == ENOMEM)
		return -ENOMEM;
	wrong = find_error(tree);
	if (parsed != CFG_SUCCESS && wrong == NULL) {
		/* An empty name is the one mistake that libconfuse has no message for. */
		wrong = last_section(tree);
		wrong->comment = strdup("a name is empty");
		if (wrong->comment == NULL)
			return -ENOMEM;
	}
	*ret_wrong = wrong;
	return 0;
}

/* What the message has in quotes behind prefix, without the closing one; NULL if it is another. */
static char *quoted_after(char *message, const char *prefix)
{
	size_t length = strlen(prefix);
	char *end = strrchr(message, '\'');

	if (strncmp(message, prefix, length) != 0 || end < message + length)
		return NULL;
	*end = '\0';
	return message + length;
}

static void report(cfg_t *section, const char *file, struct config_errors *errors)
{
	const struct config_place place = {.file = file, .line = (unsigned)section->line};
	const char *key = quoted_after(section->comment, "no such option '");
	const char *title;

	if (key != NULL) {
		bool is_secret = strcmp(key, "client_secret") == 0;

		(void)config_errors_add(errors, &place, key, "unknown key%s",
					is_secret ? "; the secret stands in a file of its own, "
						    "which client_secret_file names"
						  : "");
		return;
	}
	title = quoted_after(section->comment, "found duplicate title '");
	if (title != NULL)
		(void)config_errors_add(errors, &place, "token", "\"%s\" is there twice", title);
	else
		(void)config_errors_add(errors, &place, "syntax", "%s", section->comment);
}

int config_parse(const char *text, const char *file, config_on_section on_section, void *context,
		 struct config_errors *errors)
{
	CLEANUP(free_tree) cfg_t *tree = make_tree();
	cfg_t *wrong;
	int r;

	if (tree == NULL)
		return -ENOMEM;
	r = parse(tree, text, &wrong);
	if (r < 0)
		return r;
	r = visit_all(tree, on_section, context);
	if (r < 0 || wrong == NULL)
		return r;
	report(wrong, file, errors);
	return errors->is_short ? -ENOMEM : -EINVAL;
}
