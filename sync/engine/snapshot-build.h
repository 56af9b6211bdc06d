/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_SNAPSHOT_BUILD_H
#define DPK_ENGINE_SNAPSHOT_BUILD_H

#include "engine/ring.h"

#include <dpkeyfs/snapshot.h>

struct dpk_err;

/*
 * Copies a ring of verified elements into a snapshot. -EINVAL where the ring
 * has no key, -EEXIST on a collision of node ids, -ENOMEM.
 */
int dpk_snapshot_build(uint64_t generation, const struct dpk_ring *ring,
	struct dpk_snapshot **ret_snap, struct dpk_err *err);

#endif
