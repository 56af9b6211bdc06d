/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <string.h>
#include <unistd.h>

#include "view.h"

/* newer than the kernel headers and the libfuse that we build with */
#define NOTIFY_INC_EPOCH 8

bool dpkfs_kernel_epoch(struct dpkfs_kernel *kernel)
{
	const struct fuse_out_header notice = {
		.len = sizeof(notice),
		.error = NOTIFY_INC_EPOCH,
		.unique = 0,
	};

	if (kernel->mute)
		return true;
	if (kernel->no_epoch)
		return false;
	if (write(fuse_session_fd(kernel->session), &notice, sizeof(notice)) < 0 && errno == EINVAL)
		kernel->no_epoch = true;
	return !kernel->no_epoch;
}

void dpkfs_kernel_entry(struct dpkfs_kernel *kernel, const char *name)
{
	if (!kernel->mute)
		fuse_lowlevel_notify_inval_entry(
			kernel->session, DPKFS_ROOT_NODE, name, strlen(name));
}

void dpkfs_kernel_listing(struct dpkfs_kernel *kernel)
{
	if (!kernel->mute)
		fuse_lowlevel_notify_inval_inode(kernel->session, DPKFS_ROOT_NODE, 0, 0);
}

void dpkfs_kernel_attributes(struct dpkfs_kernel *kernel, uint64_t node)
{
	if (!kernel->mute)
		fuse_lowlevel_notify_inval_inode(kernel->session, node, -1, 0);
}

void dpkfs_kernel_pages(struct dpkfs_kernel *kernel, uint64_t node)
{
	if (!kernel->mute)
		fuse_lowlevel_notify_inval_inode(kernel->session, node, 0, 0);
}

void dpkfs_kernel_store(struct dpkfs_kernel *kernel, const struct dpk_file *file)
{
	struct fuse_bufvec content = FUSE_BUFVEC_INIT(file->size);

	if (kernel->mute || file->size == 0)
		return;
	/* libfuse's buffers serve both ways and so are not const; a store only reads */
	memcpy(&content.buf[0].mem, &file->data, sizeof(content.buf[0].mem));
	fuse_lowlevel_notify_store(kernel->session, file->node, 0, &content, 0);
}
