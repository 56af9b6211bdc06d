/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_PROCESS_H
#define DPKFS_PROCESS_H

/* What a process does to itself before and while it is a daemon. One thread only. */

#include <limits.h>

/*
 * No core files, no debugger, umask 077, an environment of the few variables
 * that are meant for us, and a heap for threads that allocate little.
 */
void dpkfs_process_harden(void);

/* Leaves the terminal and the working directory for good; logs to syslog from then on. */
void dpkfs_process_detach(void);

/*
 * The mountpoint TEXT by its real name. realpath(3) would stat a dead mount
 * and fail, so then only its parent is resolved. 0 or -errno.
 */
int dpkfs_process_mountpoint(const char *text, char ret_path[static PATH_MAX]);

#endif
