/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_OPENER_FILES_H
#define DPK_ENGINE_OPENER_FILES_H

/* The descriptors that the program gets: files of private keys, or a URI. */

#include <dpkeyfs/limits.h>
#include <dpkeyfs/unwrap-protocol.h>

#include <stdbool.h>
#include <stddef.h>

struct dpk_err;

/* Descriptors above all places that they will be moved to. */
struct dpk_opener_files {
	size_t count;
	bool uri; /* the only one is a pipe with the URI */
	int fds[DPK_UNWRAP_KEYS_MAX];
};

/* Opens and checks what UNWRAP_KEY names; the errors of dpk_opener_start. */
int dpk_opener_files_open(
	const char *unwrap_key, struct dpk_opener_files *ret_files, struct dpk_err *err);
void dpk_opener_files_close(struct dpk_opener_files *files);

#endif
