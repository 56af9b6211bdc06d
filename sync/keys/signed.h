/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_SIGNED_H
#define DPK_KEYS_SIGNED_H

/* A signed snapshot, from its bytes to elements that may be verified: the fixed order of checks. */

#include "keys/envelope.h"
#include "keys/floor.h"

/* Whom a node believes. */
struct dpk_pins {
	const struct dpk_signers *signers; /* borrowed */
	uint64_t threshold;                /* 1 to the number of signers */
	struct dpk_guid ring;
};

struct dpk_signed {
	struct dpk_manifest manifest;
	struct dpk_blobs blobs; /* each of a listed length and digest; not yet verified */
	bool signed_by[DPK_SIGNERS_MAX];
	size_t signatures;
	uint8_t pins[DPK_HASH_BYTES]; /* dpk_signers_digest of the pins */
};

void dpk_signed_fini(struct dpk_signed *snapshot);

/*
 * envelope -> manifest -> floor -> elements. SNAPSHOT's origin is given to
 * each element. With FLOOR NULL nothing is asked of version and time (the
 * ring id still). 0; -ENOMEM, -E2BIG; or DPK_REFUSED with the reason of the
 * first check that failed: nothing of the snapshot may be used then.
 */
int dpk_signed_read(const struct dpk_pins *pins, const struct dpk_floor *floor, int64_t now,
	const struct dpk_blob *snapshot, struct dpk_signed *ret_signed,
	struct dpk_refusal *ret_refusal);

/*
 * Does a verified element stand under the name that its content gives it?
 * 0, or DPK_REFUSED with `name`.
 */
int dpk_signed_check_name(const struct dpk_manifest *manifest, const struct dpk_key *key,
	struct dpk_refusal *ret_refusal);

#endif
