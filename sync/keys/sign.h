/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_SIGN_H
#define DPK_KEYS_SIGN_H

/*
 * The writer of envelopes, for those who sign rings. No node runs it: a node
 * has no private key.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dpk_buf;
struct dpk_err;

/* A certificate with its private key. */
struct dpk_author;

/*
 * CERT: a PEM file with one certificate that dpk_signers_load accepts. KEY: a
 * PEM file that only its owner can read, or a pkcs11: URI where OpenSSL has a
 * provider for it. PASSPHRASE: a file of the same kind whose first line opens
 * the key (or is the token's PIN), or NULL. -EINVAL, -EPERM, -ENOENT and the
 * like; ERR names the path and the remedy. Nothing is ever asked for on the
 * terminal.
 */
int dpk_author_load(const char *cert, const char *key, const char *passphrase,
	struct dpk_author **ret_author, struct dpk_err *err);
void dpk_author_free(struct dpk_author *author); /* NULL allowed */

/* The signer of the certificate alone: a set of one. Borrowed. */
const struct dpk_signers *dpk_author_signers(const struct dpk_author *author);

/* Have two the same key? They would be one signer. */
bool dpk_author_equal(const struct dpk_author *a, const struct dpk_author *b);

/*
 * Appends to DER the envelope of dpkeyfs-snapshot(5) around CONTENT: a
 * signature by each of 1 to DPK_SIGNATURES_MAX different AUTHORS, SHA-256,
 * their certificates inside. -EIO if a key does not sign; -EFBIG past the
 * buffer's maximum; -ENOMEM.
 */
int dpk_envelope_make(struct dpk_author *const *authors, size_t count, const uint8_t *content,
	size_t size, struct dpk_buf *der, struct dpk_err *err);

#endif
