/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_MOUNTINFO_H
#define DPKFS_MOUNTINFO_H

/* What is mounted at a path, from /proc/self/mountinfo: the path itself is never touched. */

#include <stdbool.h>

struct dpk_err;

struct dpkfs_mountinfo {
	bool found;
	unsigned int major;
	unsigned int minor; /* of a FUSE mount: its connection's number below fusectl */
	char type[64];
	char source[256]; /* cut to fit, for words only */
};

/*
 * The topmost mount whose mountpoint is PATH (absolute, canonical); FOUND is
 * false where there is none. 0, or -errno where mountinfo cannot be read.
 */
int dpkfs_mountinfo_find(const char *path, struct dpkfs_mountinfo *ret_info, struct dpk_err *err);

#endif
