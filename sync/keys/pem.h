/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_PEM_H
#define DPK_KEYS_PEM_H

/* Certificates that an administrator pinned, out of PEM files. */

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

struct dpk_err;

/* One of them; all borrowed, for the duration of the call. */
struct dpk_pem_cert {
	X509 *x509;
	const unsigned char *der;
	size_t size;
	const char *path; /* where it stands */
};

/* Called for each certificate, in the order of file names; other than 0 ends the reading. */
typedef int dpk_pem_function(void *user, const struct dpk_pem_cert *cert, struct dpk_err *err);

/*
 * Reads every CERTIFICATE of the PEM file PATH, or of the files *.pem, *.crt
 * and *.cer of the directory PATH (hidden ones left out; links followed; not
 * recursive). Other PEM blocks are passed over. -ENOENT and the like; -EINVAL
 * for a file that is no PEM; -EPERM for a file or directory that others than
 * root and the caller can write; else what FUNCTION returned. WHAT is the
 * option's word, for ERR.
 */
int dpk_pem_read(const char *path, const char *what, dpk_pem_function *function, void *user,
	struct dpk_err *err);

/* A certificate's time in ticks (base/ticks.h); 0 if it is none. */
int64_t dpk_pem_ticks(const ASN1_TIME *time);

/* The subject as RFC 2253 text, printable, cut to SIZE. */
void dpk_pem_subject(const X509 *x509, char *subject, size_t size);

#endif
