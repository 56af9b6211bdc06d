/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_DIR_SCAN_H
#define DPK_STORE_DIR_SCAN_H

#include "store/common/store.h"

struct dpk_err;
struct dpk_frames;

/*
 * Reads the directory PATH into element and refused frames, sorted by name,
 * and the digest of those frames into ret_token (DPK_DIGEST_STRING_MAX bytes).
 * Either all of it belongs to one state of the directory, or this fails. Takes
 * up to a second while the directory changes.
 */
enum dpk_store_exit dpk_dir_scan(
	const char *path, struct dpk_frames *frames, char *ret_token, struct dpk_err *err);

#endif
