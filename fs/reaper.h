/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_REAPER_H
#define DPKFS_REAPER_H

/*
 * The reaper ends the connection when the daemon dies without having said
 * goodbye. A thread that is killed while it waits for an answer of its own
 * process can never finish dying, and holds /dev/fuse meanwhile: only the
 * abort frees it and every reader. The reaper does not unmount: a dead mount
 * (ENOTCONN) is the truth, the empty directory beneath would be a lie.
 */

#include "helper.h"

/* Forks it; ABORT_FD is from dpkfs_fusectl_open. 0 or -errno. */
int dpkfs_reaper_start(int abort_fd, struct dpkfs_helper *ret_reaper, struct dpk_err *err);

/* The daemon ends in order: the reaper leaves without doing anything. No reaper: a no-op. */
void dpkfs_reaper_dismiss(struct dpkfs_helper *reaper);

#endif
