/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_UNWRAP_INTERNAL_H
#define DPK_KEYS_UNWRAP_INTERNAL_H

/* What the parts of keys/unwrap.h know of each other. */

#include "keys/encoding.h"
#include "keys/unwrap.h"

#include <openssl/evp.h>

#define DPK_RSA_MAX_BYTES     2048 /* a modulus of 16384 bits */
#define DPK_SESSION_KEY_BYTES 32

struct dpk_unwrap_key {
	EVP_PKEY *pkey;
	uint8_t spki_sha256[DPK_HASH_BYTES];
	/* of the certificate that was last found to be this key's, so that it is parsed once */
	uint8_t cert_sha256[DPK_HASH_BYTES];
	bool has_cert;
};

/* All that is secret during one call; locked, wiped after it. */
struct dpk_unwrap_scratch {
	uint8_t message[DPK_RSA_MAX_BYTES];
	uint8_t fallback[DPK_SESSION_KEY_BYTES];
	uint8_t session[DPK_SESSION_KEY_BYTES];
	uint8_t plain[DPK_CIPHER_MAX_BYTES];
	uint8_t secret[DPK_MASTER_KEY_BYTES];
};

struct dpk_unwrap {
	size_t count;
	struct dpk_unwrap_key keys[DPK_UNWRAP_KEYS_MAX];
	struct dpk_unwrap_scratch *scratch;
};

/* The key of the certificate DER with that SHA-256, or NULL. */
EVP_PKEY *dpk_unwrap_find(struct dpk_unwrap *set, const void *der, size_t size,
	const uint8_t sha256[static DPK_HASH_BYTES]);

/*
 * Decrypts a session key of SIZE bytes, the length of KEY's modulus, into
 * scratch->session; a random one where the bytes are no session key. 0 or -ENOMEM.
 */
int dpk_unwrap_session(struct dpk_unwrap_scratch *scratch, EVP_PKEY *key, bool oaep,
	const void *data, size_t size);

/*
 * Decrypts IV and ciphertext (2 to DPK_CIPHER_MAX_BYTES / 16 blocks) into
 * scratch->plain. The length of the plaintext, 0 where its padding is none; -ENOMEM.
 */
int dpk_unwrap_content(
	struct dpk_unwrap_scratch *scratch, const void *data, size_t size, size_t *ret_size);

/* Renders ELEMENT, which passed the gate, with SECRET; as dpk_unwrap_expose. */
int dpk_unwrap_render(const struct dpk_blob *element,
	const uint8_t secret[static DPK_MASTER_KEY_BYTES], void *out, size_t capacity,
	size_t *ret_size);

#endif
