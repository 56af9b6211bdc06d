/* SPDX-License-Identifier: MIT */
/* From options to pins. */
#include "engine/pins.h"

#include "base/err.h"

#include <errno.h>
#include <inttypes.h>

int dpk_pins_load(const struct dpk_config *config, struct dpk_signers **ret_signers,
	struct dpk_pins *ret_pins, struct dpk_err *err)
{
	struct dpk_signers *signers = NULL;
	int r = dpk_signers_load(config->signers, &signers, err);

	if (r < 0)
		return r;
	if (config->threshold > dpk_signers_count(signers)) {
		r = dpk_err_set(err, -EINVAL,
			"threshold=%" PRIu64 ", but '%s' holds the keys of %zu signers (two "
			"certificates of one key count once)",
			config->threshold, config->signers, dpk_signers_count(signers));
		dpk_signers_free(signers);
		return r;
	}
	*ret_pins = (struct dpk_pins){ signers, config->threshold, config->ring_id };
	*ret_signers = signers;
	return 0;
}
