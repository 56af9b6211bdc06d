/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_DESCRIPTOR_H
#define DPK_KEYS_DESCRIPTOR_H

/* What a key is good for: the outer <descriptor>, its algorithms and its secret. */

#include "keys/tree.h"

#define DPK_MASTER_KEY_BYTES 64   /* as .NET makes them */
#define DPK_CIPHER_MAX_BYTES 8192 /* of an encrypted secret, its IV included */

/*
 * Checks the outer <descriptor> NODE (whose name and attributes have been
 * checked) and all below it, and writes the secret's facts and lengths to
 * DRAFT. Base64 is decoded in the tree itself. 0, DPK_REFUSED or -ENOMEM.
 */
int dpk_descriptor_check(
	const struct dpk_node *node, struct dpk_draft *draft, struct dpk_refusal *refusal);

/* The same for the secret below the inner descriptor: <masterKey> or <encryptedSecret>. */
int dpk_secret_check(
	const struct dpk_node *node, struct dpk_draft *draft, struct dpk_refusal *refusal);

/*
 * The same for a <masterKey> whose shape has been checked: exactly
 * DPK_MASTER_KEY_BYTES, which the text of its <value> holds afterwards.
 */
int dpk_master_key_check(const struct dpk_node *node, struct dpk_refusal *refusal);

#endif
