/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_TYPES_H
#define DPK_KEYS_TYPES_H

/*
 * The way of an element: blob (untrusted bytes) -> draft (parsed, still
 * untrusted) -> key (verified). Only keys/verify.c can make a struct dpk_key,
 * and only keys can be put into a snapshot, so unverified bytes cannot reach
 * the mount by construction. A revocation is a key in this sense too.
 */

#include <dpkeyfs/limits.h>
#include <dpkeyfs/verdict.h>

#include "base/guid.h"
#include "keys/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes from outside, as they came. */
struct dpk_blob {
	char *origin; /* where in the store, escaped (base/escape.h) */
	char *name;   /* what the store calls it, escaped; "-" if it has no name */
	uint8_t *data;
	size_t size;
};

/*
 * Copies all four into *BLOB (caller's storage). -ENOMEM. SIZE may be 0 (the
 * gate refuses it); ORIGIN and NAME must not be NULL.
 */
int dpk_blob_init(
	struct dpk_blob *blob, const char *origin, const char *name, const void *data, size_t size);
void dpk_blob_fini(struct dpk_blob *blob);

/* A growing list of blobs; at most DPK_RING_MAX_ELEMENTS and DPK_RING_MAX_BYTES. */
struct dpk_blobs {
	struct dpk_blob *items;
	size_t count;
	size_t capacity;
	size_t bytes;
};

/* Takes over BLOB (consumed on success only). 0, -E2BIG past a limit, -ENOMEM. */
int dpk_blobs_add(struct dpk_blobs *blobs, struct dpk_blob *blob);
/* Frees all but the first COUNT, which may not be more than there are. */
void dpk_blobs_truncate(struct dpk_blobs *blobs, size_t count);
void dpk_blobs_fini(struct dpk_blobs *blobs);

enum dpk_kind {
	DPK_KIND_UNKNOWN = 0, /* only in a refusal */
	DPK_KIND_KEY,
	DPK_KIND_REVOCATION,
};

/* What an element says of itself. */
struct dpk_facts {
	enum dpk_kind kind;
	bool mass;          /* a revocation of "*" */
	bool wrapped;       /* a key whose secret is XML-Enc wrapped */
	struct dpk_guid id; /* the key's, or the revoked key's (zero for a mass revocation) */
	int64_t created;    /* ticks (base/ticks.h); keys only */
	int64_t activates;
	int64_t expires;
	int64_t revoked_at;                       /* revocations only */
	uint8_t wrap_cert_sha256[DPK_HASH_BYTES]; /* of the embedded DER; wrapped keys only */
};

/* Parsed and well formed, not yet trusted. */
struct dpk_draft {
	struct dpk_facts facts;
	size_t wrap_key_bytes; /* length of the encrypted session key */
	size_t cipher_bytes;   /* length of the encrypted secret, IV included */
};

/* Why an element is kept out. */
struct dpk_refusal {
	enum dpk_verdict verdict;
	char text[400]; /* found, expected, remedy; never content of the element */
	/* the root is `revocation`; or the text was not read to its end and name or bytes say so */
	bool could_be_revocation;
	bool has_facts;         /* id and dates of a key could be read */
	struct dpk_facts facts; /* kind always; the rest only with has_facts */
};

/* A verified element; immutable, reference counted. */
struct dpk_key;

struct dpk_key *dpk_key_ref(struct dpk_key *key);
struct dpk_key *dpk_key_unref(struct dpk_key *key); /* NULL allowed; returns NULL */
const struct dpk_facts *dpk_key_facts(const struct dpk_key *key);
const uint8_t *dpk_key_data(const struct dpk_key *key, size_t *ret_size);
const uint8_t *dpk_key_sha256(const struct dpk_key *key); /* of the bytes; DPK_HASH_BYTES */

/*
 * The file name that .NET would give it, made from the content:
 * key-{guid}.xml, revocation-{guid}.xml or revocation-{UTC stamp}.xml.
 * At most DPK_FILE_NAME_MAX with its NUL; lives as long as KEY.
 */
const char *dpk_key_name(const struct dpk_key *key);

#endif
