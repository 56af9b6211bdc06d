/* SPDX-License-Identifier: MIT */
/* .NET's choice of a default key, as measured on 8.0, 9.0 and 10.0. */
#include "keys/policy.h"

#include "base/ticks.h"

#include <errno.h>
#include <stdlib.h>

#define CLOCK_SKEW         (5 * DPK_TICKS_PER_MIN) /* MaxServerClockSkew: of activations only */
#define PROPAGATION_WINDOW (2 * DPK_TICKS_PER_DAY) /* KeyPropagationWindow */
#define SUCCESSOR_WINDOW   (3 * DPK_TICKS_PER_DAY) /* 9+: propagation and one refresh period */

struct ring {
	const struct dpk_policy_key *keys;
	size_t count;
	int64_t now;
};

/* Saturates: a date near the end of time is late, not negative. */
static int64_t plus(int64_t ticks, int64_t span)
{
	int64_t sum;

	if (__builtin_add_overflow(ticks, span, &sum))
		return span > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* The activated key with the latest activation; of equal ones that with the smallest id. */
static const struct dpk_policy_key *preferred_at(const struct ring *ring, int64_t time)
{
	const struct dpk_policy_key *best = NULL;

	for (size_t i = 0; i < ring->count; i++) {
		const struct dpk_policy_key *key = &ring->keys[i];
		int later;

		if (key->activates > plus(time, CLOCK_SKEW))
			continue;
		later = best ? compare(key->activates, best->activates) : 1;
		if (later > 0 || (later == 0 && dpk_guid_compare(&key->id, &best->id) < 0))
			best = key;
	}
	return best;
}

static const struct dpk_policy_key *default_at(const struct ring *ring, int64_t time)
{
	const struct dpk_policy_key *key = preferred_at(ring, time);

	return key && !key->revoked && key->expires > time ? key : NULL;
}

/*
 * Where the default fails, .NET goes through two lists and takes the first key
 * of the first that is not empty. A list is a range of creation dates and an
 * order; equal dates keep the order of the directory in .NET, here the
 * smallest id comes first, so that all nodes agree.
 */
struct fallback_list {
	int64_t after; /* created later than this, */
	int64_t until; /* and not later than this */
	bool newest_first;
	const struct dpk_policy_key *except; /* NULL: no exception */
};

static const struct dpk_policy_key *first_of(
	const struct ring *ring, const struct fallback_list *list)
{
	const struct dpk_policy_key *best = NULL;

	for (size_t i = 0; i < ring->count; i++) {
		const struct dpk_policy_key *key = &ring->keys[i];
		int before;

		if (key->revoked || key == list->except || key->created <= list->after ||
			key->created > list->until)
			continue;
		before = best ? compare(best->created, key->created) : 1;
		if (best && list->newest_first)
			before = -before;
		if (before > 0 || (before == 0 && dpk_guid_compare(&key->id, &best->id) < 0))
			best = key;
	}
	return best;
}

/* 9+ passes over the preferred key in the first list only: it may be in the second. */
static const struct dpk_policy_key *fallback(
	enum dpk_net net, const struct ring *ring, const struct dpk_policy_key *preferred)
{
	int64_t propagated = plus(ring->now, -PROPAGATION_WINDOW);
	const struct fallback_list known = { INT64_MIN, propagated, true,
		net == DPK_NET_8 ? NULL : preferred };
	const struct fallback_list rest = { net == DPK_NET_8 ? INT64_MIN : propagated, INT64_MAX,
		false, NULL };
	const struct dpk_policy_key *key = first_of(ring, &known);

	return key ? key : first_of(ring, &rest);
}

static bool needs_new_8(const struct ring *ring, const struct dpk_policy_key *current)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct dpk_policy_key *key = &ring->keys[i];

		if (!key->revoked && key->activates <= plus(current->expires, CLOCK_SKEW) &&
			key->expires > plus(ring->now, PROPAGATION_WINDOW))
			return false;
	}
	return true;
}

static bool needs_new_9(const struct ring *ring, const struct dpk_policy_key *current)
{
	int64_t horizon = plus(ring->now, SUCCESSOR_WINDOW);
	const struct dpk_policy_key *successor;

	if (current->expires >= horizon)
		return false;
	successor = default_at(ring, current->expires);
	return !successor || successor->expires < horizon;
}

void dpk_policy_choose(enum dpk_net net, const struct dpk_policy_key *keys, size_t count,
	int64_t now, struct dpk_choice *ret_choice)
{
	const struct ring ring = { keys, count, now };
	const struct dpk_policy_key *current = default_at(&ring, now), *chosen = current;

	*ret_choice = (struct dpk_choice){ .need_new = true };
	if (current)
		ret_choice->need_new = net == DPK_NET_8 ? needs_new_8(&ring, current) :
							  needs_new_9(&ring, current);
	else
		chosen = fallback(net, &ring, preferred_at(&ring, now));
	if (!chosen)
		return;
	ret_choice->found = true;
	ret_choice->id = chosen->id;
	ret_choice->fallback = chosen != current;
	ret_choice->expired = chosen->expires <= now;
}

static bool revokes(const struct dpk_facts *revocation, const struct dpk_facts *key)
{
	if (revocation->mass)
		return key->created < revocation->revoked_at;
	return dpk_guid_equal(&revocation->id, &key->id);
}

/* That the newest mass revocation counts follows: whatever an older one revokes, it does too. */
static bool is_revoked(
	const struct dpk_facts *const *facts, size_t count, const struct dpk_facts *key)
{
	for (size_t i = 0; i < count; i++)
		if (facts[i]->kind == DPK_KIND_REVOCATION && revokes(facts[i], key))
			return true;
	return false;
}

int dpk_policy_keys(const struct dpk_facts *const *facts, size_t count,
	struct dpk_policy_key **ret_keys, size_t *ret_count)
{
	struct dpk_policy_key *keys;
	size_t n = 0;

	*ret_keys = NULL;
	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		n += facts[i]->kind == DPK_KIND_KEY;
	if (n == 0)
		return 0;
	keys = calloc(n, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct dpk_facts *key = facts[i];

		if (key->kind != DPK_KIND_KEY)
			continue;
		keys[n++] = (struct dpk_policy_key){ key->id, key->created, key->activates,
			key->expires, is_revoked(facts, count, key) };
	}
	*ret_keys = keys;
	*ret_count = n;
	return 0;
}
