/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_HASH_H
#define DPK_KEYS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) through libcrypto. */
#define DPK_HASH_BYTES 32

/* Of LEN bytes. 0 or -ENOMEM. Any thread. */
int dpk_hash(const void *data, size_t len, uint8_t ret_digest[static DPK_HASH_BYTES]);

/* Of the bytes A and then B. 0 or -ENOMEM. Any thread. */
int dpk_hash2(const void *a, size_t a_len, const void *b, size_t b_len,
	uint8_t ret_digest[static DPK_HASH_BYTES]);

#endif
