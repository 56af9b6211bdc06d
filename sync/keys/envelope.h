/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_ENVELOPE_H
#define DPK_KEYS_ENVELOPE_H

/*
 * The cryptographic shell of a signed snapshot: a DER ContentInfo of type
 * id-signedData (RFC 5652) with its content inside. What is asked of it before
 * a signature has been verified is its length, its outermost DER and what the
 * CMS API reads; nothing of the content is looked at.
 */

#include "keys/gate.h"
#include "keys/signers.h"

#include <stdbool.h>

/* An authenticated content. */
struct dpk_envelope {
	uint8_t *content; /* owned */
	size_t size;
	bool signed_by[DPK_SIGNERS_MAX]; /* by index into the pinned signers */
	size_t signatures;               /* how many of them */
};

void dpk_envelope_fini(struct dpk_envelope *envelope);

/*
 * Opens DATA if at least THRESHOLD (1 or more) distinct keys of SIGNERS have
 * signed it; certificates inside it are never trusted and signers that are
 * not pinned are passed over. 0 and *ret_envelope; -ENOMEM; or DPK_REFUSED:
 * `size`; `envelope` (not DER, not signedData, bytes behind it, no content
 * inside, another content type, too many signatures); `signature` (a pinned
 * signer's signature is not right, lacks signed attributes or uses a weak
 * digest, and the threshold is not met without it); `signer` (not enough
 * pinned signers have signed). Any thread.
 */
int dpk_envelope_open(const struct dpk_signers *signers, uint64_t threshold, const uint8_t *data,
	size_t size, struct dpk_envelope *ret_envelope, struct dpk_refusal *ret_refusal);

#endif
