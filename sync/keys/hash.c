/* SPDX-License-Identifier: MIT */
/* SHA-256. */
#include "keys/hash.h"

#include <errno.h>
#include <openssl/evp.h>

int dpk_hash2(const void *a, size_t a_len, const void *b, size_t b_len,
	uint8_t ret_digest[static DPK_HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	if (!ctx)
		return -ENOMEM;
	ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, a, a_len) &&
	     EVP_DigestUpdate(ctx, b, b_len) && EVP_DigestFinal_ex(ctx, ret_digest, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int dpk_hash(const void *data, size_t len, uint8_t ret_digest[static DPK_HASH_BYTES])
{
	return dpk_hash2(data, len, NULL, 0, ret_digest);
}
