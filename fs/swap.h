/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_SWAP_H
#define DPKFS_SWAP_H

/*
 * Changing what readers see, in the one order in which they see no gap. All
 * of it on the notify thread. Each returns 0, or -ENOMEM with nothing changed.
 */

#include "notify.h"

/* SNAP (borrowed) takes the place of what is served; NULL: the ring is withdrawn. */
int dpkfs_swap(struct dpkfs_notify *notify, struct dpk_snapshot *snap);

/* Names whose grace is over open no more. */
int dpkfs_swap_bury(struct dpkfs_notify *notify, uint64_t now_ms);

/* Files and directory get another owner. */
int dpkfs_swap_chown(struct dpkfs_notify *notify, const struct dpkfs_owner *owner);

/* All attributes are asked for again. */
void dpkfs_swap_attributes(struct dpkfs_notify *notify);

/* What is due again: a kernel without epochs can still hold an entry that was under way. */
void dpkfs_swap_again(struct dpkfs_notify *notify, uint64_t now_ms);

#endif
