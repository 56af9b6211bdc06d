/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_FLOOR_H
#define DPK_KEYS_FLOOR_H

/* What a node has accepted, and so what it will never go below. */

#include "keys/manifest.h"

struct dpk_floor {
	bool known;                              /* a snapshot was accepted before */
	uint64_t min_epoch, min_version;         /* configured; always in force */
	uint64_t epoch, version;                 /* with known, as all below */
	uint8_t manifest_sha256[DPK_HASH_BYTES]; /* of the text at that version */
	uint8_t pins[DPK_HASH_BYTES]; /* dpk_signers_digest under which it was accepted */
	int64_t seen; /* ticks; latest `issued` ever accepted: it is at least as late as that */
};

/* How far a node's clock may be behind a signer's. */
#define DPK_FLOOR_CLOCK_SLACK (300 * INT64_C(10000000))

/*
 * May a node with FLOOR, PINS and the ring id RING take MANIFEST at NOW
 * (ticks)? 0, or DPK_REFUSED, in this order: `ring-id`; `rollback` (lower
 * epoch, or lower version in the same one, or below the configured minimum);
 * `equivocation` (same version, other text); `fast-forward` (a higher epoch
 * although the pins are those of the last acceptance); `not-yet`; `expired`.
 * What was accepted before, to the letter, is never expired. A clock that is
 * behind FLOOR's `seen` counts as being there.
 */
int dpk_floor_check(const struct dpk_floor *floor, const struct dpk_guid *ring,
	const uint8_t pins[static DPK_HASH_BYTES], const struct dpk_manifest *manifest, int64_t now,
	struct dpk_refusal *ret_refusal);

/* FLOOR after MANIFEST was accepted under PINS. */
void dpk_floor_raise(struct dpk_floor *floor, const uint8_t pins[static DPK_HASH_BYTES],
	const struct dpk_manifest *manifest);

#endif
