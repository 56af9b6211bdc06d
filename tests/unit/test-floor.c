/* SPDX-License-Identifier: MIT */
/* What a node accepts once it has accepted something. */
#include "keys/floor.h"

#include "base/ticks.h"

#include "tests/tap.h"

#define NOW  (DPK_TICKS_UNIX_EPOCH + 20000 * DPK_TICKS_PER_DAY)
#define WEEK (7 * DPK_TICKS_PER_DAY)
#define MOST DPK_MANIFEST_NUMBER_MAX

static const struct dpk_guid ring = { { 1, 2, 3 } };
static const uint8_t pins[DPK_HASH_BYTES] = { 4, 5, 6 };
static const uint8_t other_pins[DPK_HASH_BYTES] = { 4, 5, 6, [31] = 1 };

static struct dpk_manifest made(uint64_t epoch, uint64_t version)
{
	return (struct dpk_manifest){ .ring = ring,
		.epoch = epoch,
		.version = version,
		.issued = NOW,
		.expires = NOW + WEEK,
		.sha256 = { 7, 8, 9 } };
}

/* A node that has accepted version 42 of epoch 3. */
static struct dpk_floor used_floor(void)
{
	struct dpk_floor floor = { .min_epoch = 1, .min_version = 1 };
	struct dpk_manifest m = made(3, 42);

	dpk_floor_raise(&floor, pins, &m);
	return floor;
}

static void is_verdict(const struct dpk_floor *floor, const struct dpk_manifest *m, int64_t now,
	enum dpk_verdict verdict, const char *what)
{
	struct dpk_refusal refusal = { .verdict = DPK_VERDICT_XML, .text = "left over" };
	int r = dpk_floor_check(floor, &ring, pins, m, now, &refusal);

	is_num(r, verdict == DPK_VERDICT_OK ? 0 : DPK_REFUSED, what);
	is_str(dpk_verdict_code(refusal.verdict), dpk_verdict_code(verdict),
		refusal.text[0] ? refusal.text : "no reason");
	ok(r ? strstr(refusal.text, "; expected ") != NULL : refusal.text[0] == '\0',
		"the text says what was expected");
	ok(strlen(refusal.text) < sizeof(refusal.text) - 1, "and is whole");
}

static void test_ring(void)
{
	struct dpk_floor floor = { 0 };
	struct dpk_manifest m = made(1, 1);

	is_verdict(&floor, &m, NOW, DPK_VERDICT_OK, "the ring of this node");
	m.ring.b[15] = 1;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_RING_ID, "another ring");
}

static void is_version(const struct dpk_floor *floor, uint64_t epoch, uint64_t version,
	enum dpk_verdict verdict, const char *what)
{
	struct dpk_manifest m = made(epoch, version);

	is_verdict(floor, &m, NOW, verdict, what);
}

static void test_minimum(void)
{
	struct dpk_floor floor = { .min_epoch = 2, .min_version = 10 };

	is_version(&floor, 2, 9, DPK_VERDICT_ROLLBACK, "below the configured version");
	is_version(&floor, 1, MOST, DPK_VERDICT_ROLLBACK, "below the configured epoch");
	is_version(&floor, 2, 10, DPK_VERDICT_OK, "the configured minimum");
	is_version(&floor, 2, 11, DPK_VERDICT_OK, "above it");
	is_version(&floor, 3, 1, DPK_VERDICT_OK, "a higher epoch starts low");
	is_version(&floor, MOST, MOST, DPK_VERDICT_OK, "the highest of all");
	floor = used_floor();
	floor.min_epoch = 3;
	floor.min_version = 50;
	is_version(
		&floor, 3, 42, DPK_VERDICT_ROLLBACK, "a raised minimum is above what was accepted");
	is_version(&floor, 3, 49, DPK_VERDICT_ROLLBACK, "and above what would follow");
	is_version(&floor, 3, 50, DPK_VERDICT_OK, "and is met");
}

static void test_versions(void)
{
	struct dpk_floor floor = used_floor();
	struct dpk_manifest m = made(4, 1);
	struct dpk_refusal refusal;

	is_version(&floor, 3, 41, DPK_VERDICT_ROLLBACK, "the version before");
	is_version(&floor, 2, MOST, DPK_VERDICT_ROLLBACK, "the epoch before");
	is_version(&floor, 3, 42, DPK_VERDICT_OK, "the same again");
	is_version(&floor, 3, 43, DPK_VERDICT_OK, "the next version");
	is_version(&floor, 3, MOST, DPK_VERDICT_OK, "the last version");
	is_version(&floor, 4, 1, DPK_VERDICT_FAST_FORWARD, "a higher epoch under the same pins");
	is_version(&floor, 4, 42, DPK_VERDICT_FAST_FORWARD, "of the same version");
	is_num(dpk_floor_check(&floor, &ring, other_pins, &m, NOW, &refusal), 0,
		"a higher epoch under other pins");
	m = made(3, 41);
	is_num(dpk_floor_check(&floor, &ring, other_pins, &m, NOW, &refusal), DPK_REFUSED,
		"other pins excuse no lower version");
	is_num(refusal.verdict, DPK_VERDICT_ROLLBACK, "it is a rollback");
	floor.known = false;
	is_version(&floor, 1, 1, DPK_VERDICT_OK, "without known, only the minimum counts");
	is_version(&floor, 4, 1, DPK_VERDICT_OK, "for epochs too");
}

static void test_other_text(void)
{
	struct dpk_floor floor = used_floor();
	struct dpk_manifest m = made(3, 42);

	m.sha256[31] = 1;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_EQUIVOCATION, "the same version with another text");
	m.version = 43;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_OK, "another version has another text");
	m = made(3, 42);
	floor.known = false;
	floor.manifest_sha256[0] = 0;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_OK, "without known there is nothing to contradict");
}

static void test_times(void)
{
	struct dpk_floor floor = { 0 };
	struct dpk_manifest m = made(3, 43);

	is_verdict(&floor, &m, NOW - DPK_FLOOR_CLOCK_SLACK, DPK_VERDICT_OK, "5 minutes early");
	is_verdict(&floor, &m, NOW - DPK_FLOOR_CLOCK_SLACK - 1, DPK_VERDICT_NOT_YET, "and a tick");
	is_verdict(&floor, &m, 0, DPK_VERDICT_NOT_YET, "a clock at its first tick");
	is_verdict(&floor, &m, NOW + WEEK - 1, DPK_VERDICT_OK, "the last tick");
	is_verdict(&floor, &m, NOW + WEEK, DPK_VERDICT_EXPIRED, "expired");
	is_verdict(&floor, &m, INT64_MAX, DPK_VERDICT_EXPIRED, "a clock at its last tick");
	floor.seen = NOW + WEEK;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_OK, "seen counts with known only");
}

static void test_clock_behind(void)
{
	struct dpk_floor floor = used_floor();
	struct dpk_manifest m = made(3, 43);

	is_verdict(&floor, &m, 0, DPK_VERDICT_OK, "a clock that was set back is at seen");
	m.issued = NOW + DPK_FLOOR_CLOCK_SLACK;
	is_verdict(&floor, &m, 0, DPK_VERDICT_OK, "5 minutes after seen");
	m.issued++;
	is_verdict(&floor, &m, 0, DPK_VERDICT_NOT_YET, "and a tick");
	m = made(3, 43);
	m.issued = NOW - WEEK;
	m.expires = NOW;
	is_verdict(&floor, &m, NOW - WEEK, DPK_VERDICT_EXPIRED,
		"a clock that was set back revives nothing");
}

/* What is served goes stale, but a node that restarts must be able to serve it. */
static void test_accepted_before(void)
{
	struct dpk_floor floor = used_floor();
	struct dpk_manifest m = made(3, 42);

	is_verdict(&floor, &m, NOW + 10 * WEEK, DPK_VERDICT_OK, "what was accepted is not expired");
	is_verdict(&floor, &m, INT64_MAX, DPK_VERDICT_OK, "ever");
	m.sha256[0] = 0;
	is_verdict(&floor, &m, NOW + 10 * WEEK, DPK_VERDICT_EQUIVOCATION, "but to the letter");
	m = made(3, 43);
	is_verdict(&floor, &m, NOW + 10 * WEEK, DPK_VERDICT_EXPIRED, "its follower is expired");
}

/* Each check is wrong and those behind it are too: the first one answers. */
static void test_order(void)
{
	struct dpk_floor floor = used_floor();
	struct dpk_manifest m = made(2, 42);

	m.sha256[0] = 0;
	m.expires = m.issued = NOW + WEEK;
	m.ring.b[0] = 0;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_RING_ID, "ring id first");
	m.ring = ring;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_ROLLBACK, "then rollback");
	m.epoch = 3;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_EQUIVOCATION, "then equivocation");
	m.epoch = 4;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_FAST_FORWARD, "then fast-forward");
	m.epoch = 3;
	m.version = 43;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_NOT_YET, "then not-yet");
	m.issued = m.expires = NOW;
	is_verdict(&floor, &m, NOW, DPK_VERDICT_EXPIRED, "then expired");
}

static void test_raise(void)
{
	struct dpk_floor floor = { .min_epoch = 2, .min_version = 5, .seen = INT64_MAX };
	struct dpk_manifest m = made(3, 42);

	dpk_floor_raise(&floor, pins, &m);
	ok(floor.known && floor.epoch == 3 && floor.version == 42, "the version");
	ok(floor.min_epoch == 2 && floor.min_version == 5, "what is configured stays");
	ok(memcmp(floor.manifest_sha256, m.sha256, DPK_HASH_BYTES) == 0, "the text");
	ok(memcmp(floor.pins, pins, DPK_HASH_BYTES) == 0, "the pins");
	is_num(floor.seen, NOW, "the first date counts");
	m.version = 43;
	m.issued = NOW - WEEK;
	dpk_floor_raise(&floor, other_pins, &m);
	is_num(floor.version, 43, "a version that was issued earlier");
	is_num(floor.seen, NOW, "sets no date back");
	ok(memcmp(floor.pins, other_pins, DPK_HASH_BYTES) == 0, "the pins of the last one");
	m.issued = NOW + 1;
	dpk_floor_raise(&floor, pins, &m);
	is_num(floor.seen, NOW + 1, "a later date counts");
}

int main(void)
{
	test_ring();
	test_minimum();
	test_versions();
	test_other_text();
	test_times();
	test_clock_behind();
	test_accepted_before();
	test_order();
	test_raise();
	return tap_done();
}
