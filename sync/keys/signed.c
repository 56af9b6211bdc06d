/* SPDX-License-Identifier: MIT */
/* A signed snapshot, check by check. */
#include "keys/signed.h"

#include "base/cleanup.h"

#include <string.h>

void dpk_signed_fini(struct dpk_signed *snapshot)
{
	dpk_manifest_fini(&snapshot->manifest);
	dpk_blobs_fini(&snapshot->blobs);
	*snapshot = (struct dpk_signed){ 0 };
}

static int check_ring(const struct dpk_pins *pins, const struct dpk_manifest *manifest,
	struct dpk_refusal *refusal)
{
	char ours[DPK_GUID_STRING_MAX], theirs[DPK_GUID_STRING_MAX];

	if (dpk_guid_equal(&pins->ring, &manifest->ring))
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_RING_ID,
		"the snapshot is of the ring %s; expected %s (ring_id); it belongs to another farm, or "
		"was published to the wrong place",
		dpk_guid_to_string(&manifest->ring, theirs), dpk_guid_to_string(&pins->ring, ours));
}

static int read_content(const struct dpk_pins *pins, const struct dpk_floor *floor, int64_t now,
	const struct dpk_blob *snapshot, const struct dpk_envelope *envelope,
	struct dpk_signed *result, struct dpk_refusal *refusal)
{
	int r = dpk_manifest_parse(envelope->content, envelope->size, &result->manifest, refusal);

	if (r)
		return r;
	r = floor ? dpk_floor_check(
			    floor, &pins->ring, result->pins, &result->manifest, now, refusal) :
		    check_ring(pins, &result->manifest, refusal);
	if (r)
		return r;
	return dpk_manifest_cut(&result->manifest, envelope->content, envelope->size,
		snapshot->origin, &result->blobs, refusal);
}

int dpk_signed_read(const struct dpk_pins *pins, const struct dpk_floor *floor, int64_t now,
	const struct dpk_blob *snapshot, struct dpk_signed *ret_signed,
	struct dpk_refusal *ret_refusal)
{
	_cleanup_(dpk_envelope_fini) struct dpk_envelope envelope = { 0 };
	struct dpk_signed result = { 0 };
	int r = dpk_envelope_open(pins->signers, pins->threshold, snapshot->data, snapshot->size,
		&envelope, ret_refusal);

	if (r)
		return r;
	memcpy(result.signed_by, envelope.signed_by, sizeof(result.signed_by));
	result.signatures = envelope.signatures;
	r = dpk_signers_digest(pins->signers, pins->threshold, result.pins);
	if (!r)
		r = read_content(pins, floor, now, snapshot, &envelope, &result, ret_refusal);
	if (r)
		dpk_signed_fini(&result);
	else
		*ret_signed = result;
	return r;
}

int dpk_signed_check_name(const struct dpk_manifest *manifest, const struct dpk_key *key,
	struct dpk_refusal *ret_refusal)
{
	const struct dpk_facts *facts = dpk_key_facts(key);
	size_t right = 0, wrong = 0;

	/* every line of these bytes: a right one does not excuse a second under another name */
	for (size_t i = 0; i < manifest->file_count; i++) {
		const struct dpk_manifest_file *file = &manifest->files[i];

		if (memcmp(file->sha256, dpk_key_sha256(key), DPK_HASH_BYTES) != 0)
			continue;
		if (strcmp(file->name, dpk_key_name(key)) == 0 && file->kind == facts->kind &&
			file->mass == facts->mass && dpk_guid_equal(&file->id, &facts->id))
			right++;
		else
			wrong++;
	}
	if (right > 0 && wrong == 0)
		return 0;
	return dpk_refuse(ret_refusal, DPK_VERDICT_NAME,
		"the manifest lists these bytes under another name than '%s', which their content gives "
		"them; sign with dpkeyctl",
		dpk_key_name(key));
}
