/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_READING_H
#define DPK_ENGINE_READING_H

/* One read of a store, judged: what it offers and what was kept out. */

#include "engine/plan.h"
#include "engine/stream.h"
#include "keys/verify.h"

struct dpk_reading {
	struct dpk_harvest harvest; /* owns the names that the offers borrow */
	struct dpk_blobs cut;       /* what documents were cut into; likewise */
	struct dpk_offer *offers;
	size_t offer_count;
	struct dpk_rejections rejections;
	uint8_t digest[DPK_HASH_BYTES]; /* of the whole: two reads with equal ones agree */
};

void dpk_reading_fini(struct dpk_reading *reading);

/*
 * Takes over HARVEST, cuts its documents and verifies each element. 0;
 * DPK_REFUSED: a document could not be cut, *ret_refusal says why (nothing of
 * the read may be used then); -E2BIG past the ring's limits; -ENOMEM. On
 * failure HARVEST is freed as well.
 */
int dpk_reading_make(const struct dpk_trust *trust, struct dpk_harvest *harvest,
	struct dpk_reading *ret_reading, struct dpk_refusal *ret_refusal);

#endif
