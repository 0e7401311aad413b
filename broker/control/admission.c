/* SPDX-License-Identifier: MIT */
#include "control/admission.h"

#include <assert.h>

static struct admission_user *find_user(struct admission *admission, uid_t uid)
{
	for (size_t i = 0; i < admission->user_count; i++)
		if (admission->users[i].uid == uid)
			return &admission->users[i];
	return NULL;
}

void admission_init(struct admission *admission)
{
	*admission = (struct admission){.open = 0};
}

bool admission_enter(struct admission *admission, uid_t uid, bool is_admin)
{
	struct admission_user *user = find_user(admission, uid);

	if (admission->open >= ADMISSION_IN_ALL)
		return false;
	if (!is_admin && admission->open_others >= ADMISSION_IN_ALL - ADMISSION_FOR_ADMINS)
		return false;
	if (user != NULL && user->open >= ADMISSION_PER_UID)
		return false;

	if (user == NULL) { /* room: each user in the list has at least one connection open */
		user = &admission->users[admission->user_count++];
		*user = (struct admission_user){.uid = uid};
	}
	user->open++;
	admission->open++;
	admission->open_others += !is_admin;
	return true;
}

void admission_leave(struct admission *admission, uid_t uid, bool is_admin)
{
	struct admission_user *user = find_user(admission, uid);

	assert(user != NULL && admission->open > 0);
	assert(is_admin || admission->open_others > 0);
	admission->open--;
	admission->open_others -= !is_admin;
	if (--user->open == 0)
		*user = admission->users[--admission->user_count];
}
