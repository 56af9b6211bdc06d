/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_UNWRAP_H
#define DPK_KEYS_UNWRAP_H

/*
 * Opening wrapped keys. Only the unwrap program and tests call this: the
 * daemon holds no private key.
 *
 * One outcome for whatever fails. Neither RSA PKCS#1 v1.5 nor CBC carries
 * integrity, so whoever learnt *why* an element did not open could ask his
 * way to a session key (Bleichenbacher) or a plaintext (padding oracle).
 * PKCS#1 is therefore taken off here in constant time, a random session key
 * standing in for one that is malformed: the same on every OpenSSL, with and
 * without implicit rejection.
 *
 * What success proves: that the bytes decrypt to one masterKey of 64 bytes,
 * that is, .NET can use the key. It does not prove who made them. Whoever has
 * the certificate can wrap a key of his own. Damage is found wherever it
 * reaches the markup or the alphabet of the base64 text: a changed session
 * key, a garbled block (one of 16 random bytes is base64 once in 10^9 times).
 * Damage is not found, and does no harm, in the random fill of the last block
 * and where it turns one blank into another. A change of chosen bits that
 * garbles a block only within the comment can pass and change the secret;
 * only a signature over the element can tell.
 */

#include "keys/descriptor.h"
#include "keys/hash.h"
#include "keys/types.h"

struct dpk_err;
struct evp_pkey_st;

#define DPK_UNWRAP_OPENED 1

/* Private keys. One thread at a time may use a set. */
struct dpk_unwrap;

/* An empty set; its scratch memory is locked. 0 or -ENOMEM. */
int dpk_unwrap_new(struct dpk_unwrap **ret_set);
void dpk_unwrap_free(struct dpk_unwrap *set); /* wipes; NULL allowed */

static inline void dpk_unwrap_freep(struct dpk_unwrap **set)
{
	dpk_unwrap_free(*set);
}

/*
 * Adds every unencrypted RSA private key of the PEM text; other blocks
 * (certificates, keys that are not RSA) are passed over, and a key that is
 * there already counts once. -EINVAL for what is no PEM or is encrypted, -E2BIG past
 * DPK_UNWRAP_KEYS_MAX, -ENOMEM; ERR says the remedy and never quotes the text.
 */
int dpk_unwrap_add_pem(struct dpk_unwrap *set, const void *pem, size_t size, struct dpk_err *err);

/*
 * Adds the RSA private keys that OSSL_STORE finds at URI (`pkcs11:`). -ENOENT
 * where no provider can open it or nothing is there; -E2BIG, -ENOMEM. The set
 * uses the provider afterwards.
 */
int dpk_unwrap_add_uri(struct dpk_unwrap *set, const char *uri, struct dpk_err *err);

size_t dpk_unwrap_count(const struct dpk_unwrap *set);

/*
 * What an answer depends on: SHA-256 over the version of this code's rules and
 * the sorted SHA-256 of the keys' SubjectPublicKeyInfo. 0 or -ENOMEM.
 */
int dpk_unwrap_policy(const struct dpk_unwrap *set, uint8_t ret_policy[static DPK_HASH_BYTES]);

/*
 * Passes ELEMENT through the gate, finds the key of its certificate and opens
 * its secret. DPK_UNWRAP_OPENED; 0 if it is not a wrapped key that opens; -ENOMEM.
 */
int dpk_unwrap_open(struct dpk_unwrap *set, const struct dpk_blob *element);

/*
 * The same, and writes the element as .NET would have written it without a
 * certificate: the same bytes with a masterKey in the place of the
 * encryptedSecret. OUT holds CAPACITY bytes and should be locked; 0 also
 * where it is too small, with OUT wiped.
 */
int dpk_unwrap_expose(struct dpk_unwrap *set, const struct dpk_blob *element, void *out,
	size_t capacity, size_t *ret_size);

/*
 * Reads the decrypted text: one masterKey standing alone, no declaration, no
 * byte-order mark, nothing but white space before it. 1 and its secret, 0, -ENOMEM.
 */
int dpk_unwrap_read_plaintext(
	const void *text, size_t size, uint8_t ret_secret[static DPK_MASTER_KEY_BYTES]);

#endif
