/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_GRAVE_H
#define DPKFS_GRAVE_H

/*
 * A file that left the ring and still answers for a while. It is a copy, so
 * that it does not keep its whole ring alive. Immutable, reference counted.
 */

#include <dpkeyfs/snapshot.h>

#include <stdatomic.h>

struct dpkfs_grave {
	atomic_uint refs;
	uint64_t until_ms; /* CLOCK_BOOTTIME */
	struct dpk_file file;
	char bytes[]; /* its name and its content */
};

/* Copies FILE. Returned owned; NULL without memory. */
struct dpkfs_grave *dpkfs_grave_new(const struct dpk_file *file, uint64_t until_ms);

/* Any thread. */
struct dpkfs_grave *dpkfs_grave_ref(struct dpkfs_grave *grave);
struct dpkfs_grave *dpkfs_grave_unref(struct dpkfs_grave *grave);

#endif
