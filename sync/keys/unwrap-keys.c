/* SPDX-License-Identifier: MIT */
/* The set of private keys: where they come from, and which one a certificate means. */
#include "keys/unwrap-internal.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/locked.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* Another number gives every answer another look. */
#define POLICY "dpkeyfs unwrap 1\n"

static void biop(BIO **bio)
{
	BIO_free(*bio);
}

static void x509p(X509 **x509)
{
	X509_free(*x509);
}

static void pkeyp(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void storep(OSSL_STORE_CTX **store)
{
	OSSL_STORE_close(*store);
}

struct block {
	char *name;
	char *header;
	unsigned char *data;
	long size;
};

static void blockp(struct block *block)
{
	OPENSSL_clear_free(block->data, block->data ? (size_t)block->size : 0);
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
}

int dpk_unwrap_new(struct dpk_unwrap **ret_set)
{
	struct dpk_unwrap *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->scratch = dpk_locked_alloc(sizeof(*set->scratch));
	if (!set->scratch) {
		free(set);
		return -ENOMEM;
	}
	*ret_set = set;
	return 0;
}

void dpk_unwrap_free(struct dpk_unwrap *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		EVP_PKEY_free(set->keys[i].pkey);
	dpk_locked_free(set->scratch, sizeof(*set->scratch));
	free(set);
}

size_t dpk_unwrap_count(const struct dpk_unwrap *set)
{
	return set->count;
}

static int hash_public(const EVP_PKEY *pkey, uint8_t ret_sha256[static DPK_HASH_BYTES])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(pkey, &der);
	int r = size > 0 ? dpk_hash(der, (size_t)size, ret_sha256) : -ENOMEM;

	OPENSSL_free(der);
	return r;
}

/* Consumes nothing: the set takes a reference of its own. */
static int add_key(struct dpk_unwrap *set, EVP_PKEY *pkey, struct dpk_err *err)
{
	struct dpk_unwrap_key key = { .pkey = pkey };

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA ||
		EVP_PKEY_get_size(pkey) > DPK_RSA_MAX_BYTES ||
		EVP_PKEY_get_size(pkey) < DPK_SESSION_KEY_BYTES + 11)
		return 0;
	if (hash_public(pkey, key.spki_sha256) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory for a private key");
	for (size_t i = 0; i < set->count; i++)
		if (memcmp(set->keys[i].spki_sha256, key.spki_sha256, DPK_HASH_BYTES) == 0)
			return 0;
	if (set->count == DPK_UNWRAP_KEYS_MAX)
		return dpk_err_set(err, -E2BIG,
			"there are more than %d private keys; keep only those that keys are still "
			"wrapped to",
			DPK_UNWRAP_KEYS_MAX);
	EVP_PKEY_up_ref(pkey);
	set->keys[set->count++] = key;
	return 0;
}

static int add_block(struct dpk_unwrap *set, const struct block *block, struct dpk_err *err)
{
	const unsigned char *at = block->data;
	_cleanup_(pkeyp) EVP_PKEY *pkey = NULL;

	if (strcmp(block->name, PEM_STRING_PKCS8) == 0 || strstr(block->header, "ENCRYPTED"))
		return dpk_err_set(err, -EINVAL,
			"a private key is encrypted with a passphrase, which nobody can type here; "
			"decrypt it: openssl pkey -in KEY -out NEW, keep it at mode 0600");
	if (strcmp(block->name, PEM_STRING_PKCS8INF) != 0 &&
		strcmp(block->name, PEM_STRING_RSA) != 0)
		return 0;
	pkey = d2i_AutoPrivateKey(NULL, &at, block->size);
	if (!pkey)
		return dpk_err_set(err, -EINVAL,
			"a PRIVATE KEY block is no private key; export it again as PEM");
	return add_key(set, pkey, err);
}

static int add_blocks(struct dpk_unwrap *set, BIO *bio, struct dpk_err *err)
{
	size_t blocks = 0;
	int r;

	for (;; blocks++) {
		_cleanup_(blockp) struct block block = { 0 };

		if (!PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size))
			break;
		r = add_block(set, &block, err);
		if (r < 0)
			return r;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && blocks > 0)
		return 0;
	return dpk_err_set(err, -EINVAL,
		"a file of private keys is no PEM%s; if it is a PFX, convert it: openssl pkcs12 -nodes "
		"-in FILE.pfx -out KEY.pem, keep it at mode 0600",
		blocks ? " to its end" : "");
}

int dpk_unwrap_add_pem(struct dpk_unwrap *set, const void *pem, size_t size, struct dpk_err *err)
{
	_cleanup_(biop) BIO *bio = NULL;
	int r;

	ERR_clear_error();
	if (size <= INT32_MAX)
		bio = BIO_new_mem_buf(pem, (int)size);
	r = bio ? add_blocks(set, bio, err) :
		  dpk_err_set(err, -ENOMEM, "no memory for private keys");
	ERR_clear_error();
	return r;
}

static int add_store(struct dpk_unwrap *set, OSSL_STORE_CTX *store, struct dpk_err *err)
{
	int r = 0;

	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (r == 0 && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		EVP_PKEY *pkey = info ? OSSL_STORE_INFO_get0_PKEY(info) : NULL;

		if (!info && OSSL_STORE_error(store))
			break;
		if (pkey)
			r = add_key(set, pkey, err);
		OSSL_STORE_INFO_free(info);
	}
	return r;
}

int dpk_unwrap_add_uri(struct dpk_unwrap *set, const char *uri, struct dpk_err *err)
{
	_cleanup_(storep) OSSL_STORE_CTX *store = NULL;
	size_t before = set->count;
	int r = 0;

	/* where it is installed it need not be named in openssl.cnf */
	OSSL_PROVIDER_try_load(NULL, "pkcs11", 1);
	store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	if (store)
		r = add_store(set, store, err);
	ERR_clear_error();
	if (r < 0 || set->count > before)
		return r;
	return dpk_err_set(err, -ENOENT,
		"%s; install and configure OpenSSL's pkcs11 provider (openssl storeutl URI must list the "
		"key, with its pin-source), or name a PEM file as unwrap_key",
		store ? "the pkcs11: URI names no RSA private key" :
			"no OpenSSL provider can open the pkcs11: URI");
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, DPK_HASH_BYTES);
}

int dpk_unwrap_policy(const struct dpk_unwrap *set, uint8_t ret_policy[static DPK_HASH_BYTES])
{
	uint8_t digests[DPK_UNWRAP_KEYS_MAX][DPK_HASH_BYTES];

	for (size_t i = 0; i < set->count; i++)
		memcpy(digests[i], set->keys[i].spki_sha256, DPK_HASH_BYTES);
	qsort(digests, set->count, DPK_HASH_BYTES, compare_digests);
	return dpk_hash2(POLICY, strlen(POLICY), digests, set->count * DPK_HASH_BYTES, ret_policy);
}

static struct dpk_unwrap_key *find_public(struct dpk_unwrap *set, const void *der, size_t size)
{
	const unsigned char *at = der;
	_cleanup_(x509p) X509 *x509 = d2i_X509(NULL, &at, (long)size);
	const EVP_PKEY *public = NULL;
	struct dpk_unwrap_key *found = NULL;
	uint8_t sha256[DPK_HASH_BYTES];

	if (x509 && at == (const unsigned char *)der + size)
	public = X509_get0_pubkey(x509);
	if (public && hash_public(public, sha256) == 0)
		for (size_t i = 0; i < set->count && !found; i++)
			if (memcmp(set->keys[i].spki_sha256, sha256, DPK_HASH_BYTES) == 0)
				found = &set->keys[i];
	ERR_clear_error();
	return found;
}

EVP_PKEY *dpk_unwrap_find(struct dpk_unwrap *set, const void *der, size_t size,
	const uint8_t sha256[static DPK_HASH_BYTES])
{
	struct dpk_unwrap_key *key;

	for (size_t i = 0; i < set->count; i++)
		if (set->keys[i].has_cert &&
			memcmp(set->keys[i].cert_sha256, sha256, DPK_HASH_BYTES) == 0)
			return set->keys[i].pkey;
	key = find_public(set, der, size);
	if (!key)
		return NULL;
	memcpy(key->cert_sha256, sha256, DPK_HASH_BYTES);
	key->has_cert = true;
	return key->pkey;
}
