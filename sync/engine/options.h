/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_OPTIONS_H
#define DPK_ENGINE_OPTIONS_H

#include "engine/config.h"

/* Sets option WORD (LEN bytes) to VALUE (NULL: none given). -EINVAL, -ENOMEM; ERR says why. */
int dpk_option_set(struct dpk_config *config, const char *word, size_t len, const char *value,
	struct dpk_err *err);

/* Is this the word of an option of ours? */
bool dpk_option_is_known(const char *word, size_t len);

/* Is this a word of mount(8), which every filesystem must let pass? */
bool dpk_option_is_generic(const char *word, size_t len);

#endif
