/* SPDX-License-Identifier: MIT */
/* From verified keys to what the mount shows. */
#include "engine/snapshot-build.h"

#include "base/err.h"
#include "base/ticks.h"
#include "engine/freeze.h"

#include <errno.h>
#include <stdlib.h>

int dpk_snapshot_build(uint64_t generation, const struct dpk_ring *ring,
	struct dpk_snapshot **ret_snap, struct dpk_err *err)
{
	struct dpk_file *files;
	int r;

	if (dpk_ring_keys(ring) == 0)
		return dpk_err_set(err, -EINVAL, "a ring without a key is not shown");
	files = calloc(ring->count, sizeof(*files));
	if (!files)
		return dpk_err_set(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < ring->count; i++) {
		files[i].name = dpk_key_name(ring->members[i].key);
		files[i].data = dpk_key_data(ring->members[i].key, &files[i].size);
		files[i].mtime = dpk_ticks_to_timespec(ring->members[i].first_seen);
	}
	r = dpk_snapshot_freeze(generation, files, ring->count, ret_snap, err);
	free(files);
	return r;
}
