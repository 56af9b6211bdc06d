/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_MOUNTPOINT_H
#define DPKFS_MOUNTPOINT_H

/* What the place of the mount must be before anything is mounted on it. */

struct dpk_err;

/* The file that stands beneath the mount, to be found when nothing is mounted. */
#define DPKFS_NOT_MOUNTED "NOT-MOUNTED.xml"

/*
 * 0 where PATH (absolute, canonical) is an empty directory, NOT-MOUNTED.xml
 * apart, or would be one once dead mounts of ours are detached. Changes
 * nothing. -EBUSY, -ENOTEMPTY, -ENOTDIR, -ENOENT, else -errno; ERR names the
 * remedy.
 */
int dpkfs_mountpoint_check(const char *path, struct dpk_err *err);

/*
 * The same, and detaches dead mounts of ours (saying so) and puts
 * NOT-MOUNTED.xml beneath; where that is not possible, it only warns.
 */
int dpkfs_mountpoint_prepare(const char *path, struct dpk_err *err);

#endif
