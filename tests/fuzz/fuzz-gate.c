/* SPDX-License-Identifier: MIT */
/*
 * Any bytes through the gate and through a trust that accepts all it can. What
 * must hold: the answer is the same twice, a refusal says something, and what
 * is accepted is served byte for byte under a name of ours.
 */
#include "base/ticks.h"
#include "keys/verify.h"

#include "tests/fuzz/fuzz.h"

static void check_refusal(const struct dpk_refusal *refusal)
{
	size_t len = strlen(refusal->text);

	must(refusal->verdict != DPK_VERDICT_OK);
	must(len > 0 && len < sizeof(refusal->text));
	for (size_t i = 0; i < len; i++)
		must((unsigned char)refusal->text[i] >= 0x20);
}

static void check_key(const struct dpk_key *key, const uint8_t *data, size_t size)
{
	const char *name = dpk_key_name(key);
	size_t served;
	const uint8_t *bytes = dpk_key_data(key, &served);

	must(served == size && memcmp(bytes, data, size) == 0);
	must(strlen(name) > 4 && strlen(name) < DPK_FILE_NAME_MAX);
	must(strcmp(name + strlen(name) - 4, ".xml") == 0);
	must(strspn(name, "abcdefghijklmnopqrstuvwxyzTZ0123456789-.") == strlen(name));
	must(dpk_key_facts(key)->kind != DPK_KIND_UNKNOWN);
	if (dpk_key_facts(key)->kind == DPK_KIND_KEY)
		must(dpk_key_facts(key)->created >= DPK_TICKS_UNIX_EPOCH);
}

static void check_determinism(const struct dpk_blob *blob)
{
	struct dpk_refusal refusals[2];
	struct dpk_draft drafts[2];
	int r = dpk_gate(blob, &drafts[0], &refusals[0]);

	must(r == 0 || r == DPK_REFUSED);
	must(dpk_gate(blob, &drafts[1], &refusals[1]) == r);
	must(refusals[0].verdict == refusals[1].verdict);
	must(strcmp(refusals[0].text, refusals[1].text) == 0);
	must(refusals[0].could_be_revocation == refusals[1].could_be_revocation);
	must(memcmp(&drafts[0].facts.id, &drafts[1].facts.id, sizeof(drafts[0].facts.id)) == 0);
	if (r == DPK_REFUSED)
		check_refusal(&refusals[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;
	struct dpk_blob blob;
	int r;

	must(dpk_blob_init(&blob, "fuzz", "-", data, size) == 0);
	check_determinism(&blob);
	r = dpk_verify(&trust, &blob, &key, &refusal);
	must(r == 0 || r == DPK_REFUSED);
	if (r == 0)
		check_key(key, data, size);
	else
		check_refusal(&refusal);
	dpk_key_unref(key);
	dpk_blob_fini(&blob);
	return 0;
}
