/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_NAMES_H
#define DPKFS_NAMES_H

/* Names with a time at which something is due for them. One thread. */

#include <stddef.h>
#include <stdint.h>

#include <dpkeyfs/limits.h>

struct dpkfs_due {
	uint64_t at_ms;
	char name[DPK_FILE_NAME_MAX];
};

struct dpkfs_names {
	struct dpkfs_due *due;
	size_t count;
	size_t cap;
};

/* A copy of NAME is added. 0, -ENOMEM, -ENAMETOOLONG. */
int dpkfs_names_add(struct dpkfs_names *names, const char *name, uint64_t at_ms);

/* Moves those that are due at NOW_MS to RET_DUE; without memory some stay for later. */
void dpkfs_names_take_due(struct dpkfs_names *names, uint64_t now_ms, struct dpkfs_names *ret_due);

/* When the next one is due; UINT64_MAX: there is none. */
uint64_t dpkfs_names_next_ms(const struct dpkfs_names *names);

void dpkfs_names_fini(struct dpkfs_names *names);

#endif
