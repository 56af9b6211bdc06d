/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_GRAMMAR_H
#define DPK_KEYS_GRAMMAR_H

/*
 * The documents that .NET writes, as tables. A shape names one element, its
 * attributes, whether it holds text, and its children in their order; what it
 * does not name is refused.
 */

#include "keys/tree.h"

struct dpk_shape;

/* <key>, down to its three dates and the type of its descriptor. */
extern const struct dpk_shape dpk_shape_key;
/* <revocation>, all of it. */
extern const struct dpk_shape dpk_shape_revocation;
/* The inner <descriptor> of the default and of the managed kind, down to its secret. */
extern const struct dpk_shape dpk_shape_descriptor;
extern const struct dpk_shape dpk_shape_managed;
/* The secret: in plaintext, and the two forms of <encryptedSecret>, all of each. */
extern const struct dpk_shape dpk_shape_master_key;
extern const struct dpk_shape dpk_shape_certificate_secret;
extern const struct dpk_shape dpk_shape_null_secret;

/*
 * Does NODE have SHAPE, with all below it but those children that SHAPE
 * leaves to a later look? 0 or DPK_REFUSED: `element`, `attribute`, or the one
 * code that the shape has for everything (`xmlenc-shape`, `revocation`).
 */
int dpk_shape_check(
	const struct dpk_node *node, const struct dpk_shape *shape, struct dpk_refusal *refusal);

/* The name of NODE for a message: printable, at most 48 characters. Returns BUF. */
#define DPK_SHOWN_NAME_MAX 49
const char *dpk_node_shown(const struct dpk_node *node, char buf[static DPK_SHOWN_NAME_MAX]);

#endif
