/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_GATE_H
#define DPK_KEYS_GATE_H

/*
 * Form. Whatever comes from a store or from the journal passes here first, in
 * every mode: size, encoding, no DOCTYPE (keys/encoding.h), one expat pass with
 * limits (keys/tree.h), then a table-driven grammar (keys/grammar.h) of the two documents of
 * Microsoft.AspNetCore.DataProtection.KeyManagement.XmlKeyManager. What the
 * table does not name is refused.
 */

#include "keys/types.h"

/* The verdict is in *ret_refusal; a positive return as the error convention allows. */
#define DPK_REFUSED 1

/*
 * Reads BLOB into *ret_draft. 0; DPK_REFUSED with *ret_refusal filled;
 * -ENOMEM. Plaintext keys and unknown certificates pass: they are questions of
 * trust (keys/verify.h). Any thread; bounded time and memory.
 */
int dpk_gate(
	const struct dpk_blob *blob, struct dpk_draft *ret_draft, struct dpk_refusal *ret_refusal);

struct dpk_tree;

/*
 * The same with the caller's empty TREE, which afterwards holds what was read;
 * with 0, base64 in it has been decoded where it stands (DRAFT has the lengths).
 */
int dpk_gate_tree(const struct dpk_blob *blob, struct dpk_tree *tree, struct dpk_draft *ret_draft,
	struct dpk_refusal *ret_refusal);

/* Fills *REFUSAL: the verdict and printf text; other fields are left as they are. DPK_REFUSED. */
int dpk_refuse(struct dpk_refusal *refusal, enum dpk_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Could an element that the store program refused to send (its NAME, escaped) be a revocation? */
bool dpk_name_could_be_revocation(const char *name);

#endif
