/* SPDX-License-Identifier: MIT */
/*
 * Who may read a segment: its owner reads and writes, the readers read, nobody else does anything.
 * Kept as a POSIX access ACL; libacl stays in here.
 */
#ifndef BROKER_PUBLISH_SEGMENT_ACL_H
#define BROKER_PUBLISH_SEGMENT_ACL_H

#include <stdbool.h>

#include "base/principals.h"

/* Sets mode and ACL whole, whatever the umask, then looks whether they are as they should be (else
 * -EPERM). -EOPNOTSUPP: a tmpfs without ACLs; -E2BIG, -ENOSPC: too many readers. */
int segment_acl_set(int fd, const struct principals *readers);

/* *ret: mode and ACL are exactly what segment_acl_set() makes of these readers. */
int segment_acl_matches(int fd, const struct principals *readers, bool *ret);

#endif
