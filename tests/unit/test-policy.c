/* SPDX-License-Identifier: MIT */
/* Default keys: the real resolvers' answers, and the scenarios that operators meet. */
#include "keys/policy.h"

#include "base/ticks.h"
#include "keys/gate.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#define MAX_FACTS 64
#define DAY       DPK_TICKS_PER_DAY
#define HOUR      DPK_TICKS_PER_HOUR
#define MINUTE    DPK_TICKS_PER_MIN

/* --- 2 x 890 questions to real .NET ---------------------------------------- */

struct ring {
	char name[32];
	struct dpk_facts facts[MAX_FACTS];
	size_t count;
};

static void load_ring(struct ring *ring, const char *name)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **entries;
	int n = fixture_list(fixture_path(path, "resolver/%s", name), fixture_is_xml, &entries);

	snprintf(ring->name, sizeof(ring->name), "%s", name);
	ring->count = 0;
	for (int i = 0; i < n; i++) {
		struct dpk_refusal refusal = { 0 };
		struct dpk_draft draft;
		struct dpk_blob blob;

		blob = fixture_blob(fixture_path(path, "resolver/%s/%s", name, entries[i]->d_name));
		if (dpk_gate(&blob, &draft, &refusal) == 0 && ring->count < MAX_FACTS)
			ring->facts[ring->count++] = draft.facts;
		else
			ok(false, "%s/%s is accepted: %s", name, entries[i]->d_name, refusal.text);
		dpk_blob_fini(&blob);
		free(entries[i]);
	}
	free(entries);
}

static void choose(
	const struct ring *ring, enum dpk_net net, int64_t now, struct dpk_choice *ret_choice)
{
	const struct dpk_facts *facts[MAX_FACTS];
	struct dpk_policy_key *keys;
	size_t count;

	for (size_t i = 0; i < ring->count; i++)
		facts[i] = &ring->facts[i];
	if (dpk_policy_keys(facts, ring->count, &keys, &count) < 0)
		abort();
	dpk_policy_choose(net, keys, count, now, ret_choice);
	free(keys);
}

static bool answer_matches(const struct dpk_choice *choice, const char *want, const char *need_new)
{
	char id[DPK_GUID_STRING_MAX];

	if (choice->need_new != (strcmp(need_new, "need_new") == 0))
		return false;
	if (strncmp(want, "THROW", 5) == 0)
		return !choice->found;
	return choice->found && strcmp(dpk_guid_to_string(&choice->id, id), want) == 0;
}

static void test_questions(enum dpk_net net, const char *file)
{
	struct ring ring = { .count = 0 };
	char path[FIXTURE_PATH_MAX], line[256];
	FILE *f = fopen(fixture_path(path, "resolver/%s", file), "r");
	int asked = 0, right = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char name[32], at[64], want[64], need_new[32];
		struct dpk_choice choice;
		int64_t now;

		if (sscanf(line, "%31[^\t]\t%63[^\t]\t%63[^\t]\t%31[^\t\n]", name, at, want,
			    need_new) != 4 ||
			dpk_ticks_parse(at, strlen(at), &now) < 0)
			continue;
		if (strcmp(ring.name, name) != 0)
			load_ring(&ring, name);
		asked++;
		choose(&ring, net, now, &choice);
		if (answer_matches(&choice, want, need_new))
			right++;
		else
			diag("%s: %s at %s: .NET says %s %s", file, name, at, want, need_new);
	}
	if (f)
		fclose(f);
	is_num(asked, 890, "all questions are asked");
	is_num(right, asked, file);
}

/* --- scenarios ------------------------------------------------------------- */

#define NOW (DPK_TICKS_UNIX_EPOCH + INT64_C(20000) * DAY)

/* A key named by one letter; dates in ticks from NOW. */
static struct dpk_policy_key key(char id, int64_t created, int64_t activates, int64_t expires)
{
	struct dpk_policy_key k = {
		.created = NOW + created, .activates = NOW + activates, .expires = NOW + expires
	};

	memset(k.id.b, id, sizeof(k.id.b));
	return k;
}

static struct dpk_policy_key revoked(struct dpk_policy_key k)
{
	k.revoked = true;
	return k;
}

/* The letter that NET picks at NOW + LATER, '-' where it throws. */
static char pick(enum dpk_net net, const struct dpk_policy_key *keys, size_t count, int64_t later)
{
	struct dpk_choice choice;

	dpk_policy_choose(net, keys, count, NOW + later, &choice);
	return choice.found ? (char)choice.id.b[0] : '-';
}

/* WANT: what is picked at 0, +24 h and +72 h. */
static void picks(enum dpk_net net, const struct dpk_policy_key *keys, size_t count,
	const char *want, const char *what)
{
	char got[4] = { pick(net, keys, count, 0), pick(net, keys, count, 24 * HOUR),
		pick(net, keys, count, 72 * HOUR), '\0' };

	is_str(got, want, what);
}

static void picks_both(
	const struct dpk_policy_key *keys, size_t count, const char *want, const char *what)
{
	picks(DPK_NET_8, keys, count, want, what);
	picks(DPK_NET_9, keys, count, want, what);
}

#define COUNT(keys) (sizeof(keys) / sizeof((keys)[0]))

/* 0: expired long ago; 1: the default, with 50 days left */
#define K0 key('0', -400 * DAY, -398 * DAY, -310 * DAY)
#define K1 key('1', -40 * DAY, -40 * DAY, 50 * DAY)

static void test_new_keys(void)
{
	const struct dpk_policy_key at_once[] = { K0, K1, key('2', 0, 0, 90 * DAY) };
	const struct dpk_policy_key staged[] = { K0, K1, key('2', 0, 48 * HOUR, 90 * DAY) };
	const struct dpk_policy_key short_life[] = { K0, key('1', -40 * DAY, -40 * DAY, 47 * HOUR),
		key('2', 0, 47 * HOUR, 90 * DAY) };

	picks_both(at_once, COUNT(at_once), "222", "a key active at once is default at once");
	picks_both(staged, COUNT(staged), "112", "a staged key waits for its activation");
	picks_both(
		short_life, COUNT(short_life), "112", "a successor takes over at the expiration");
}

static void test_revocations(void)
{
	const struct dpk_policy_key replaced[] = { K0, revoked(K1), key('2', 0, 0, 90 * DAY) };
	const struct dpk_policy_key prestaged[] = { K0, revoked(K1),
		key('2', -10 * DAY, 38 * HOUR, 90 * DAY) };
	const struct dpk_policy_key alone[] = { K0, revoked(K1) };
	const struct dpk_policy_key none[] = { revoked(K0), revoked(K1) };
	struct dpk_choice choice;

	picks_both(replaced, COUNT(replaced), "222", "the replacement of a revoked default");
	picks_both(prestaged, COUNT(prestaged), "222", "a staged key as fallback before its time");
	dpk_policy_choose(DPK_NET_9, prestaged, COUNT(prestaged), NOW, &choice);
	ok(choice.fallback && choice.need_new && !choice.expired, "and it is called a fallback");
	picks_both(alone, COUNT(alone), "000", "an expired key where the default is revoked");
	dpk_policy_choose(DPK_NET_9, alone, COUNT(alone), NOW, &choice);
	ok(choice.fallback && choice.expired, "and it is called expired");
	picks_both(none, COUNT(none), "---", "only revoked keys: .NET throws");
	picks_both(none, 0, "---", "an empty ring: .NET throws");
}

static void test_expired(void)
{
	const struct dpk_policy_key only[] = { key('1', -100 * DAY, -98 * DAY, -8 * DAY) };
	const struct dpk_policy_key two[] = { key('0', -200 * DAY, -198 * DAY, -108 * DAY),
		key('1', -100 * DAY, -98 * DAY, -8 * DAY) };

	picks(DPK_NET_8, only, 1, "111", "8 falls back to the only key, expired");
	picks(DPK_NET_9, only, 1, "---", "9 throws where the only key is expired");
	picks(DPK_NET_8, two, 2, "111", "8: of two expired keys the one created last");
	picks(DPK_NET_9, two, 2, "000", "9: the one created last that was not preferred");
}

static void test_boundaries(void)
{
	const struct dpk_policy_key skew[] = { K1, key('2', -3 * DAY, 5 * MINUTE, 90 * DAY) };
	const struct dpk_policy_key late[] = { K1, key('2', -3 * DAY, 5 * MINUTE + 1, 90 * DAY) };
	const struct dpk_policy_key ends[] = { key('1', -90 * DAY, -90 * DAY, 0) };
	const struct dpk_policy_key lasts[] = { key('1', -90 * DAY, -90 * DAY, 1) };
	struct dpk_choice choice;

	is_num(pick(DPK_NET_8, skew, 2, 0), '2', "an activation five minutes ahead counts");
	is_num(pick(DPK_NET_8, late, 2, 0), '1', "one tick more does not");
	is_num(pick(DPK_NET_9, ends, 1, 0), '-', "a key is expired at its expiration");
	is_num(pick(DPK_NET_9, lasts, 1, 0), '1', "and not one tick before");
	dpk_policy_choose(DPK_NET_9, lasts, 1, NOW, &choice);
	ok(choice.need_new && !choice.fallback, "a default near its end wants a successor");
}

static void test_need_new(void)
{
	const struct dpk_policy_key at_72h[] = { key('1', -9 * DAY, -9 * DAY, 72 * HOUR) };
	const struct dpk_policy_key below[] = { key('1', -9 * DAY, -9 * DAY, 72 * HOUR - 1) };
	const struct dpk_policy_key at_48h[] = { key('1', -9 * DAY, -9 * DAY, 48 * HOUR) };
	const struct dpk_policy_key above[] = { key('1', -9 * DAY, -9 * DAY, 48 * HOUR + 1) };
	struct dpk_choice choice;

	dpk_policy_choose(DPK_NET_9, at_72h, 1, NOW, &choice);
	ok(!choice.need_new, "9: a default with 72 hours left is enough");
	dpk_policy_choose(DPK_NET_9, below, 1, NOW, &choice);
	ok(choice.need_new, "9: one tick less is not");
	dpk_policy_choose(DPK_NET_8, at_48h, 1, NOW, &choice);
	ok(choice.need_new, "8: 48 hours are not enough");
	dpk_policy_choose(DPK_NET_8, above, 1, NOW, &choice);
	ok(!choice.need_new, "8: one tick more is");
}

static void test_order(void)
{
	const struct dpk_policy_key ab[] = { key('a', -3 * DAY, -3 * DAY, 90 * DAY),
		key('b', -3 * DAY, -3 * DAY, 90 * DAY) };
	const struct dpk_policy_key ba[] = { ab[1], ab[0] };
	const struct dpk_policy_key future[] = { key('b', -3 * DAY, 3 * DAY, 90 * DAY),
		key('a', -3 * DAY, 3 * DAY, 90 * DAY) };
	const struct dpk_policy_key fresh[] = { key('b', -DAY, 3 * DAY, 90 * DAY),
		key('a', -DAY, 3 * DAY, 90 * DAY) };

	ok(pick(DPK_NET_8, ab, 2, 0) == 'a' && pick(DPK_NET_8, ba, 2, 0) == 'a',
		"of equal activations the smallest id, in whatever order they come");
	is_num(pick(DPK_NET_9, future, 2, 0), 'a',
		"of equal creations the smallest id (first list)");
	is_num(pick(DPK_NET_9, fresh, 2, 0), 'a',
		"of equal creations the smallest id (second list)");
	is_num(pick(DPK_NET_8, fresh, 2, 0), 'a', "in .NET 8 too");
}

static void test_extreme_dates(void)
{
	const struct dpk_policy_key k = {
		.created = 0, .activates = INT64_MIN, .expires = INT64_MAX
	};

	is_num(pick(DPK_NET_8, &k, 1, INT64_MAX - NOW), 0, "8: the end of time does not overflow");
	is_num(pick(DPK_NET_9, &k, 1, INT64_MAX - NOW), '-', "9: nor there");
	is_num(pick(DPK_NET_8, &k, 1, INT64_MIN + NOW), 0, "8: the beginning does not");
	is_num(pick(DPK_NET_9, &k, 1, INT64_MIN + NOW), 0, "9: nor there");
}

static void test_revoking(void)
{
	struct dpk_facts facts[] = {
		{ .kind = DPK_KIND_KEY, .id = { { 1 } }, .created = 100 },
		{ .kind = DPK_KIND_REVOCATION, .mass = true, .revoked_at = 100 },
		{ .kind = DPK_KIND_KEY, .id = { { 2 } }, .created = 99 },
		{ .kind = DPK_KIND_REVOCATION, .mass = true, .revoked_at = 50 },
		{ .kind = DPK_KIND_KEY, .id = { { 3 } }, .created = 200 },
		{ .kind = DPK_KIND_REVOCATION, .id = { { 3 } }, .revoked_at = 1 },
		{ .kind = DPK_KIND_REVOCATION, .id = { { 9 } }, .revoked_at = 1 },
	};
	const struct dpk_facts *list[COUNT(facts)];
	struct dpk_policy_key *keys;
	size_t count;

	for (size_t i = 0; i < COUNT(facts); i++)
		list[i] = &facts[i];
	is_num(dpk_policy_keys(list, COUNT(list), &keys, &count), 0, "keys are taken out");
	is_num(count, 3, "three of them");
	ok(!keys[0].revoked, "a key as old as the mass revocation stays");
	ok(keys[1].revoked, "an older one is revoked, whatever an older mass revocation says");
	ok(keys[2].revoked, "a single revocation needs no date");
	free(keys);
	ok(dpk_policy_keys(list + 5, 2, &keys, &count) == 0 && !keys && count == 0,
		"revocations alone are no keys");
}

int main(void)
{
	test_questions(DPK_NET_8, "expected.net8.tsv");
	test_questions(DPK_NET_9, "expected.net9.tsv");
	test_new_keys();
	test_revocations();
	test_expired();
	test_boundaries();
	test_need_new();
	test_order();
	test_extreme_dates();
	test_revoking();
	return tap_done();
}
