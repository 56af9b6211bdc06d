/* SPDX-License-Identifier: MIT */
/* Sets of verified elements. */
#include "engine/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dpk_ring_fini(struct dpk_ring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		dpk_key_unref(ring->members[i].key);
	free(ring->members);
	*ring = (struct dpk_ring){ 0 };
}

/* Where NAME is, or belongs. */
static size_t place_of(const struct dpk_ring *ring, const char *name, bool *ret_found)
{
	size_t low = 0, high = ring->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(dpk_key_name(ring->members[middle].key), name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

int dpk_ring_add(struct dpk_ring *ring, struct dpk_key *key, int64_t first_seen)
{
	bool found;
	size_t place = place_of(ring, dpk_key_name(key), &found);

	if (found)
		return -EEXIST;
	if (ring->count == ring->capacity) {
		size_t capacity = ring->capacity ? ring->capacity * 2 : 16;
		struct dpk_member *grown;

		grown = reallocarray(ring->members, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		ring->members = grown;
		ring->capacity = capacity;
	}
	memmove(ring->members + place + 1, ring->members + place,
		(ring->count - place) * sizeof(*ring->members));
	ring->members[place] = (struct dpk_member){ dpk_key_ref(key), first_seen };
	ring->count++;
	return 0;
}

int dpk_ring_copy(const struct dpk_ring *ring, struct dpk_ring *ret_ring)
{
	struct dpk_ring copy = { 0 };

	for (size_t i = 0; i < ring->count; i++) {
		int r = dpk_ring_add(&copy, ring->members[i].key, ring->members[i].first_seen);

		if (r < 0) {
			dpk_ring_fini(&copy);
			return r;
		}
	}
	*ret_ring = copy;
	return 0;
}

const struct dpk_member *dpk_ring_find(const struct dpk_ring *ring, const char *name)
{
	bool found;
	size_t place = place_of(ring, name, &found);

	return found ? &ring->members[place] : NULL;
}

bool dpk_ring_equal(const struct dpk_ring *a, const struct dpk_ring *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct dpk_key *x = a->members[i].key, *y = b->members[i].key;

		if (strcmp(dpk_key_name(x), dpk_key_name(y)) != 0 ||
			memcmp(dpk_key_sha256(x), dpk_key_sha256(y), DPK_HASH_BYTES) != 0)
			return false;
	}
	return true;
}

size_t dpk_ring_keys(const struct dpk_ring *ring)
{
	size_t keys = 0;

	for (size_t i = 0; i < ring->count; i++)
		keys += dpk_key_facts(ring->members[i].key)->kind == DPK_KIND_KEY;
	return keys;
}

int dpk_ring_policy(const struct dpk_ring *ring, const struct dpk_facts *const *extra,
	size_t extra_count, struct dpk_policy_key **ret_keys, size_t *ret_count)
{
	const struct dpk_facts **facts = calloc(ring->count + extra_count + 1, sizeof(*facts));
	int r;

	if (!facts)
		return -ENOMEM;
	for (size_t i = 0; i < ring->count; i++)
		facts[i] = dpk_key_facts(ring->members[i].key);
	for (size_t i = 0; i < extra_count; i++)
		facts[ring->count + i] = extra[i];
	r = dpk_policy_keys(facts, ring->count + extra_count, ret_keys, ret_count);
	free(facts);
	return r;
}
