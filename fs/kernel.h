/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_KERNEL_H
#define DPKFS_KERNEL_H

/*
 * What the kernel is told: notifications on /dev/fuse. Several of them wait
 * for requests in flight, so they come from the notify thread alone, which
 * holds no lock that a handler can want (the flip lock apart, and then only
 * dpkfs_kernel_listing). Failures are not reported: the kernel refuses a
 * notification about what it does not know, which needs none.
 */

#include <dpkeyfs/snapshot.h>

#include <stdbool.h>
#include <stdint.h>

struct fuse_session;

struct dpkfs_kernel {
	struct fuse_session *session;
	bool no_epoch; /* set once the kernel has refused it */
	bool mute;     /* tests: nothing is ever said */
};

/*
 * Every name is looked up again at its next use (FUSE_NOTIFY_INC_EPOCH, Linux
 * 6.16). False where the kernel cannot: then dpkfs_kernel_entry, name by name.
 */
bool dpkfs_kernel_epoch(struct dpkfs_kernel *kernel);

/* NAME is looked up again at its next use. Waits for requests in flight. */
void dpkfs_kernel_entry(struct dpkfs_kernel *kernel, const char *name);

/* The directory is listed, and its attributes are asked for, again. */
void dpkfs_kernel_listing(struct dpkfs_kernel *kernel);

/* The attributes of NODE are asked for again. */
void dpkfs_kernel_attributes(struct dpkfs_kernel *kernel, uint64_t node);

/* The cached content of NODE is dropped; only for what is served no more. */
void dpkfs_kernel_pages(struct dpkfs_kernel *kernel, uint64_t node);

/* Gives the kernel the content of FILE, if it knows the node, so that reading it sends nothing. */
void dpkfs_kernel_store(struct dpkfs_kernel *kernel, const struct dpk_file *file);

#endif
