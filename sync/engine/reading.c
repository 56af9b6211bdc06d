/* SPDX-License-Identifier: MIT */
/* From a store's answer to offers and rejections. */
#include "engine/reading.h"

#include "keys/split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dpk_reading_fini(struct dpk_reading *reading)
{
	for (size_t i = 0; i < reading->offer_count; i++)
		dpk_key_unref(reading->offers[i].key);
	free(reading->offers);
	dpk_rejections_fini(&reading->rejections);
	dpk_blobs_fini(&reading->cut);
	dpk_signed_fini(&reading->snapshot);
	dpk_harvest_fini(&reading->harvest);
	*reading = (struct dpk_reading){ 0 };
}

static int judge_blob(
	const struct dpk_trust *trust, const struct dpk_blob *blob, struct dpk_reading *reading)
{
	struct dpk_refusal refusal = { 0 };
	uint8_t sha256[DPK_HASH_BYTES];
	struct dpk_key *key = NULL;
	int r = dpk_verify(trust, blob, &key, &refusal);

	if (r == 0 && reading->is_signed)
		r = dpk_signed_check_name(&reading->snapshot.manifest, key, &refusal);
	if (r == DPK_REFUSED)
		key = dpk_key_unref(key);
	if (r < 0)
		return r;
	if (r == DPK_REFUSED) {
		r = dpk_hash(blob->data, blob->size, sha256);
		return r < 0 ? r :
			       dpk_rejections_add(&reading->rejections, blob->origin, blob->name,
				       &refusal, sha256);
	}
	reading->offers[reading->offer_count++] =
		(struct dpk_offer){ key, blob->origin, blob->name };
	return 0;
}

static int judge_blobs(const struct dpk_trust *trust, struct dpk_reading *reading)
{
	const struct dpk_blobs *lists[] = { &reading->harvest.elements, &reading->cut };
	size_t count = lists[0]->count + lists[1]->count;

	/* refused ones count: past DPK_QUARANTINE_MAX a bad revocation would be overlooked */
	if (count + reading->harvest.refusal_count > DPK_RING_MAX_ELEMENTS)
		return -E2BIG;
	reading->offers = calloc(count + 1, sizeof(*reading->offers));
	if (!reading->offers)
		return -ENOMEM;
	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			int r = judge_blob(trust, &lists[l]->items[i], reading);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* What the store program itself would not send. */
static int take_refusals(struct dpk_reading *reading)
{
	for (size_t i = 0; i < reading->harvest.refusal_count; i++) {
		const struct dpk_stream_refusal *from = &reading->harvest.refusals[i];
		struct dpk_refusal refusal = { 0 };
		uint8_t sha256[DPK_HASH_BYTES];
		int r;

		dpk_refuse(&refusal, from->reason,
			"the store program did not read it: it is too large, or no regular file inside "
			"the store; delete it there, or put a key in its place");
		refusal.could_be_revocation = dpk_name_could_be_revocation(from->name);
		r = dpk_hash(from->name, strlen(from->name), sha256);
		if (r == 0)
			r = dpk_rejections_add(
				&reading->rejections, from->origin, from->name, &refusal, sha256);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_digest(const void *a, const void *b)
{
	return memcmp(a, b, DPK_HASH_BYTES);
}

/* Over the sorted digests of all that was read: the order of a listing means nothing. */
static int digest_all(struct dpk_reading *reading)
{
	size_t count = reading->offer_count + reading->rejections.count, n = 0;
	uint8_t *all = malloc((count + 1) * DPK_HASH_BYTES);
	int r;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < reading->offer_count; i++)
		memcpy(all + DPK_HASH_BYTES * n++, dpk_key_sha256(reading->offers[i].key),
			DPK_HASH_BYTES);
	for (size_t i = 0; i < reading->rejections.count; i++)
		memcpy(all + DPK_HASH_BYTES * n++, reading->rejections.items[i].sha256,
			DPK_HASH_BYTES);
	qsort(all, count, DPK_HASH_BYTES, compare_digest);
	r = dpk_hash(all, count * DPK_HASH_BYTES, reading->digest);
	free(all);
	return r;
}

static int refuse_unsigned(const struct dpk_harvest *harvest, struct dpk_refusal *refusal)
{
	return dpk_refuse(refusal, DPK_VERDICT_SIGNATURE,
		"the store holds no signed snapshot but %zu elements and %zu documents that nobody has "
		"signed; point source= at the .p7m that dpkeyctl sign makes",
		harvest->elements.count, harvest->documents.count);
}

/* The snapshot's elements take the place of what an unsigned store holds loose. */
static int open_snapshot(const struct dpk_reading_rule *rule, struct dpk_reading *reading,
	struct dpk_refusal *refusal)
{
	const struct dpk_blobs *snapshots = &reading->harvest.snapshots;
	int r;

	if (snapshots->count != 1)
		return refuse_unsigned(&reading->harvest, refusal);
	r = dpk_signed_read(rule->pins, rule->floor, rule->now, &snapshots->items[0],
		&reading->snapshot, refusal);
	if (r)
		return r;
	reading->is_signed = true;
	reading->cut = reading->snapshot.blobs;
	reading->snapshot.blobs = (struct dpk_blobs){ 0 };
	return 0;
}

static int cut_documents(struct dpk_reading *reading, struct dpk_refusal *refusal)
{
	const struct dpk_blobs *documents = &reading->harvest.documents;
	int r = 0;

	if (reading->harvest.snapshots.count > 0)
		return dpk_refuse(refusal, DPK_VERDICT_SIGNER,
			"the store holds a signed snapshot, but no signers are pinned here; set "
			"signers= and ring_id=");
	for (size_t i = 0; i < documents->count && r == 0; i++)
		r = dpk_split(&documents->items[i], &reading->cut, refusal);
	return r;
}

int dpk_reading_make(const struct dpk_trust *trust, const struct dpk_reading_rule *rule,
	struct dpk_harvest *harvest, struct dpk_reading *ret_reading,
	struct dpk_refusal *ret_refusal)
{
	struct dpk_reading reading = { .harvest = *harvest };
	int r;

	*harvest = (struct dpk_harvest){ 0 };
	r = rule ? open_snapshot(rule, &reading, ret_refusal) :
		   cut_documents(&reading, ret_refusal);
	if (r == 0)
		r = judge_blobs(trust, &reading);
	if (r == 0)
		r = take_refusals(&reading);
	if (r == 0)
		r = digest_all(&reading);
	if (r != 0) {
		dpk_reading_fini(&reading);
		return r;
	}
	*ret_reading = reading;
	return 0;
}
