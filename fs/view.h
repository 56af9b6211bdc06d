/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_VIEW_H
#define DPKFS_VIEW_H

/*
 * A view answers lookups, attributes and reads: one snapshot, and the files
 * that left earlier ones less than the grace ago (graves). It is immutable
 * and reference counted. A name in the snapshot hides graves of that name,
 * which then answer by node only, to readers that opened them before.
 */

#include <dpkeyfs/snapshot.h>

#include <stdint.h>
#include <sys/stat.h>

#include "mount.h"

#define DPKFS_ROOT_NODE 1

/* Graves that a view keeps; past these the oldest give up the rest of their grace. */
#define DPKFS_GRAVES_MAX       4096
#define DPKFS_GRAVES_MAX_BYTES (16u * 1024 * 1024)

struct dpkfs_view;

/*
 * What follows OLD (NULL: nothing does). SNAP: a reference is taken; NULL is
 * a ring withdrawn, and has no graves. Files of OLD that are missing in SNAP
 * stay until NOW_MS + GRACE_MS. Returned owned; NULL without memory.
 */
struct dpkfs_view *dpkfs_view_next(
	struct dpkfs_view *old, struct dpk_snapshot *snap, uint64_t now_ms, uint64_t grace_ms);

/* OLD without the graves whose time has come. Returned owned; NULL without memory. */
struct dpkfs_view *dpkfs_view_bury(struct dpkfs_view *old, uint64_t now_ms);

/* The same view under another owner. Returned owned; NULL without memory. */
struct dpkfs_view *dpkfs_view_chown(struct dpkfs_view *old, const struct dpkfs_owner *owner);

/* A view of no ring. Returned owned; NULL without memory. */
struct dpkfs_view *dpkfs_view_new(const struct dpkfs_owner *owner);

/* Any thread. */
struct dpkfs_view *dpkfs_view_ref(struct dpkfs_view *view);
struct dpkfs_view *dpkfs_view_unref(struct dpkfs_view *view);

static inline void dpkfs_view_unrefp(struct dpkfs_view **view)
{
	*view = dpkfs_view_unref(*view);
}

/* Borrowed; NULL: no ring. */
struct dpk_snapshot *dpkfs_view_snapshot(const struct dpkfs_view *view);

const struct dpkfs_owner *dpkfs_view_owner(const struct dpkfs_view *view);

/* 4 KiB blocks of the snapshot, at least 1. */
uint64_t dpkfs_view_blocks(const struct dpkfs_view *view);

/* Borrowed, NULL where there is none. No lock, no allocation. */
const struct dpk_file *dpkfs_view_find(const struct dpkfs_view *view, const char *name);
const struct dpk_file *dpkfs_view_find_node(const struct dpkfs_view *view, uint64_t node);

/* Graves, in no order that matters; the time at which the next one ends, UINT64_MAX: none. */
size_t dpkfs_view_grave_count(const struct dpkfs_view *view);
const struct dpk_file *dpkfs_view_grave(const struct dpkfs_view *view, size_t index);
uint64_t dpkfs_view_next_end_ms(const struct dpkfs_view *view);

#endif
