/* SPDX-License-Identifier: MIT */
/* Versions only rise. What is remembered, and where, is not known here. */
#include "keys/floor.h"

#include "base/ticks.h"

#include <inttypes.h>
#include <string.h>

static int compare(uint64_t epoch, uint64_t version, uint64_t to_epoch, uint64_t to_version)
{
	if (epoch != to_epoch)
		return epoch < to_epoch ? -1 : 1;
	return version == to_version ? 0 : version < to_version ? -1 : 1;
}

static int check_ring(const struct dpk_guid *ring, const struct dpk_manifest *manifest,
	struct dpk_refusal *refusal)
{
	char found[DPK_GUID_STRING_MAX], expected[DPK_GUID_STRING_MAX];

	if (dpk_guid_equal(ring, &manifest->ring))
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_RING_ID,
		"the snapshot is of ring %s; expected %s, as ring_id says; name the store of that "
		"ring, or if the ring is the right one, set ring_id to its id",
		dpk_guid_to_string(&manifest->ring, found), dpk_guid_to_string(ring, expected));
}

static int check_rollback(const struct dpk_floor *floor, const struct dpk_manifest *manifest,
	struct dpk_refusal *refusal)
{
	uint64_t epoch = manifest->epoch, version = manifest->version;

	if (compare(epoch, version, floor->min_epoch, floor->min_version) < 0)
		return dpk_refuse(refusal, DPK_VERDICT_ROLLBACK,
			"the snapshot has epoch %" PRIu64 ", version %" PRIu64
			"; expected at least the configured epoch %" PRIu64 ", version %" PRIu64
			"; publish a newer snapshot, or lower min_epoch and min_version",
			epoch, version, floor->min_epoch, floor->min_version);
	if (floor->known && compare(epoch, version, floor->epoch, floor->version) < 0)
		return dpk_refuse(refusal, DPK_VERDICT_ROLLBACK,
			"the snapshot has epoch %" PRIu64 ", version %" PRIu64
			"; expected at least epoch %" PRIu64 ", version %" PRIu64
			", which this node has accepted; find out who put an old snapshot into the "
			"store, and publish a newer one",
			epoch, version, floor->epoch, floor->version);
	return 0;
}

static bool is_same_version(const struct dpk_floor *floor, const struct dpk_manifest *manifest)
{
	return floor->known &&
	       compare(manifest->epoch, manifest->version, floor->epoch, floor->version) == 0;
}

static int check_fork(const struct dpk_floor *floor, const uint8_t *pins,
	const struct dpk_manifest *manifest, struct dpk_refusal *refusal)
{
	if (is_same_version(floor, manifest) &&
		memcmp(floor->manifest_sha256, manifest->sha256, DPK_HASH_BYTES) != 0)
		return dpk_refuse(refusal, DPK_VERDICT_EQUIVOCATION,
			"epoch %" PRIu64 ", version %" PRIu64
			" was signed with another text than the one that this node has accepted; "
			"expected one text for each version; find out who signs, and publish the right "
			"ring under a higher version",
			manifest->epoch, manifest->version);
	if (floor->known && manifest->epoch > floor->epoch &&
		memcmp(floor->pins, pins, DPK_HASH_BYTES) == 0)
		return dpk_refuse(refusal, DPK_VERDICT_FAST_FORWARD,
			"the snapshot has epoch %" PRIu64 "; expected %" PRIu64
			", as the pinned signers are those of the last one; if the epoch was raised on "
			"purpose, change the pins first; if not, a signer's key is in other hands",
			manifest->epoch, floor->epoch);
	return 0;
}

static int check_time(const struct dpk_floor *floor, const struct dpk_manifest *manifest,
	int64_t now, struct dpk_refusal *refusal)
{
	char is[DPK_TICKS_STRING_MAX], date[DPK_TICKS_STRING_MAX];

	if (floor->known && now < floor->seen)
		now = floor->seen;
	if (manifest->issued > now && manifest->issued - now > DPK_FLOOR_CLOCK_SLACK)
		return dpk_refuse(refusal, DPK_VERDICT_NOT_YET,
			"the snapshot was issued at %s and it is %s here; expected a date that is past, or "
			"at most 5 minutes ahead; correct the clock of this node or of the signer",
			dpk_ticks_to_short(manifest->issued, date), dpk_ticks_to_short(now, is));
	/* what was accepted goes stale, but is not taken away */
	if (is_same_version(floor, manifest) || now < manifest->expires)
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_EXPIRED,
		"the snapshot expired at %s and it is %s here; expected a later date; sign and publish "
		"the ring anew, or correct the clock of this node",
		dpk_ticks_to_short(manifest->expires, date), dpk_ticks_to_short(now, is));
}

int dpk_floor_check(const struct dpk_floor *floor, const struct dpk_guid *ring,
	const uint8_t pins[static DPK_HASH_BYTES], const struct dpk_manifest *manifest, int64_t now,
	struct dpk_refusal *ret_refusal)
{
	int r;

	*ret_refusal = (struct dpk_refusal){ 0 };
	r = check_ring(ring, manifest, ret_refusal);
	if (!r)
		r = check_rollback(floor, manifest, ret_refusal);
	if (!r)
		r = check_fork(floor, pins, manifest, ret_refusal);
	return r ? r : check_time(floor, manifest, now, ret_refusal);
}

void dpk_floor_raise(struct dpk_floor *floor, const uint8_t pins[static DPK_HASH_BYTES],
	const struct dpk_manifest *manifest)
{
	if (!floor->known || floor->seen < manifest->issued)
		floor->seen = manifest->issued;
	floor->known = true;
	floor->epoch = manifest->epoch;
	floor->version = manifest->version;
	memcpy(floor->manifest_sha256, manifest->sha256, DPK_HASH_BYTES);
	memcpy(floor->pins, pins, DPK_HASH_BYTES);
}
