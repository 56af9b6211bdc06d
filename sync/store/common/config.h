/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_COMMON_CONFIG_H
#define DPK_STORE_COMMON_CONFIG_H

#include "store/common/store.h"

/*
 * Reads the `key = value` lines of FD to its end. Nothing is configured if FD
 * is not open for reading, as in a program run by hand. Keys that are not
 * known are left to later versions. 0, -EINVAL, -EFBIG, -ENOMEM or -errno of
 * read(2); on failure CONFIG is empty. Values are never quoted in ERR.
 */
int dpk_store_config_read(int fd, struct dpk_store_config *config, struct dpk_err *err);

/* Wipes and frees the strings; the struct is empty afterwards. */
void dpk_store_config_fini(struct dpk_store_config *config);

#endif
