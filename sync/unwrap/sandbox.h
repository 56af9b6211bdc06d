/* SPDX-License-Identifier: MIT */
#ifndef DPK_UNWRAP_SANDBOX_H
#define DPK_UNWRAP_SANDBOX_H

/* What the program gives up before it looks at anything from a store. */

#include <stdbool.h>

struct dpk_err;

/*
 * At the very start: no environment, no core dumps, no new privileges, nobody
 * may trace it. 0 or -errno.
 */
int dpk_sandbox_begin(struct dpk_err *err);

/*
 * When the keys have been read: all descriptors but 0, 1 and 2 closed, memory
 * locked, and as root also other namespaces for network, IPC and mounts, an
 * empty root directory and the user nobody. Then a filter that kills the
 * process at the first system call that opening keys does not need.
 *
 * With TOKEN the keys are in a device that a module of the provider's talks
 * to, in ways that are not known here: user, network, files and system calls
 * are left to it. 0 or -errno.
 */
int dpk_sandbox_enter(bool token, struct dpk_err *err);

#endif
