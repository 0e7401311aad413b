/* SPDX-License-Identifier: MIT */
#include "publish/publication_found.h"

#include <stddef.h>

void publication_found_fini(struct publication_found *found)
{
	if (found == NULL)
		return;
	secret_free(found->token);
	*found = (struct publication_found){0};
}
