/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_SPLIT_H
#define DPK_KEYS_SPLIT_H

#include "keys/types.h"

/*
 * Cuts a document into its root's children, each byte for byte as it stands,
 * and adds them to BLOBS with the origin "ORIGIN%23N" (N from 1) and the name
 * `key-{id}` or `revocation-{id}` where an id could be read, else "-". The
 * root may have any name, as with Azure.Extensions.AspNetCore.DataProtection.
 * Blobs' reader; a document whose root is `key` or `revocation` is one
 * element. A root without children adds nothing.
 *
 * 0; DPK_REFUSED (keys/gate.h) with the whole document's reason: `size`,
 * `encoding`, `doctype`, `xml`, `limits`, `element` (text or a processing
 * instruction outside the children), or `root` (a root with namespace
 * declarations or xml: attributes, which its children would inherit);
 * -E2BIG, -ENOMEM. Whatever is not 0 leaves BLOBS as it was.
 */
int dpk_split(
	const struct dpk_blob *document, struct dpk_blobs *blobs, struct dpk_refusal *ret_refusal);

#endif
