/* SPDX-License-Identifier: MIT */
/* Which addresses never leave this host: 127.0.0.0/8 and ::1. Pure. */
#ifndef BROKER_SOURCE_LOOPBACK_H
#define BROKER_SOURCE_LOOPBACK_H

#include <stdbool.h>
#include <sys/socket.h>

bool is_loopback_address(const struct sockaddr *address);

#endif
