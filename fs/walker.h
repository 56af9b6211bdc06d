/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_WALKER_H
#define DPKFS_WALKER_H

/*
 * The walker looks at the mount as a reader would, so that the kernel knows
 * names before the first reader comes. It is a process of its own because
 * one that waits for an answer of itself cannot be killed. It keeps no
 * directory open between two questions: that would keep the mount busy.
 */

#include <stdbool.h>
#include <stddef.h>

#include "helper.h"

/* Names that one dpkfs_walker_look takes. */
#define DPKFS_WALKER_NAMES_MAX 64

/* MOUNTPOINT is copied by the fork. 0 or -errno. */
int dpkfs_walker_start(
	const char *mountpoint, struct dpkfs_helper *ret_walker, struct dpk_err *err);

/*
 * Lists the mount and looks at every name. Bounded: a walker that does not
 * answer in time is killed, and from then on there is none. 0 or -errno,
 * -ESRCH where there is no walker. Notify thread only, as below.
 */
int dpkfs_walker_walk(struct dpkfs_helper *walker);

/* Looks at COUNT names, at most DPKFS_WALKER_NAMES_MAX. As above. */
int dpkfs_walker_look(struct dpkfs_helper *walker, const char *const *names, size_t count);

#endif
