/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_FREEZE_H
#define DPK_ENGINE_FREEZE_H

/*
 * Making snapshots. dpk_snapshot_freeze takes bytes as they are, so only
 * engine/snapshot.c, which takes verified keys, and tests may include this; a
 * test of the house rules sees to it.
 */

#include <dpkeyfs/snapshot.h>

struct dpk_err;

/*
 * Copies COUNT (at least 1) files into a new snapshot, sorted by name. Of each
 * file name, data, size and mtime are read; node and sha256 are computed.
 * -EINVAL for no file, -EEXIST for a name that occurs twice or a collision of
 * node ids, -ENOMEM.
 */
int dpk_snapshot_freeze(uint64_t generation, const struct dpk_file *files, size_t count,
	struct dpk_snapshot **ret_snap, struct dpk_err *err);

#endif
