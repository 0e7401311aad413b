/* SPDX-License-Identifier: MIT */
/*
 * How many connections may be open at once, by user and in all, so that one user cannot keep the
 * others out and all users together cannot keep the administrators out. Pure counting.
 */
#ifndef BROKER_CONTROL_ADMISSION_H
#define BROKER_CONTROL_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* design.md section 8 */
#define ADMISSION_PER_UID    16
#define ADMISSION_IN_ALL     256
#define ADMISSION_FOR_ADMINS 16 /* of these, kept free of everybody else */

struct admission_user {
	uid_t uid;
	unsigned open;
};

struct admission {
	struct admission_user
		users[ADMISSION_IN_ALL]; /* the first user_count, each with open > 0 */
	size_t user_count;
	size_t open;
	size_t open_others; /* of these, who are not administrators */
};

void admission_init(struct admission *admission);

/* False: the limits leave no place; nothing is counted. */
bool admission_enter(struct admission *admission, uid_t uid, bool is_admin);
/* With the arguments of an admission_enter() that returned true, once for each. */
void admission_leave(struct admission *admission, uid_t uid, bool is_admin);

#endif
