/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_FUSECTL_H
#define DPKFS_FUSECTL_H

/*
 * The switch that ends a FUSE connection, whatever state its processes are in.
 *
 * It is opened while the mount is known to be ours and kept: the numbers of
 * connections are used again, the open file is not. After the mount has gone,
 * writing to it does nothing.
 */

struct dpk_err;

/* Opens the abort file of connection NUMBER (the minor of the mount's st_dev). 0 or -errno. */
int dpkfs_fusectl_open(unsigned int number, int *ret_fd, struct dpk_err *err);

/* Every waiting request fails at once, later ones with ENOTCONN. FD -1 is a no-op. */
void dpkfs_fusectl_abort(int fd);

#endif
