/* SPDX-License-Identifier: MIT */
/* Finds what an earlier broker of this runtime directory has left and nobody needs. */
#ifndef BROKER_PUBLISH_SWEEP_H
#define BROKER_PUBLISH_SWEEP_H

struct publisher;

/* Removes the links of tokens that have no publication, and temporary ones. Both functions go on
 * after an error and return the first one. */
int sweep_links(struct publisher *publisher);

/* Retires the segments to which no link leads. */
int sweep_segments(struct publisher *publisher);

#endif
