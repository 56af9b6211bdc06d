/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_READING_H
#define DPK_ENGINE_READING_H

/* One read of a store, judged: what it offers and what was kept out. */

#include "engine/plan.h"
#include "engine/stream.h"
#include "keys/signed.h"
#include "keys/verify.h"

struct dpk_reading {
	struct dpk_harvest harvest; /* owns the names that the offers borrow */
	struct dpk_blobs cut;       /* what documents were cut into; likewise */
	struct dpk_offer *offers;
	size_t offer_count;
	struct dpk_rejections rejections;
	bool is_signed;
	struct dpk_signed snapshot;     /* with is_signed; its blobs are in `cut` */
	uint8_t digest[DPK_HASH_BYTES]; /* of the whole: two reads with equal ones agree */
};

/* How a signed ring is to be read; NULL in its place: the ring is not signed. */
struct dpk_reading_rule {
	const struct dpk_pins *pins;
	const struct dpk_floor *floor; /* NULL: versions and times are not asked about */
	int64_t now;                   /* ticks */
};

void dpk_reading_fini(struct dpk_reading *reading);

/*
 * Takes over HARVEST, authenticates its snapshot by RULE or cuts its
 * documents, and verifies each element. 0; DPK_REFUSED: a document could not
 * be cut, the snapshot was refused, or the store is signed where RULE is NULL
 * or not signed where it is not; *ret_refusal says why, and nothing of the
 * read may be used then; -E2BIG past the ring's limits; -ENOMEM. On failure
 * HARVEST is freed as well.
 */
int dpk_reading_make(const struct dpk_trust *trust, const struct dpk_reading_rule *rule,
	struct dpk_harvest *harvest, struct dpk_reading *ret_reading,
	struct dpk_refusal *ret_refusal);

#endif
