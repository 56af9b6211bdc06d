/* SPDX-License-Identifier: MIT */
/*
 * The pinned certificates. They come from the administrator and are the only
 * certificates that are ever parsed; validity dates, chains and usages are not
 * looked at, because .NET does not look at them when it unwraps.
 */
#include "keys/certs.h"

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "keys/pem.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dpk_certs {
	size_t count;
	struct dpk_cert items[DPK_WRAP_CERTS_MAX];
};

size_t dpk_certs_count(const struct dpk_certs *certs)
{
	return certs->count;
}

const struct dpk_cert *dpk_certs_at(const struct dpk_certs *certs, size_t index)
{
	return &certs->items[index];
}

const struct dpk_cert *dpk_certs_find(const struct dpk_certs *certs, const uint8_t *sha256)
{
	for (size_t i = 0; certs && i < certs->count; i++)
		if (memcmp(certs->items[i].sha256, sha256, DPK_HASH_BYTES) == 0)
			return &certs->items[i];
	return NULL;
}

void dpk_certs_free(struct dpk_certs *certs)
{
	free(certs);
}

static int add_rsa(struct dpk_certs *certs, const struct dpk_pem_cert *pem, struct dpk_err *err)
{
	struct dpk_cert cert = { 0 };

	cert.modulus_bytes = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(pem->x509));
	cert.not_before = dpk_pem_ticks(X509_get0_notBefore(pem->x509));
	cert.not_after = dpk_pem_ticks(X509_get0_notAfter(pem->x509));
	dpk_pem_subject(pem->x509, cert.subject, sizeof(cert.subject));
	snprintf(cert.path, sizeof(cert.path), "%s", pem->path);
	if (dpk_hash(pem->der, pem->size, cert.sha256) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", pem->path);
	if (dpk_certs_find(certs, cert.sha256))
		return 0;
	if (certs->count == DPK_WRAP_CERTS_MAX)
		return dpk_err_set(err, -E2BIG,
			"'%s' goes beyond %d certificates; keep only those that keys are wrapped to",
			pem->path, DPK_WRAP_CERTS_MAX);
	certs->items[certs->count++] = cert;
	return 0;
}

static int add(void *user, const struct dpk_pem_cert *pem, struct dpk_err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(pem->x509);

	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return add_rsa(user, pem, err);
	dpk_warning(
		"certificate in '%s' left out: its key is not RSA, and .NET wraps keys with RSA only",
		pem->path);
	return 0;
}

int dpk_certs_load(const char *path, struct dpk_certs **ret_certs, struct dpk_err *err)
{
	_cleanup_(freep) struct dpk_certs *certs = calloc(1, sizeof(*certs));
	int r;

	if (!certs)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	r = dpk_pem_read(path, "wrap_certs", add, certs, err);
	if (r < 0)
		return r;
	if (certs->count == 0)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds no RSA certificate; put the PEM of each certificate there that keys "
			"are wrapped to",
			path);
	*ret_certs = steal_ptr(&certs);
	return 0;
}
