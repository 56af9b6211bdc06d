/* SPDX-License-Identifier: MIT */
/* SHA-256, alone in its file: who does not call it does not link libcrypto. */
#include "store/common/digest.h"

#include "base/num.h"

#include <openssl/evp.h>

#include <errno.h>

int dpk_store_digest(const void *data, size_t len, char out[static DPK_DIGEST_STRING_MAX])
{
	unsigned char digest[32];

	if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	dpk_hex(digest, sizeof(digest), out);
	return 0;
}
