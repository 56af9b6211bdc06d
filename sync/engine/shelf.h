/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_SHELF_H
#define DPK_ENGINE_SHELF_H

/* The engine's side of the door of dpkeyfs/snapshot.h. All functions: any thread. */

#include <dpkeyfs/snapshot.h>

/* NULL without memory. */
struct dpk_shelf *dpk_shelf_new(void);

/* Drops the snapshot and frees; nobody may wait any more. NULL is allowed. */
void dpk_shelf_free(struct dpk_shelf *shelf);

/* Puts SNAP (a reference of its own is taken) in place of what was there; returns the new number.
 */
uint64_t dpk_shelf_publish(struct dpk_shelf *shelf, struct dpk_snapshot *snap);

/* Takes the ring away: listing and reading answer EIO from then on. Returns the new number. */
uint64_t dpk_shelf_withdraw(struct dpk_shelf *shelf);

/* Wakes every waiter with -ESHUTDOWN, for good. */
void dpk_shelf_close(struct dpk_shelf *shelf);

/* Waits until fs/ has exposed SEQ or later. 0, -ETIMEDOUT, -ESHUTDOWN. */
int dpk_shelf_wait_exposed(struct dpk_shelf *shelf, uint64_t seq, int timeout_ms);

/* How often fs/ was asked. */
uint64_t dpk_shelf_counted(struct dpk_shelf *shelf, enum dpk_request request);

#endif
