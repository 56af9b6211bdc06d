/* SPDX-License-Identifier: MIT */
#ifndef DPKEYFS_SNAPSHOT_H
#define DPKEYFS_SNAPSHOT_H

/*
 * The door between sync/ and fs/.
 *
 * A snapshot is one complete, verified ring: immutable, in one allocation,
 * reference counted, the same for every reader. The shelf holds at most one.
 * sync/ publishes, fs/ asks; there are no callbacks.
 *
 * Reference counts: taking is relaxed (whoever takes already holds one, or
 * holds the shelf's lock), releasing is acquire-release, so that the last
 * holder sees all that the others did before it frees.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct dpk_file {
	const char *name; /* as it appears in the mount; lives as long as the snapshot */
	const void *data;
	size_t size;
	uint64_t node;         /* 63 bits of SHA-256 over name and content; never 0 or 1 */
	struct timespec mtime; /* when this content was first verified on this node */
	uint8_t sha256[32];    /* of the content */
};

struct dpk_snapshot;

/* A further reference. SNAP must not be NULL. Any thread; returns SNAP. */
struct dpk_snapshot *dpk_snapshot_ref(struct dpk_snapshot *snap);

/* Drops a reference; NULL is allowed. Any thread. Returns NULL. */
struct dpk_snapshot *dpk_snapshot_unref(struct dpk_snapshot *snap);

static inline void dpk_snapshot_unrefp(struct dpk_snapshot **snap)
{
	*snap = dpk_snapshot_unref(*snap);
}

/* 1, 2, 3…: the number under which the journal keeps this ring. */
uint64_t dpk_snapshot_generation(const struct dpk_snapshot *snap);

/* Number of files; at least 1. */
size_t dpk_snapshot_count(const struct dpk_snapshot *snap);

/* The INDEX-th file in byte order of the names; borrowed. INDEX < count. */
const struct dpk_file *dpk_snapshot_at(const struct dpk_snapshot *snap, size_t index);

/* By name or by node id; borrowed; NULL where there is none. O(log n). No allocation, no lock. */
const struct dpk_file *dpk_snapshot_find(const struct dpk_snapshot *snap, const char *name);
const struct dpk_file *dpk_snapshot_find_node(const struct dpk_snapshot *snap, uint64_t node);

/*
 * The shelf. Its state has a sequence number that grows with each publication,
 * withdrawal and close, so that a waiter misses nothing.
 */
struct dpk_shelf;

/* A reference to what is served now, or NULL: no verified ring, answer EIO. Never blocks long. */
struct dpk_snapshot *dpk_shelf_take(struct dpk_shelf *shelf);

/*
 * Waits until the sequence number differs from SEQ (0 at first), at most
 * TIMEOUT_MS (-1: for ever). Returns 0 and the new number, -ETIMEDOUT, or
 * -ESHUTDOWN once the shelf is closed.
 */
int dpk_shelf_wait(struct dpk_shelf *shelf, uint64_t seq, int timeout_ms, uint64_t *ret_seq);

/*
 * fs/ says that the kernel now shows the state of sequence number SEQ; this
 * ends dpk_shelf_wait_exposed (engine/shelf.h) on the other side.
 */
void dpk_shelf_exposed(struct dpk_shelf *shelf, uint64_t seq);

/* What the kernel asked of the daemon: counted by fs/, shown by status. */
#define DPK_REQUESTS(X)                                                                            \
	X(DPK_REQUEST_LOOKUP, "lookup")                                                            \
	X(DPK_REQUEST_GETATTR, "getattr")                                                          \
	X(DPK_REQUEST_OPEN, "open")                                                                \
	X(DPK_REQUEST_READ, "read")                                                                \
	X(DPK_REQUEST_OPENDIR, "opendir")                                                          \
	X(DPK_REQUEST_READDIRPLUS, "readdirplus")                                                  \
	X(DPK_REQUEST_FLUSH, "flush")                                                              \
	X(DPK_REQUEST_STATFS, "statfs")                                                            \
	X(DPK_REQUEST_FORGET, "forget")                                                            \
	X(DPK_REQUEST_OTHER, "other")

enum dpk_request {
#define DPK_REQUEST_MEMBER(member, word) member,
	DPK_REQUESTS(DPK_REQUEST_MEMBER)
#undef DPK_REQUEST_MEMBER
		DPK_REQUEST_COUNT
};

/* One relaxed atomic increment. Any thread. */
void dpk_shelf_count(struct dpk_shelf *shelf, enum dpk_request request);

#endif
