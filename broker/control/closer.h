/* SPDX-License-Identifier: MIT */
/*
 * Closes connections in a thread of its own, because closing one can block: whoever connects may
 * pass us descriptors (SCM_RIGHTS, unix(7)), the kernel closes them with the message that holds
 * them, and a TCP socket that lingers (SO_LINGER, socket(7)) holds up whoever closes it for as long
 * as its owner wished. Linux 6.16 can refuse passed descriptors; this is for all the others.
 *
 * So the loop looks at a message without taking it, and gives the connection away when it is done.
 */
#ifndef BROKER_CONTROL_CLOSER_H
#define BROKER_CONTROL_CLOSER_H

#include <stdbool.h>

/* More connections should not wait to be closed. With those that are open they leave
 * half of the usual 1024 descriptors to everything else. */
#define CLOSER_BACKLOG_MAX 256

struct closer;

/* Starts the thread, with all signals blocked in it. -ENOMEM, or an error of pipe(2) or
 * pthread_create(3). */
int closer_new(struct closer **ret);
/* Does not wait: what was given is still closed. NULL is fine. */
void closer_free(struct closer *closer);

/*
 * Takes fd, a connected socket, over. The request that it still holds, and one message more, are
 * taken out before it is closed: what is left unread reaches the peer as ECONNRESET in place of the
 * answer.
 */
void closer_give(struct closer *closer, int fd);

/* Accept no more connections for now: they come faster than they are closed. */
bool closer_is_full(const struct closer *closer);

/* Connections closed so far; it wraps. While it stands still somebody makes us linger. */
unsigned closer_closed(const struct closer *closer);

#endif
