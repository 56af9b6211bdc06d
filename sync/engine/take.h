/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_TAKE_H
#define DPK_ENGINE_TAKE_H

/* From a plan to journal and mount. Engine thread only. */

#include "engine/engine-internal.h"

/*
 * Makes PLAN's ring a generation if it is CHANGED, with the signature of
 * READING if it is signed, and shows it. 0, or the -errno of the journal or of
 * a ring that cannot be shown; the trouble is set then.
 */
int dpk_take(struct dpk_engine *engine, const struct dpk_reading *reading, struct dpk_plan *plan,
	bool changed);

#endif
