/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_CERTS_H
#define DPK_KEYS_CERTS_H

#include "keys/hash.h"

#include <stddef.h>
#include <stdint.h>

struct dpk_err;

/* A pinned certificate that keys may be wrapped to. */
struct dpk_cert {
	uint8_t sha256[DPK_HASH_BYTES]; /* of its DER */
	size_t modulus_bytes;           /* RSA */
	int64_t not_before;             /* ticks; a certificate past it still unwraps */
	int64_t not_after;
	char subject[128]; /* RFC 2253, printable */
	char path[256];    /* where it was read */
};

/* The pinned set; immutable once loaded. */
struct dpk_certs;

/*
 * Reads every CERTIFICATE of the PEM file PATH, or of the files *.pem, *.crt
 * and *.cer of the directory PATH (hidden ones left out; links followed; not
 * recursive). Other PEM blocks are passed over. Certificates that are not RSA
 * cannot wrap (.NET refuses them): they are left out with a warning in the
 * log. -ENOENT and the like; -EINVAL for a file that is no PEM or a set
 * without one RSA certificate; -E2BIG past DPK_WRAP_CERTS_MAX; -EPERM for a
 * file or directory that others than root and the caller can write. ERR
 * names the path and the remedy.
 */
int dpk_certs_load(const char *path, struct dpk_certs **ret_certs, struct dpk_err *err);
void dpk_certs_free(struct dpk_certs *certs); /* NULL allowed */

size_t dpk_certs_count(const struct dpk_certs *certs);
const struct dpk_cert *dpk_certs_at(const struct dpk_certs *certs, size_t index);

/* NULL if it is not pinned; CERTS may be NULL. */
const struct dpk_cert *dpk_certs_find(const struct dpk_certs *certs, const uint8_t *sha256);

#endif
