/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_DIR_WATCH_H
#define DPK_STORE_DIR_WATCH_H

#include "store/common/store.h"

#include <stdbool.h>

struct dpk_err;

/*
 * Blocks until the store PATH, a directory or one signed file, changes or differs already from the
 * token in CONFIG: OK. UNCHANGED when the deadline passes or the reader of standard output is gone.
 * UNSUPPORTED where the kernel would not hear of a change (network file systems, FUSE).
 */
enum dpk_store_exit dpk_dir_wait(
	const char *path, const struct dpk_store_config *config, struct dpk_err *err);

/* Whether every change of the open directory DIR passes this kernel. */
bool dpk_dir_is_local(int dir);

#endif
