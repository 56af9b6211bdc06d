/* SPDX-License-Identifier: MIT */
/* The ring's rules. */
#include "engine/plan.h"

#include "base/cleanup.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *dpk_hold_word(enum dpk_hold hold)
{
	static const char *const words[] = {
		[DPK_HOLD_NONE] = "",
		[DPK_HOLD_REMOVAL] = "removal",
		[DPK_HOLD_NO_DEFAULT] = "no-default",
		[DPK_HOLD_REVOCATION] = "revocation",
		[DPK_HOLD_TOO_MANY] = "too-many",
	};

	return words[hold];
}

void dpk_plan_fini(struct dpk_plan *plan)
{
	dpk_ring_fini(&plan->ring);
	free(plan->removed);
	*plan = (struct dpk_plan){ 0 };
}

__attribute__((format(printf, 3, 4))) static void hold(
	struct dpk_plan *plan, enum dpk_hold kind, const char *format, ...)
{
	va_list ap;

	plan->hold = kind;
	va_start(ap, format);
	vsnprintf(plan->text, sizeof(plan->text), format, ap);
	va_end(ap);
}

/* Everything stays as it is. */
static int keep_current(const struct dpk_plan_input *input, struct dpk_plan *plan)
{
	free(plan->removed);
	plan->removed = NULL;
	plan->removed_count = 0;
	plan->wants_second_read = false;
	dpk_ring_fini(&plan->ring);
	return dpk_ring_copy(input->current, &plan->ring);
}

static bool same_bytes(const struct dpk_key *a, const struct dpk_key *b)
{
	return memcmp(dpk_key_sha256(a), dpk_key_sha256(b), DPK_HASH_BYTES) == 0;
}

static int reject_duplicate(
	struct dpk_rejections *rejections, const struct dpk_offer *offer, bool served)
{
	struct dpk_refusal refusal = { .verdict = DPK_VERDICT_DUPLICATE_ID,
		.has_facts = true,
		.facts = *dpk_key_facts(offer->key) };
	char id[DPK_GUID_STRING_MAX];

	snprintf(refusal.text, sizeof(refusal.text),
		"a second key with the id %s, which would make .NET refuse the whole ring; %s; delete "
		"the wrong one from the store",
		dpk_guid_to_string(&refusal.facts.id, id),
		served ? "one of them is served" : "their contents differ, so neither is served");
	return dpk_rejections_add(
		rejections, offer->origin, offer->name, &refusal, dpk_key_sha256(offer->key));
}

static int64_t seen_since(const struct dpk_plan_input *input, const struct dpk_key *key)
{
	const struct dpk_member *member = dpk_ring_find(input->current, dpk_key_name(key));

	return member && same_bytes(member->key, key) ? member->first_seen : input->now;
}

/* Of the offers with the name of the FIRST, the one to serve; NULL for none. */
static const struct dpk_offer *choose(const struct dpk_plan_input *input, size_t first)
{
	const struct dpk_offer *offers = input->offers;
	const char *name = dpk_key_name(offers[first].key);
	const struct dpk_member *served = dpk_ring_find(input->current, name);
	bool differ = false;

	for (size_t i = first; i < input->offer_count; i++) {
		if (strcmp(dpk_key_name(offers[i].key), name) != 0)
			continue;
		if (served && same_bytes(served->key, offers[i].key))
			return &offers[i];
		differ = differ || !same_bytes(offers[i].key, offers[first].key);
	}
	/* of two revocations of one key either does the same; .NET reads no more than its id */
	if (differ && dpk_key_facts(offers[first].key)->kind == DPK_KIND_KEY)
		return NULL;
	return &offers[first];
}

static int take_name(const struct dpk_plan_input *input, size_t first,
	struct dpk_rejections *rejections, struct dpk_ring *ring)
{
	const struct dpk_offer *offers = input->offers, *chosen = choose(input, first);
	const char *name = dpk_key_name(offers[first].key);
	int r = chosen ? dpk_ring_add(ring, chosen->key, seen_since(input, chosen->key)) : 0;

	for (size_t i = first; i < input->offer_count && r == 0; i++) {
		if (&offers[i] == chosen || strcmp(dpk_key_name(offers[i].key), name) != 0)
			continue;
		if (dpk_key_facts(offers[i].key)->kind == DPK_KIND_KEY)
			r = reject_duplicate(rejections, &offers[i], chosen != NULL);
	}
	return r;
}

/* What the store offers, each name once. */
static int take_offers(const struct dpk_plan_input *input, struct dpk_rejections *rejections,
	struct dpk_ring *ring)
{
	for (size_t i = 0; i < input->offer_count; i++) {
		const char *name = dpk_key_name(input->offers[i].key);
		bool met = false;
		int r;

		for (size_t j = 0; j < i && !met; j++)
			met = strcmp(dpk_key_name(input->offers[j].key), name) == 0;
		if (met)
			continue;
		r = take_name(input, i, rejections, ring);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool revokes(const struct dpk_facts *revocation, const struct dpk_facts *key)
{
	return revocation->mass ? key->created < revocation->revoked_at :
				  dpk_guid_equal(&key->id, &revocation->id);
}

/* Does a mass revocation of KEEP revoke KEY as surely as REVOCATION does? */
static bool is_covered(const struct dpk_facts *revocation, const struct dpk_facts *key,
	const struct dpk_ring *keep)
{
	for (size_t i = 0; i < keep->count; i++) {
		const struct dpk_facts *facts = dpk_key_facts(keep->members[i].key);

		if (facts->kind == DPK_KIND_REVOCATION && facts->mass && revokes(facts, key) &&
			(!revocation->mass || facts->revoked_at >= revocation->revoked_at))
			return true;
	}
	return false;
}

/* May this revocation leave when KEEP is served? With its keys, or under a later mass revocation.
 */
static bool may_leave(const struct dpk_facts *revocation, const struct dpk_ring *keep)
{
	for (size_t i = 0; i < keep->count; i++) {
		const struct dpk_facts *facts = dpk_key_facts(keep->members[i].key);

		if (facts->kind == DPK_KIND_KEY && revokes(revocation, facts) &&
			!is_covered(revocation, facts, keep))
			return false;
	}
	return true;
}

static bool removal_allowed(const struct dpk_plan_input *input, size_t rejected, size_t missing)
{
	if (input->accept)
		return true;
	/* a broken element may be the very key that seems to be gone */
	return rejected == 0 && input->removed_last_day + missing <= input->max_remove;
}

static int note_removed(struct dpk_plan *plan, const struct dpk_guid *id)
{
	struct dpk_guid *grown;

	grown = reallocarray(plan->removed, plan->removed_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->removed = grown;
	plan->removed[plan->removed_count++] = *id;
	return 0;
}

/* Keys that left the store: dropped if DROP, else they stay. */
static int settle_keys(const struct dpk_plan_input *input, struct dpk_plan *plan, bool drop)
{
	for (size_t i = 0; i < input->current->count; i++) {
		const struct dpk_member *member = &input->current->members[i];
		const struct dpk_facts *facts = dpk_key_facts(member->key);
		int r;

		if (facts->kind != DPK_KIND_KEY ||
			dpk_ring_find(&plan->ring, dpk_key_name(member->key)))
			continue;
		r = drop ? note_removed(plan, &facts->id) :
			   dpk_ring_add(&plan->ring, member->key, member->first_seen);
		if (r < 0)
			return r;
	}
	return 0;
}

static int settle_revocations(const struct dpk_plan_input *input, struct dpk_plan *plan)
{
	for (size_t i = 0; i < input->current->count; i++) {
		const struct dpk_member *member = &input->current->members[i];
		const struct dpk_facts *facts = dpk_key_facts(member->key);
		int r;

		if (facts->kind != DPK_KIND_REVOCATION ||
			dpk_ring_find(&plan->ring, dpk_key_name(member->key)))
			continue;
		if (may_leave(facts, &plan->ring)) {
			if (input->agreed)
				continue;
			plan->wants_second_read = true;
		} else if (plan->hold == DPK_HOLD_NONE) {
			hold(plan, DPK_HOLD_REMOVAL,
				"a revocation left the store while its key did not; it stays in force here. "
				"Put it back into the store, or delete the key as well");
		}
		r = dpk_ring_add(&plan->ring, member->key, member->first_seen);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t count_missing(const struct dpk_plan_input *input, const struct dpk_ring *offered)
{
	size_t missing = 0;

	for (size_t i = 0; i < input->current->count; i++) {
		const struct dpk_key *key = input->current->members[i].key;

		missing += dpk_key_facts(key)->kind == DPK_KIND_KEY &&
			   !dpk_ring_find(offered, dpk_key_name(key));
	}
	return missing;
}

/* What left the store: it stays, unless two reads agree and somebody allows it. */
static int settle_missing(
	const struct dpk_plan_input *input, size_t rejected, struct dpk_plan *plan)
{
	bool empty = dpk_ring_keys(&plan->ring) == 0;
	bool allowed, drop;
	int r;

	plan->missing = count_missing(input, &plan->ring);
	allowed = !empty && removal_allowed(input, rejected, plan->missing);
	drop = plan->missing > 0 && allowed && input->agreed;
	plan->wants_second_read = plan->missing > 0 && allowed && !input->agreed;
	if (plan->missing > 0 && !allowed && empty)
		hold(plan, DPK_HOLD_REMOVAL,
			"the store has no usable key at all; all %zu keys stay served. Put the ring back "
			"into the store",
			plan->missing);
	else if (plan->missing > 0 && !allowed)
		hold(plan, DPK_HOLD_REMOVAL,
			"%zu key%s left the store and stay%s served (max_remove=%llu, %llu gone in 24 h). "
			"If they are to go, run: dpkeyctl accept-removal",
			plan->missing, plan->missing == 1 ? "" : "s", plan->missing == 1 ? "s" : "",
			(unsigned long long)input->max_remove,
			(unsigned long long)input->removed_last_day);
	r = settle_keys(input, plan, drop);
	return r < 0 ? r : settle_revocations(input, plan);
}

/* What a signed snapshot does not list has left; it must have said how much of that there is. */
static int settle_signed(const struct dpk_plan_input *input, struct dpk_plan *plan)
{
	size_t live = 0;

	for (size_t i = 0; i < input->current->count; i++) {
		const struct dpk_key *key = input->current->members[i].key;
		const struct dpk_facts *facts = dpk_key_facts(key);

		live += facts->kind == DPK_KIND_KEY && facts->expires > input->now &&
			!dpk_ring_find(&plan->ring, dpk_key_name(key));
	}
	if (live <= input->remove_max || input->accept)
		return settle_keys(input, plan, true);
	plan->missing = live;
	hold(plan, DPK_HOLD_REMOVAL,
		"the snapshot drops %zu unexpired key%s, its remove-max allows %llu; the last "
		"generation stays. Sign with --remove-max, or run: dpkeyctl accept-removal",
		live, live == 1 ? "" : "s", (unsigned long long)input->remove_max);
	return keep_current(input, plan);
}

int dpk_plan_loses_default(const struct dpk_ring *a, const struct dpk_ring *b, int64_t now)
{
	static const int64_t after[] = { 0, DPK_TICKS_PER_DAY, 3 * DPK_TICKS_PER_DAY };
	_cleanup_(freep) struct dpk_policy_key *keys_a = NULL;
	_cleanup_(freep) struct dpk_policy_key *keys_b = NULL;
	size_t count_a, count_b;

	if (dpk_ring_policy(a, NULL, 0, &keys_a, &count_a) < 0 ||
		dpk_ring_policy(b, NULL, 0, &keys_b, &count_b) < 0)
		return -ENOMEM;
	for (int net = DPK_NET_8; net <= DPK_NET_9; net++) {
		for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
			struct dpk_choice x, y;

			dpk_policy_choose((enum dpk_net)net, keys_a, count_a, now + after[i], &x);
			dpk_policy_choose((enum dpk_net)net, keys_b, count_b, now + after[i], &y);
			if (x.found && !y.found)
				return 1;
		}
	}
	return 0;
}

static int check_default(const struct dpk_plan_input *input, struct dpk_plan *plan)
{
	int r;

	if (input->serve_no_default || input->accept || input->current->count == 0)
		return 0;
	r = dpk_plan_loses_default(input->current, &plan->ring, input->now);
	if (r <= 0)
		return r;
	r = keep_current(input, plan);
	hold(plan, DPK_HOLD_NO_DEFAULT,
		"with this change .NET would find no default key (now, in 24 h or in 72 h); the last "
		"generation stays. Add a key to the store first, or run: dpkeyctl accept-removal");
	return r;
}

static bool too_many(const struct dpk_ring *ring)
{
	size_t bytes = 0;

	for (size_t i = 0; i < ring->count; i++) {
		size_t size;

		dpk_key_data(ring->members[i].key, &size);
		bytes += size;
	}
	return ring->count > DPK_RING_MAX_ELEMENTS || bytes > DPK_RING_MAX_BYTES;
}

static size_t bad_revocations(const struct dpk_rejections *rejections)
{
	size_t bad = 0;

	for (size_t i = 0; i < rejections->count; i++)
		bad += rejections->items[i].could_be_revocation;
	return bad;
}

static int make(const struct dpk_plan_input *input, struct dpk_rejections *rejections,
	struct dpk_plan *plan)
{
	size_t bad;
	int r = take_offers(input, rejections, &plan->ring);

	if (r < 0)
		return r;
	bad = bad_revocations(rejections);
	if (bad > 0 && !input->serve_bad_revocation) {
		plan->missing = count_missing(input, &plan->ring);
		hold(plan, DPK_HOLD_REVOCATION,
			"%zu element%s that is or could be a revocation cannot be read; serving the rest "
			"could un-revoke a key, so the last generation stays. Mend or delete it in the "
			"store",
			bad, bad == 1 ? "" : "s");
		return keep_current(input, plan);
	}
	if (input->is_signed)
		r = settle_signed(input, plan);
	else
		r = settle_missing(input, rejections->count, plan);
	if (r < 0 || (input->is_signed && plan->hold))
		return r;
	if (too_many(&plan->ring)) {
		hold(plan, DPK_HOLD_TOO_MANY,
			"the ring would have %zu elements (at most %d elements, %u bytes); the last "
			"generation stays. Delete expired keys from the store",
			plan->ring.count, DPK_RING_MAX_ELEMENTS, DPK_RING_MAX_BYTES);
		return keep_current(input, plan);
	}
	return input->is_signed ? 0 : check_default(input, plan);
}

int dpk_plan_make(const struct dpk_plan_input *input, struct dpk_rejections *rejections,
	struct dpk_plan *ret_plan)
{
	struct dpk_plan plan = { 0 };
	int r = make(input, rejections, &plan);

	if (r < 0) {
		dpk_plan_fini(&plan);
		return r;
	}
	plan.changed = !dpk_ring_equal(&plan.ring, input->current);
	*ret_plan = plan;
	return 0;
}
