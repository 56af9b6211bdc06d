/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_VERIFY_H
#define DPK_KEYS_VERIFY_H

/* Trust. The only door from bytes to a struct dpk_key. */

#include "keys/certs.h"
#include "keys/gate.h"
#include "keys/types.h"

/* What a node believes in; its policy is all here, nothing is global. */
struct dpk_trust {
	const struct dpk_certs *wrap_certs; /* borrowed; NULL: no certificate is pinned */
	bool accept_unwrapped;              /* `unwrapped=accept` */
};

/*
 * Passes BLOB through the gate and then through TRUST: a wrapped key's
 * certificate must be pinned (`wrap-cert`) and the encrypted session key as
 * long as that certificate's modulus (`cipher-length`); a plaintext key needs
 * accept_unwrapped (`unwrapped`). 0 and a reference to a new key whose bytes
 * equal BLOB's; DPK_REFUSED with *ret_refusal filled; -ENOMEM.
 */
int dpk_verify(const struct dpk_trust *trust, const struct dpk_blob *blob, struct dpk_key **ret_key,
	struct dpk_refusal *ret_refusal);

#endif
