/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_RING_H
#define DPK_ENGINE_RING_H

/* A set of verified elements, sorted by name, each name once. */

#include "keys/policy.h"
#include "keys/types.h"

struct dpk_member {
	struct dpk_key *key; /* a reference */
	int64_t first_seen;  /* ticks; when this content was first verified on this node */
};

struct dpk_ring {
	struct dpk_member *members;
	size_t count;
	size_t capacity;
};

void dpk_ring_fini(struct dpk_ring *ring);

/* Adds a reference to KEY in its place. 0, -EEXIST where the name is there already, -ENOMEM. */
int dpk_ring_add(struct dpk_ring *ring, struct dpk_key *key, int64_t first_seen);

/* Another ring with references of its own. 0 or -ENOMEM; *ret_ring is overwritten. */
int dpk_ring_copy(const struct dpk_ring *ring, struct dpk_ring *ret_ring);

/* By file name; borrowed; NULL. */
const struct dpk_member *dpk_ring_find(const struct dpk_ring *ring, const char *name);

/* Same names and the same bytes. */
bool dpk_ring_equal(const struct dpk_ring *a, const struct dpk_ring *b);

/* How many of its members are keys, not revocations. */
size_t dpk_ring_keys(const struct dpk_ring *ring);

/*
 * The keys as .NET's resolver sees them, revocations applied. The facts of
 * EXTRA (EXTRA_COUNT, may be 0) are taken in as well. The caller's to free().
 */
int dpk_ring_policy(const struct dpk_ring *ring, const struct dpk_facts *const *extra,
	size_t extra_count, struct dpk_policy_key **ret_keys, size_t *ret_count);

#endif
