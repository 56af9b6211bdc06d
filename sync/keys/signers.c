/* SPDX-License-Identifier: MIT */
/* The pinned signers. */
#include "keys/signers.h"

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "keys/pem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_MIN_BITS 3072

struct dpk_signers {
	size_t count;
	struct dpk_signer items[DPK_SIGNERS_MAX];
};

size_t dpk_signers_count(const struct dpk_signers *signers)
{
	return signers->count;
}

const struct dpk_signer *dpk_signers_at(const struct dpk_signers *signers, size_t index)
{
	return &signers->items[index];
}

void dpk_signers_free(struct dpk_signers *signers)
{
	if (!signers)
		return;
	for (size_t i = 0; i < signers->count; i++)
		X509_free(signers->items[i].cert);
	free(signers);
}

static void signers_freep(struct dpk_signers **signers)
{
	dpk_signers_free(*signers);
}

static int hash_key(const X509 *x509, uint8_t ret_spki[static DPK_HASH_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	int r = len > 0 ? dpk_hash(der, (size_t)len, ret_spki) : -ENOMEM;

	OPENSSL_free(der);
	return r;
}

bool dpk_signer_key_is_good(EVP_PKEY *key)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	char group[32];
	size_t len;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(key) >= RSA_MIN_BITS;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
		!EVP_PKEY_get_group_name(key, group, sizeof(group), &len))
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(group, curves[i]) == 0)
			return true;
	return false;
}

static struct dpk_signer *find(struct dpk_signers *signers, const uint8_t *spki)
{
	for (size_t i = 0; i < signers->count; i++)
		if (memcmp(signers->items[i].spki, spki, DPK_HASH_BYTES) == 0)
			return &signers->items[i];
	return NULL;
}

static int add_signer(struct dpk_signers *signers, const struct dpk_pem_cert *pem,
	const uint8_t *spki, struct dpk_err *err)
{
	struct dpk_signer *signer;

	if (signers->count == DPK_SIGNERS_MAX)
		return dpk_err_set(err, -E2BIG,
			"'%s' goes beyond %d signers; keep only those that sign this ring",
			pem->path, DPK_SIGNERS_MAX);
	signer = &signers->items[signers->count++];
	memcpy(signer->spki, spki, DPK_HASH_BYTES);
	X509_up_ref(pem->x509);
	signer->cert = pem->x509;
	signer->not_after = dpk_pem_ticks(X509_get0_notAfter(pem->x509));
	dpk_pem_subject(pem->x509, signer->subject, sizeof(signer->subject));
	snprintf(signer->path, sizeof(signer->path), "%s", pem->path);
	return 0;
}

static int add(void *user, const struct dpk_pem_cert *pem, struct dpk_err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(pem->x509);
	int64_t not_after = dpk_pem_ticks(X509_get0_notAfter(pem->x509));
	uint8_t spki[DPK_HASH_BYTES];
	struct dpk_signer *known;

	/* left out, it would be missed only when its signature is needed */
	if (!key || !dpk_signer_key_is_good(key))
		return dpk_err_set(err, -EINVAL,
			"signers: '%s' holds a certificate whose key cannot sign a ring; it must be "
			"ECDSA on P-256, P-384 or P-521, or RSA of at least %d bits",
			pem->path, RSA_MIN_BITS);
	if (hash_key(pem->x509, spki) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", pem->path);
	known = find(user, spki);
	if (!known)
		return add_signer(user, pem, spki, err);
	if (not_after > known->not_after)
		known->not_after = not_after;
	return 0;
}

int dpk_signers_load(const char *path, struct dpk_signers **ret_signers, struct dpk_err *err)
{
	_cleanup_(signers_freep) struct dpk_signers *signers = calloc(1, sizeof(*signers));
	int r;

	if (!signers)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	r = dpk_pem_read(path, "signers", add, signers, err);
	if (r < 0)
		return r;
	if (signers->count == 0)
		return dpk_err_set(err, -EINVAL,
			"signers: '%s' holds no certificate; put the PEM of each signer there",
			path);
	*ret_signers = steal_ptr(&signers);
	return 0;
}

static int compare_spki(const void *a, const void *b)
{
	return memcmp(a, b, DPK_HASH_BYTES);
}

int dpk_signers_digest(const struct dpk_signers *signers, uint64_t threshold,
	uint8_t ret_digest[static DPK_HASH_BYTES])
{
	uint8_t all[DPK_SIGNERS_MAX][DPK_HASH_BYTES];

	for (size_t i = 0; i < signers->count; i++)
		memcpy(all[i], signers->items[i].spki, DPK_HASH_BYTES);
	/* the order of files is no matter of trust */
	qsort(all, signers->count, DPK_HASH_BYTES, compare_spki);
	return dpk_hash2(
		&threshold, sizeof(threshold), all, signers->count * DPK_HASH_BYTES, ret_digest);
}
