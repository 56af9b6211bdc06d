/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_PINS_H
#define DPK_ENGINE_PINS_H

/* What a configuration says about signers. */

#include "engine/config.h"
#include "keys/signed.h"

struct dpk_err;

/*
 * Loads CONFIG's signers (which must be set); *ret_pins borrows *ret_signers,
 * the caller's to dpk_signers_free. As dpk_signers_load; -EINVAL for a
 * threshold above their number.
 */
int dpk_pins_load(const struct dpk_config *config, struct dpk_signers **ret_signers,
	struct dpk_pins *ret_pins, struct dpk_err *err);

#endif
