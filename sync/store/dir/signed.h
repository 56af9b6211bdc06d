/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_DIR_SIGNED_H
#define DPK_STORE_DIR_SIGNED_H

#include "store/common/store.h"

#include <stdbool.h>

struct dpk_err;
struct dpk_frames;

/* Does PATH name a signed snapshot, by its ending, rather than a directory of elements? */
bool dpk_dir_is_signed(const char *path);

/* The directory that PATH is in (owned; NULL without memory), and its NAME there (borrowed). */
char *dpk_dir_split(const char *path, const char **ret_name);

/*
 * Reads the signed snapshot PATH into a snapshot frame, and its digest into
 * ret_token (DPK_DIGEST_STRING_MAX bytes). NOT_FOUND where there is none.
 */
enum dpk_store_exit dpk_dir_read_signed(
	const char *path, struct dpk_frames *frames, char *ret_token, struct dpk_err *err);

#endif
