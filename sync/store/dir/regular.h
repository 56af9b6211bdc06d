/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_DIR_REGULAR_H
#define DPK_STORE_DIR_REGULAR_H

/* Opening and reading one regular file of a directory that others may write. */

#include "store/dir/list.h"

struct dpk_err;

/* How often a thing that changes while it is read is read again. */
#define DPK_DIR_TRIES 8

/*
 * Opens NAME beneath the open directory DIR with O_PATH. The descriptor
 * (owned), -EXDEV where it leads out of the directory, or -errno.
 */
int dpk_dir_open_beneath(int dir, const char *name);

/*
 * Reads the regular file behind the O_PATH descriptor FD, whose state was
 * STAMP: STAMP->size bytes (owned by the caller). -EAGAIN if it has changed.
 */
int dpk_dir_read(int fd, const char *name, const struct dpk_dir_stamp *stamp, char **ret_data,
	struct dpk_err *err);

/* Sets the text, with the remedy where there is one, and returns R. */
int dpk_dir_fail_entry(struct dpk_err *err, int r, const char *what, const char *name);

/* Sleeps before the try number TRY, from 0, longer each time. */
void dpk_dir_pause(unsigned int try);

#endif
