/* SPDX-License-Identifier: MIT */
/* The ring's rules, as tables. */
#include "engine/plan.h"

#include "tests/tap.h"
#include "tests/unit/made.h"

#include <errno.h>

/*
 * Rings are written as words: `1` to `9` is a key with that id, good from ten
 * days ago for a year; `1b` the same with other bytes; `1x` one that has
 * expired; `1n` one that was created today; `r1` its revocation, `r1b` with
 * other bytes; `m5` a mass revocation of five days ago, `m1` of yesterday;
 * `!` a refused element, `!r` one that could be a revocation.
 */
static struct dpk_key *element(const char *word)
{
	struct made made = { .created = -10 * DAY, .activates = -10 * DAY, .expires = 365 * DAY };

	if (word[0] == 'r')
		return made_revocation((unsigned int)(word[1] - '0'), -DAY, word[2] ? "b" : "");
	if (word[0] == 'm')
		return made_revocation(0, -(word[1] - '0') * DAY, "");
	made.id = (unsigned int)(word[0] - '0');
	made.variant = word[1] == 'b';
	if (word[1] == 'x')
		made.expires = -DAY;
	if (word[1] == 'n')
		made.created = made.activates = 0;
	return made_key(&made);
}

/* Calls for each word of WORDS. */
#define for_each_word(words, word)                                                                 \
	for (char list_[256], *rest_ = (snprintf(list_, sizeof(list_), "%s", words), list_),       \
			      *word;                                                               \
		(word = strtok_r(rest_, " ", &rest_)) != NULL;)

static struct dpk_ring ring_of(const char *words)
{
	struct dpk_ring ring = { 0 };

	for_each_word(words, word) made_add(&ring, element(word), MADE_NOW - 5 * DAY);
	return ring;
}

enum { AGREED = 1, ACCEPT = 2, SERVE_NO_DEFAULT = 4, SERVE_BAD = 8, SECOND = 16 };

struct row {
	const char *what, *current, *offers;
	int flags; /* with SECOND: a second read is wanted */
	uint64_t max_remove, removed_last_day;
	const char *want;
	enum dpk_hold hold;
	size_t missing, removed, duplicates;
};

static size_t read_offers(
	const char *words, struct dpk_offer *offers, struct dpk_rejections *rejections)
{
	static const uint8_t sha256[DPK_HASH_BYTES] = { 1 };
	size_t count = 0;

	for_each_word(words, word)
	{
		struct dpk_refusal refusal = { .verdict = DPK_VERDICT_XML,
			.could_be_revocation = word[1] == 'r' };

		if (word[0] == '!')
			dpk_rejections_add(rejections, "store", word, &refusal, sha256);
		else
			offers[count++] = (struct dpk_offer){ element(word), "store", "name" };
	}
	return count;
}

static void show(const struct dpk_ring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		diag("  %s", dpk_key_name(ring->members[i].key));
}

static void judge(const struct row *row, const struct dpk_plan *plan,
	const struct dpk_ring *current, size_t duplicates)
{
	struct dpk_ring want = ring_of(row->want);
	bool good = dpk_ring_equal(&plan->ring, &want) && plan->hold == row->hold &&
		    plan->missing == row->missing && plan->removed_count == row->removed &&
		    plan->wants_second_read == !!(row->flags & SECOND) &&
		    duplicates == row->duplicates &&
		    plan->changed == !dpk_ring_equal(current, &want) &&
		    (plan->hold == DPK_HOLD_NONE) == !plan->text[0];

	if (!ok(good, "%s%s%s", row->what, plan->text[0] ? ": " : "", plan->text)) {
		diag("hold '%s', missing %zu, removed %zu, second %d, changed %d, duplicates %zu",
			dpk_hold_word(plan->hold), plan->missing, plan->removed_count,
			plan->wants_second_read, plan->changed, duplicates);
		show(&plan->ring);
	}
	dpk_ring_fini(&want);
}

static void run(const struct row *row)
{
	struct dpk_ring current = ring_of(row->current);
	struct dpk_rejections rejections = { 0 };
	struct dpk_offer offers[64];
	struct dpk_plan_input input = { .current = &current,
		.offers = offers,
		.max_remove = row->max_remove,
		.removed_last_day = row->removed_last_day,
		.serve_no_default = row->flags & SERVE_NO_DEFAULT,
		.serve_bad_revocation = row->flags & SERVE_BAD,
		.agreed = row->flags & AGREED,
		.accept = row->flags & ACCEPT,
		.now = MADE_NOW };
	struct dpk_plan plan;
	size_t before;

	input.offer_count = read_offers(row->offers, offers, &rejections);
	before = rejections.count;
	if (dpk_plan_make(&input, &rejections, &plan) < 0)
		made_bail("no plan");
	judge(row, &plan, &current, rejections.count - before);
	for (size_t i = 0; i < input.offer_count; i++)
		dpk_key_unref(offers[i].key);
	dpk_plan_fini(&plan);
	dpk_rejections_fini(&rejections);
	dpk_ring_fini(&current);
}

#define NONE    DPK_HOLD_NONE
#define REMOVAL DPK_HOLD_REMOVAL

static const struct row rows[] = {
	/* --- taking --- */
	{ "a first ring", "", "1 2", 0, 0, 0, "1 2", NONE, 0, 0, 0 },
	{ "no ring at all", "", "", 0, 0, 0, "", NONE, 0, 0, 0 },
	{ "nothing new", "1 2", "2 1", AGREED, 0, 0, "1 2", NONE, 0, 0, 0 },
	{ "a new key", "1", "1 2", 0, 0, 0, "1 2", NONE, 0, 0, 0 },
	{ "a new revocation", "1 2", "1 2 r1", 0, 0, 0, "1 2 r1", NONE, 0, 0, 0 },
	{ "other bytes of one key", "1 2", "1b 2", 0, 0, 0, "1b 2", NONE, 0, 0, 0 },
	{ "a refused element beside good ones", "1", "1 2 !", 0, 0, 0, "1 2", NONE, 0, 0, 0 },
	{ "a first ring of an expired key is never refused", "", "1x", 0, 0, 0, "1x", NONE, 0, 0,
		0 },
	{ "nor one whose only key is revoked", "", "1 r1", 0, 0, 0, "1 r1", NONE, 0, 0, 0 },
	/* --- one id, one key --- */
	{ "equal bytes twice: one", "", "1 1 2", 0, 0, 0, "1 2", NONE, 0, 0, 1 },
	{ "three times", "", "1 1 1", 0, 0, 0, "1", NONE, 0, 0, 2 },
	{ "other bytes, none served: neither", "", "1 1b 2", 0, 0, 0, "2", NONE, 0, 0, 2 },
	{ "other bytes, one served: that one", "1b 2", "1 1b 2", 0, 0, 0, "1b 2", NONE, 0, 0, 1 },
	{ "the order does not matter", "1b 2", "1b 2 1", 0, 0, 0, "1b 2", NONE, 0, 0, 1 },
	{ "twice the one that is served, and another", "1 2", "1 1b 1 2", 0, 0, 0, "1 2", NONE, 0,
		0, 2 },
	{ "neither is the one served: it stays", "1x 2", "1 1b 2", 0, 0, 0, "1x 2", REMOVAL, 1, 0,
		2 },
	{ "a revocation twice is no duplicate", "1 2", "1 2 r1 r1b", 0, 0, 0, "1 2 r1", NONE, 0, 0,
		0 },
	{ "the one that is served stays", "1 2 r1b", "1 2 r1 r1b", 0, 0, 0, "1 2 r1b", NONE, 0, 0,
		0 },
	/* --- nothing leaves by itself --- */
	{ "a key that left stays", "1 2", "2", 0, 0, 0, "1 2", REMOVAL, 1, 0, 0 },
	{ "in agreement too", "1 2", "2", AGREED, 0, 0, "1 2", REMOVAL, 1, 0, 0 },
	{ "an expired key too", "1x 2", "2", AGREED, 0, 0, "1x 2", REMOVAL, 1, 0, 0 },
	{ "half a copy", "1 2 3 4", "1 2", AGREED, 0, 0, "1 2 3 4", REMOVAL, 2, 0, 0 },
	{ "an empty store", "1 2", "", AGREED, 0, 0, "1 2", REMOVAL, 2, 0, 0 },
	{ "an empty store under any budget", "1 2", "", AGREED, 9, 0, "1 2", REMOVAL, 2, 0, 0 },
	{ "an empty store is never accepted", "1 2", "", AGREED | ACCEPT, 9, 0, "1 2", REMOVAL, 2,
		0, 0 },
	{ "nor one with revocations only", "1 2", "r2", AGREED | ACCEPT, 9, 0, "1 2 r2", REMOVAL, 2,
		0, 0 },
	{ "additions pass a held removal", "1 2", "2 3 r2", AGREED, 0, 0, "1 2 3 r2", REMOVAL, 1, 0,
		0 },
	/* --- the budget --- */
	{ "within the budget: a second read", "1 2", "2", SECOND, 1, 0, "1 2", NONE, 1, 0, 0 },
	{ "which agrees", "1 2", "2", AGREED, 1, 0, "2", NONE, 1, 1, 0 },
	{ "additions do not wait for it", "1 2", "2 3", SECOND, 1, 0, "1 2 3", NONE, 1, 0, 0 },
	{ "one more than the budget", "1 2 3", "3", AGREED, 1, 0, "1 2 3", REMOVAL, 2, 0, 0 },
	{ "exactly the budget", "1 2 3", "3", AGREED, 2, 0, "3", NONE, 2, 2, 0 },
	{ "what left today counts", "1 2", "2", AGREED, 1, 1, "1 2", REMOVAL, 1, 0, 0 },
	{ "a budget that is left", "1 2", "2", AGREED, 2, 1, "2", NONE, 1, 1, 0 },
	{ "an overdrawn budget", "1 2", "2", AGREED, 1, 5, "1 2", REMOVAL, 1, 0, 0 },
	{ "a refused element could be the key", "1 2", "2 !", AGREED, 9, 0, "1 2", REMOVAL, 1, 0,
		0 },
	/* --- accept-removal --- */
	{ "accepted: a second read", "1 2 3", "3", ACCEPT | SECOND, 0, 0, "1 2 3", NONE, 2, 0, 0 },
	{ "which agrees", "1 2 3", "3", ACCEPT | AGREED, 0, 0, "3", NONE, 2, 2, 0 },
	{ "in spite of a refused element", "1 2", "2 !", ACCEPT | AGREED, 0, 0, "2", NONE, 1, 1,
		0 },
	/* --- revocations --- */
	{ "a revocation that left stays", "1 2 r1", "1 2", AGREED, 9, 0, "1 2 r1", REMOVAL, 0, 0,
		0 },
	{ "under accept too", "1 2 r1", "1 2", AGREED | ACCEPT, 9, 0, "1 2 r1", REMOVAL, 0, 0, 0 },
	{ "it waits with its key", "1 2 r1", "2", SECOND, 1, 0, "1 2 r1", REMOVAL, 1, 0, 0 },
	{ "and leaves with it", "1 2 r1", "2", AGREED, 1, 0, "2", NONE, 1, 1, 0 },
	{ "while the key is held, so is it", "1 2 r1", "2", AGREED, 0, 0, "1 2 r1", REMOVAL, 1, 0,
		0 },
	{ "one whose key was never there", "2 r1", "2", SECOND, 0, 0, "2 r1", NONE, 0, 0, 0 },
	{ "leaves in agreement", "2 r1", "2", AGREED, 0, 0, "2", NONE, 0, 0, 0 },
	{ "under a later mass revocation it waits", "1 2n r1", "1 2n m5", SECOND, 0, 0,
		"1 2n r1 m5", NONE, 0, 0, 0 },
	{ "and leaves", "1 2n r1", "1 2n m5", AGREED, 0, 0, "1 2n m5", NONE, 0, 0, 0 },
	{ "but not if that spares its key", "1 2n r2", "1 2n m5", AGREED | SERVE_NO_DEFAULT, 0, 0,
		"1 2n r2 m5", REMOVAL, 0, 0, 0 },
	{ "a mass revocation that left stays", "1 2n m5", "1 2n", AGREED, 0, 0, "1 2n m5", REMOVAL,
		0, 0, 0 },
	{ "under a later one it leaves", "1 2n m5", "1 2n m1", AGREED, 0, 0, "1 2n m1", NONE, 0, 0,
		0 },
	{ "under an earlier one it stays", "1 2n m1", "1 2n m5", AGREED, 0, 0, "1 2n m1 m5",
		REMOVAL, 0, 0, 0 },
	{ "both that left stay", "1 2n m1 m5", "1 2n", AGREED, 0, 0, "1 2n m1 m5", REMOVAL, 0, 0,
		0 },
	{ "without a key before it, it leaves", "2n m5", "2n", AGREED, 0, 0, "2n", NONE, 0, 0, 0 },
	{ "with its keys it leaves", "1 2n m5", "2n", AGREED, 1, 0, "2n", NONE, 1, 1, 0 },
	/* --- what could be a revocation --- */
	{ "a refused revocation holds all", "1 2", "1 2 3 !r", AGREED, 9, 0, "1 2",
		DPK_HOLD_REVOCATION, 0, 0, 0 },
	{ "removals too", "1 2", "2 !r", AGREED | ACCEPT, 9, 0, "1 2", DPK_HOLD_REVOCATION, 1, 0,
		0 },
	{ "without a ring there is none", "", "1 2 !r", 0, 0, 0, "", DPK_HOLD_REVOCATION, 0, 0, 0 },
	{ "unless it is to be served", "1 2", "1 2 3 !r", SERVE_BAD, 0, 0, "1 2 3", NONE, 0, 0, 0 },
	{ "what was revoked stays so", "1 2 r1", "1 2 !r", SERVE_BAD, 0, 0, "1 2 r1", REMOVAL, 0, 0,
		0 },
	/* --- a default key --- */
	{ "revoking the only key is held", "1", "1 r1", AGREED, 0, 0, "1", DPK_HOLD_NO_DEFAULT, 0,
		0, 0 },
	{ "revoking all", "1 2", "1 2 m1", AGREED, 0, 0, "1 2", DPK_HOLD_NO_DEFAULT, 0, 0, 0 },
	{ "unless it is to be served", "1 2", "1 2 m1", SERVE_NO_DEFAULT, 0, 0, "1 2 m1", NONE, 0,
		0, 0 },
	{ "or was accepted", "1", "1 r1", ACCEPT, 0, 0, "1 r1", NONE, 0, 0, 0 },
	{ "or a new key comes along", "1 2", "1 2 3n m1", AGREED, 0, 0, "1 2 3n m1", NONE, 0, 0,
		0 },
	{ "what had none loses none", "1 r1", "1 r1 2x", AGREED, 0, 0, "1 2x r1", NONE, 0, 0, 0 },
	{ "dropping the default for an expired key", "1 2x", "2x", AGREED, 1, 0, "1 2x",
		DPK_HOLD_NO_DEFAULT, 1, 0, 0 },
};

static void test_times(void)
{
	struct dpk_ring a = { 0 }, b = { 0 };
	const struct made week = { 1, 0, -DAY, -DAY, 7 * DAY, 0 },
			  days = { 1, 0, -DAY, -DAY, 2 * DAY, 0 };

	made_add(&a, made_key(&week), 0);
	made_add(&b, made_key(&days), 0);
	is_num(dpk_plan_loses_default(&a, &b, MADE_NOW), 1, "a default that is lost in 72 h");
	is_num(dpk_plan_loses_default(&b, &a, MADE_NOW), 0, "and one that is won");
	is_num(dpk_plan_loses_default(&a, &a, MADE_NOW), 0, "no change");
	dpk_ring_fini(&b);
	is_num(dpk_plan_loses_default(&b, &a, MADE_NOW), 0, "an empty ring has none to lose");
	is_num(dpk_plan_loses_default(&a, &b, MADE_NOW), 1, "and a ring has one");
	dpk_ring_fini(&a);
}

/* First sight: what is served already keeps its own, what is new gets the time of the plan. */
static void test_first_seen(void)
{
	struct dpk_ring current = ring_of("1 2 3");
	struct dpk_offer offers[] = { { element("1"), "o", "n" }, { element("2b"), "o", "n" },
		{ element("4"), "o", "n" } };
	struct dpk_plan_input input = {
		.current = &current, .offers = offers, .offer_count = 3, .now = MADE_NOW
	};
	struct dpk_rejections rejections = { 0 };
	struct dpk_plan plan;

	if (dpk_plan_make(&input, &rejections, &plan) < 0 || plan.ring.count != 4)
		made_bail("no plan");
	is_num(plan.ring.members[0].first_seen, MADE_NOW - 5 * DAY, "the same bytes");
	is_num(plan.ring.members[1].first_seen, MADE_NOW, "other bytes");
	is_num(plan.ring.members[2].first_seen, MADE_NOW - 5 * DAY, "what left");
	is_num(plan.ring.members[3].first_seen, MADE_NOW, "what came");
	for (size_t i = 0; i < 3; i++)
		dpk_key_unref(offers[i].key);
	dpk_plan_fini(&plan);
	dpk_ring_fini(&current);
}

static void test_removed(void)
{
	struct dpk_ring current = ring_of("1 2 r1");
	struct dpk_offer offer = { element("2"), "o", "n" };
	struct dpk_plan_input input = { .current = &current,
		.offers = &offer,
		.offer_count = 1,
		.now = MADE_NOW,
		.max_remove = 1,
		.agreed = true };
	struct dpk_rejections rejections = { 0 };
	struct dpk_plan plan;

	if (dpk_plan_make(&input, &rejections, &plan) < 0 || plan.removed_count != 1)
		made_bail("no plan");
	ok(dpk_guid_equal(&plan.removed[0], &dpk_key_facts(current.members[0].key)->id),
		"the ids that leave are named, keys only");
	dpk_key_unref(offer.key);
	dpk_plan_fini(&plan);
	dpk_ring_fini(&current);
}

/* COUNT keys on top of one that is served. */
static void too_many(unsigned int count, size_t padding, enum dpk_hold want, const char *what)
{
	struct dpk_ring current = made_ring(99999, 1, 0), many = made_ring(1, count, padding);
	struct dpk_offer *offers = calloc(count + 1, sizeof(*offers));
	struct dpk_plan_input input = {
		.current = &current, .offers = offers, .offer_count = count, .now = MADE_NOW
	};
	struct dpk_rejections rejections = { 0 };
	struct dpk_plan plan;

	for (unsigned int i = 0; i < count; i++)
		offers[i] = (struct dpk_offer){ many.members[i].key, "o", "n" };
	if (dpk_plan_make(&input, &rejections, &plan) < 0)
		made_bail("no plan");
	is_num(plan.hold, want, what);
	is_num(plan.ring.count, want == DPK_HOLD_TOO_MANY ? 1 : count + 1, "its ring");
	dpk_plan_fini(&plan);
	dpk_ring_fini(&current);
	dpk_ring_fini(&many);
	free(offers);
}

static void test_rejections(void)
{
	static const uint8_t sha256[DPK_HASH_BYTES] = { 0 };
	struct dpk_refusal refusal = { .verdict = DPK_VERDICT_XML, .text = "why" };
	struct dpk_rejections list = { 0 };
	int r = 0;

	for (int i = 0; i < DPK_QUARANTINE_MAX + 5 && r == 0; i++)
		r = dpk_rejections_add(&list, "origin", "name", &refusal, sha256);
	ok(r == 0 && list.count == DPK_QUARANTINE_MAX, "rejections have a limit");
	is_str(list.items[7].text, "why", "and are copies");
	dpk_rejections_fini(&list);
	ok(!list.items && !list.count, "fini empties them");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i]);
	test_times();
	test_first_seen();
	test_removed();
	too_many(DPK_RING_MAX_ELEMENTS - 1, 0, REMOVAL, "as many elements as may be");
	too_many(DPK_RING_MAX_ELEMENTS, 0, DPK_HOLD_TOO_MANY, "one element more");
	too_many(255, 64000, REMOVAL, "almost as many bytes as may be");
	too_many(262, 64000, DPK_HOLD_TOO_MANY, "too many bytes");
	test_rejections();
	return tap_done();
}
