/* SPDX-License-Identifier: MIT */
/* Sets of verified elements, and snapshots made of them. */
#include "engine/freeze.h"
#include "engine/ring.h"
#include "engine/snapshot-build.h"

#include "tests/tap.h"
#include "tests/unit/made.h"

#include <errno.h>
#include <stdint.h>

static void test_order(void)
{
	struct dpk_ring ring = { 0 }, copy, other = { 0 };
	bool sorted = true;

	for (unsigned int i = 0; i < 100; i++) {
		const struct made made = { i * 37 % 100 + 1, 0, 0, 0, DAY, 0 };

		made_add(&ring, made_key(&made), i);
	}
	made_add(&ring, made_revocation(5, 0, ""), 7);
	made_add(&ring, made_revocation(0, 0, ""), 8);
	for (size_t i = 1; i < ring.count; i++)
		sorted = sorted && strcmp(dpk_key_name(ring.members[i - 1].key),
					   dpk_key_name(ring.members[i].key)) < 0;
	ok(sorted && ring.count == 102, "sorted by name");
	is_num(dpk_ring_keys(&ring), 100, "keys are counted");
	is_num(dpk_ring_add(&ring, ring.members[3].key, 0), -EEXIST, "a name is there once");
	is_num(ring.count, 102, "and stays so");
	ok(dpk_ring_find(&ring, "revocation-00000005-0000-4000-8000-000000000000.xml")
				->first_seen == 7,
		"found by name");
	ok(!dpk_ring_find(&ring, "revocation-") && !dpk_ring_find(&other, "x"), "or not");
	is_num(dpk_ring_copy(&ring, &copy), 0, "a copy");
	ok(dpk_ring_equal(&ring, &copy) && !dpk_ring_equal(&ring, &other), "is equal");
	dpk_ring_fini(&ring);
	is_num(dpk_key_facts(copy.members[0].key)->kind, DPK_KIND_KEY, "and outlives the original");
	dpk_ring_fini(&copy);
}

static void test_equal(void)
{
	struct dpk_ring a = { 0 }, b = { 0 };
	struct made made = { 1, 0, 0, 0, DAY, 0 };

	made_add(&a, made_key(&made), 1);
	made.variant = 1;
	made_add(&b, made_key(&made), 1);
	ok(!dpk_ring_equal(&a, &b), "one name with other bytes differs");
	dpk_ring_fini(&b);
	made.variant = 0;
	made_add(&b, made_key(&made), 2);
	ok(dpk_ring_equal(&a, &b), "the time of the first sight does not");
	dpk_ring_fini(&a);
	dpk_ring_fini(&b);
}

static void test_policy(void)
{
	const struct made extra = { 3, 0, DAY, DAY, 2 * DAY, 0 };
	struct dpk_key *key = made_key(&extra);
	const struct dpk_facts *facts = dpk_key_facts(key);
	struct dpk_ring ring = made_ring(1, 2, 0);
	struct dpk_policy_key *keys;
	size_t count, revoked = 0;

	made_add(&ring, made_revocation(0, 0, ""), 0);
	is_num(dpk_ring_policy(&ring, &facts, 1, &keys, &count), 0, "as .NET's resolver sees it");
	is_num(count, 3, "with what was added");
	for (size_t i = 0; i < count; i++)
		revoked += keys[i].revoked;
	is_num(revoked, 2, "revocations applied");
	free(keys);
	dpk_key_unref(key);
	dpk_ring_fini(&ring);
}

/* --- snapshots -------------------------------------------------------------- */

static const struct dpk_file files[] = {
	{ .name = "key-b.xml", .data = "bb", .size = 2, .mtime = { 5, 6 } },
	{ .name = "key-a.xml", .data = "a", .size = 1 },
	{ .name = "key-c.xml", .data = "", .size = 0 },
};

static void test_freeze(void)
{
	struct dpk_snapshot *snap = NULL;
	const struct dpk_file *file;

	is_num(dpk_snapshot_freeze(7, files, 3, &snap, NULL), 0, "three files");
	is_num(dpk_snapshot_generation(snap), 7, "the generation");
	is_num(dpk_snapshot_count(snap), 3, "the count");
	is_str(dpk_snapshot_at(snap, 0)->name, "key-a.xml", "sorted");
	is_str(dpk_snapshot_at(snap, 2)->name, "key-c.xml", "to the end");
	file = dpk_snapshot_find(snap, "key-b.xml");
	ok(file && file->size == 2 && memcmp(file->data, "bb", 2) == 0 && file->mtime.tv_sec == 5 &&
			file->mtime.tv_nsec == 6,
		"found by name, as it was");
	ok(file->name != files[0].name && file->data != files[0].data, "in memory of its own");
	ok(dpk_snapshot_find_node(snap, file->node) == file, "found by node");
	ok(!dpk_snapshot_find(snap, "key-") && !dpk_snapshot_find(snap, "key-d.xml") &&
			!dpk_snapshot_find(snap, ""),
		"no such names");
	ok(!dpk_snapshot_find_node(snap, 0) && !dpk_snapshot_find_node(snap, 1) &&
			!dpk_snapshot_find_node(snap, UINT64_MAX),
		"no such nodes");
	ok((const char *)dpk_snapshot_at(snap, 0)->data > (const char *)snap &&
			(const char *)dpk_snapshot_at(snap, 0)->data < (const char *)snap + 1024,
		"one allocation");
	ok(dpk_snapshot_ref(snap) == snap && !dpk_snapshot_unref(snap) && !dpk_snapshot_unref(snap),
		"references");
	ok(!dpk_snapshot_unref(NULL), "NULL is allowed");
}

/* SHA-256 of name, NUL and content; its first 8 bytes, big-endian, without the top bit. */
static void test_nodes(void)
{
	struct dpk_snapshot *snap = NULL;

	dpk_snapshot_freeze(1, files, 3, &snap, NULL);
	/* printf 'key-a.xml\0a' | sha256sum */
	ok(dpk_snapshot_find(snap, "key-a.xml")->node == UINT64_C(0x2953f9309035ae9a),
		"a node id is documented: %" PRIx64, dpk_snapshot_find(snap, "key-a.xml")->node);
	ok(dpk_snapshot_find(snap, "key-c.xml")->node == UINT64_C(0x3b48de630fdae667),
		"without content too: %" PRIx64, dpk_snapshot_find(snap, "key-c.xml")->node);
	dpk_snapshot_unref(snap);
}

static void test_collisions(void)
{
	struct dpk_file twice[] = { files[0], files[1], files[0] };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_snapshot *snap = NULL;

	is_num(dpk_snapshot_freeze(1, twice, 3, &snap, &err), -EEXIST, "a file twice");
	twice[2].data = "xx";
	is_num(dpk_snapshot_freeze(1, twice, 3, &snap, &err), -EEXIST, "a name twice");
	ok(strstr(err.text, "key-b.xml"), "%s", err.text);
	is_num(dpk_snapshot_freeze(1, files, 0, &snap, &err), -EINVAL, "no file");
	ok(!snap, "nothing comes of it");
}

static void test_build(void)
{
	struct dpk_ring ring = made_ring(1, 50, 0);
	struct dpk_snapshot *snap = NULL, *again = NULL;
	size_t same = 0;

	is_num(dpk_snapshot_build(3, &ring, &snap, NULL), 0, "a ring");
	dpk_snapshot_build(4, &ring, &again, NULL);
	for (size_t i = 0; i < ring.count; i++) {
		const struct dpk_file *file = dpk_snapshot_at(snap, i);
		size_t size;
		const uint8_t *data = dpk_key_data(ring.members[i].key, &size);
		int64_t seen = dpk_ticks_from_timespec(&file->mtime);

		same += strcmp(file->name, dpk_key_name(ring.members[i].key)) == 0 &&
			file->size == size && memcmp(file->data, data, size) == 0 &&
			memcmp(file->sha256, dpk_key_sha256(ring.members[i].key), 32) == 0 &&
			seen == ring.members[i].first_seen && file->node > 1 &&
			file->node <= INT64_MAX && file->node == dpk_snapshot_at(again, i)->node;
	}
	is_num(same, ring.count, "name, bytes, digest, time and a stable node");
	dpk_snapshot_unref(snap);
	dpk_snapshot_unref(again);
	dpk_ring_fini(&ring);
	made_add(&ring, made_revocation(0, 0, ""), 0);
	is_num(dpk_snapshot_build(1, &ring, &snap, NULL), -EINVAL, "revocations alone are no ring");
	dpk_ring_fini(&ring);
}

int main(void)
{
	test_order();
	test_equal();
	test_policy();
	test_freeze();
	test_nodes();
	test_collisions();
	test_build();
	return tap_done();
}
