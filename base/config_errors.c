/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static int append(struct config_errors *errors, struct error_text **ret)
{
	struct error_text *items =
		reallocarray(errors->items, errors->count + 1, sizeof(*errors->items));

	if (items == NULL) {
		errors->is_short = true;
		return -ENOMEM;
	}
	errors->items = items;
	*ret = &items[errors->count++];
	return 0;
}

static void add_place(struct text *text, const struct config_place *place, const char *key)
{
	if (place->file != NULL && place->line != 0)
		text_addf(text, "%s:%u: ", place->file, place->line);
	else if (place->file != NULL)
		text_addf(text, "%s: ", place->file);
	if (key != NULL)
		text_addf(text, "%s: ", key);
}

/* Names and values come out of a file that may hold anything: one mistake stays one line. */
static void replace_controls(char *string)
{
	for (; *string != '\0'; string++)
		if ((unsigned char)*string < 0x20 || *string == 0x7f)
			*string = '?';
}

int config_errors_add(struct config_errors *errors, const struct config_place *place,
		      const char *key, const char *format, ...)
{
	struct error_text *error;
	struct error_text reason;
	struct text text;
	va_list arguments;
	int r;

	if (errors->count >= CONFIG_ERRORS_MAX)
		return 0;
	r = append(errors, &error);
	if (r < 0)
		return r;
	if (errors->count == CONFIG_ERRORS_MAX) {
		error_text_set(error, "further mistakes are not shown");
		return 0;
	}

	va_start(arguments, format);
	(void)vsnprintf(reason.text, sizeof(reason.text), format, arguments);
	va_end(arguments);
	text_init(&text, error->text, sizeof(error->text));
	add_place(&text, place, key);
	text_add(&text, reason.text);
	replace_controls(error->text);
	return 0;
}

void config_errors_free(struct config_errors *errors)
{
	free(errors->items);
	*errors = (struct config_errors){0};
}
