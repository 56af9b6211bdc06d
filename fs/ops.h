/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_OPS_H
#define DPKFS_OPS_H

/*
 * The request handlers; their user data is a struct dpkfs_room. Each answers
 * from memory exactly once: no I/O, no log (audit apart), no allocation, no
 * state of its own from one request to the next.
 */

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops dpkfs_ops;

#endif
