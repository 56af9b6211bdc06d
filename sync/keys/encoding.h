/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_ENCODING_H
#define DPK_KEYS_ENCODING_H

/*
 * What is asked of the bytes before a parser sees them. Expat would find an
 * encoding by itself (UTF-16 by its byte-order mark, whatever encoding it was
 * told), so the question is settled here: UTF-8, declared so or undeclared.
 */

#include "keys/types.h"

struct dpk_text {
	const char *data; /* valid UTF-8 without NUL, after the byte-order mark */
	size_t size;
	size_t skipped; /* bytes of that mark, 0 or 3 */
};

/*
 * Checks, in this order: 1 to MAX bytes (`size`), UTF-8 (`encoding`), no
 * DOCTYPE and no ENTITY anywhere (`doctype`); a malformed XML declaration is
 * `xml`. 0 and *ret_text, which borrows DATA; or DPK_REFUSED.
 */
int dpk_encoding_check(const uint8_t *data, size_t size, size_t max, struct dpk_text *ret_text,
	struct dpk_refusal *refusal);

/*
 * Do the bytes hold the start of a `revocation` element, in UTF-8, UTF-16 or
 * UTF-32? For elements that were refused before their root was known.
 */
bool dpk_encoding_mentions_revocation(const uint8_t *data, size_t size);

#endif
