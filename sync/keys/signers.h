/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_SIGNERS_H
#define DPK_KEYS_SIGNERS_H

/*
 * The pinned signers of a ring. A signer is a public key: two certificates of
 * one key are one signer, so that nobody counts twice towards a threshold.
 */

#include "keys/hash.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dpk_err;

struct dpk_signer {
	X509 *cert;                   /* owned by the set; the first one of that key */
	uint8_t spki[DPK_HASH_BYTES]; /* SHA-256 of its SubjectPublicKeyInfo */
	int64_t not_after;            /* ticks; of the certificate that expires last */
	char subject[128];            /* RFC 2253, printable */
	char path[256];               /* where it was read */
};

/* Immutable once loaded. */
struct dpk_signers;

/*
 * Reads the PEM file PATH, or the *.pem, *.crt and *.cer of the directory
 * PATH, as dpk_certs_load does. A key must be ECDSA on P-256, P-384 or P-521,
 * or RSA of at least 3072 bits; -EINVAL for any other, and for a set without a
 * certificate; -E2BIG past DPK_SIGNERS_MAX; -EPERM for what others than root
 * and the caller can write. ERR names the path and the remedy.
 */
int dpk_signers_load(const char *path, struct dpk_signers **ret_signers, struct dpk_err *err);
void dpk_signers_free(struct dpk_signers *signers); /* NULL allowed */

size_t dpk_signers_count(const struct dpk_signers *signers);
const struct dpk_signer *dpk_signers_at(const struct dpk_signers *signers, size_t index);

/* May this public key sign a ring? KEY must not be NULL. */
bool dpk_signer_key_is_good(EVP_PKEY *key);

/*
 * Identifies the pins: SHA-256 over the sorted keys and THRESHOLD. It changes
 * exactly when somebody changed whom this node believes. 0 or -ENOMEM.
 */
int dpk_signers_digest(const struct dpk_signers *signers, uint64_t threshold,
	uint8_t ret_digest[static DPK_HASH_BYTES]);

#endif
