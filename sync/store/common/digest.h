/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_COMMON_DIGEST_H
#define DPK_STORE_COMMON_DIGEST_H

#include <stddef.h>

#define DPK_DIGEST_STRING_MAX 65

/*
 * The token of stores whose server has none: SHA-256 in hexadecimal, so that
 * equal tokens prove equal bytes. 0 or -EIO if libcrypto fails.
 */
int dpk_store_digest(const void *data, size_t len, char out[static DPK_DIGEST_STRING_MAX]);

#endif
