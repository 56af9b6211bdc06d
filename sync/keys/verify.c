/* SPDX-License-Identifier: MIT */
/* Trust, and the only place that can make a struct dpk_key. */
#include "keys/verify.h"

#include "base/num.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dpk_key {
	atomic_uint refs;
	struct dpk_facts facts;
	uint8_t sha256[DPK_HASH_BYTES];
	char name[DPK_FILE_NAME_MAX];
	size_t size;
	uint8_t data[];
};

struct dpk_key *dpk_key_ref(struct dpk_key *key)
{
	/* relaxed: whoever takes a reference already holds one */
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

struct dpk_key *dpk_key_unref(struct dpk_key *key)
{
	/* acquire-release: the last holder sees all that the others did before it frees */
	if (key && atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) == 1) {
		explicit_bzero(key->data, key->size);
		free(key);
	}
	return NULL;
}

const struct dpk_facts *dpk_key_facts(const struct dpk_key *key)
{
	return &key->facts;
}

const uint8_t *dpk_key_data(const struct dpk_key *key, size_t *ret_size)
{
	*ret_size = key->size;
	return key->data;
}

const uint8_t *dpk_key_sha256(const struct dpk_key *key)
{
	return key->sha256;
}

const char *dpk_key_name(const struct dpk_key *key)
{
	return key->name;
}

/* revocation-{yyyyMMddTHHmmssFFFFFFFZ}.xml: RFC 3339 without its punctuation. */
static void name_of_mass_revocation(int64_t revoked_at, char name[static DPK_FILE_NAME_MAX])
{
	char stamp[DPK_TICKS_STRING_MAX];
	size_t n = 0;

	dpk_ticks_to_string(revoked_at, stamp);
	for (const char *c = stamp; *c; c++)
		if (!strchr("-:.", *c))
			stamp[n++] = *c;
	stamp[n] = '\0';
	snprintf(name, DPK_FILE_NAME_MAX, "revocation-%s.xml", stamp);
}

void dpk_facts_name(const struct dpk_facts *facts, char name[static DPK_FILE_NAME_MAX])
{
	char id[DPK_GUID_STRING_MAX];

	if (facts->mass)
		name_of_mass_revocation(facts->revoked_at, name);
	else
		snprintf(name, DPK_FILE_NAME_MAX, "%s-%s.xml",
			facts->kind == DPK_KIND_KEY ? "key" : "revocation",
			dpk_guid_to_string(&facts->id, id));
}

static int make_key(
	const struct dpk_blob *blob, const struct dpk_draft *draft, struct dpk_key **ret_key)
{
	struct dpk_key *key = malloc(sizeof(*key) + blob->size);

	if (!key)
		return -ENOMEM;
	atomic_init(&key->refs, 1);
	key->facts = draft->facts;
	key->size = blob->size;
	memcpy(key->data, blob->data, blob->size);
	dpk_facts_name(&key->facts, key->name);
	if (dpk_hash(key->data, key->size, key->sha256) < 0) {
		dpk_key_unref(key);
		return -ENOMEM;
	}
	*ret_key = key;
	return 0;
}

static int check_certificate(
	const struct dpk_trust *trust, const struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const uint8_t *sha256 = draft->facts.wrap_cert_sha256;
	const struct dpk_cert *cert = dpk_certs_find(trust->wrap_certs, sha256);
	char hex[2 * DPK_HASH_BYTES + 1];

	dpk_hex(sha256, DPK_HASH_BYTES, hex);
	if (!cert)
		return dpk_refuse(refusal, DPK_VERDICT_WRAP_CERT,
			"the key is wrapped to the certificate with SHA-256 %s, which is not among the "
			"%zu of wrap_certs; if it is yours, add its PEM there; if not, somebody else "
			"wrote this key",
			hex, trust->wrap_certs ? dpk_certs_count(trust->wrap_certs) : 0);
	if (draft->wrap_key_bytes != cert->modulus_bytes)
		return dpk_refuse(refusal, DPK_VERDICT_CIPHER_LENGTH,
			"the encrypted session key has %zu bytes; expected %zu, the length of the "
			"certificate's modulus; the element is damaged: restore it as .NET wrote it, or "
			"replace it",
			draft->wrap_key_bytes, cert->modulus_bytes);
	return 0;
}

static int check_trust(
	const struct dpk_trust *trust, const struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	/* a revocation has no secret: it is trusted for its form, for refusing it would un-revoke
	 */
	if (draft->facts.kind != DPK_KIND_KEY)
		return 0;
	if (draft->facts.wrapped)
		return check_certificate(trust, draft, refusal);
	if (trust->accept_unwrapped)
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_UNWRAPPED,
		"the key is in plaintext; expected one wrapped to a certificate of wrap_certs; have the "
		"writer call ProtectKeysWithCertificate, or for a development ring set unwrapped=accept");
}

int dpk_verify(const struct dpk_trust *trust, const struct dpk_blob *blob, struct dpk_key **ret_key,
	struct dpk_refusal *ret_refusal)
{
	struct dpk_draft draft;
	int r = dpk_gate(blob, &draft, ret_refusal);

	if (r)
		return r;
	r = check_trust(trust, &draft, ret_refusal);
	if (r) {
		ret_refusal->facts = draft.facts;
		ret_refusal->has_facts = draft.facts.kind == DPK_KIND_KEY;
		return r;
	}
	return make_key(blob, &draft, ret_key);
}
