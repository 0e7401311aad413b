/* SPDX-License-Identifier: MIT */
#include "base/error_text.h"

#include <stdarg.h>
#include <stdio.h>

void error_text_set(struct error_text *error, const char *format, ...)
{
	va_list arguments;

	if (error == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
}
