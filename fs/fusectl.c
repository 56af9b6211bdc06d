/* SPDX-License-Identifier: MIT */
/* Reaches fusectl also where nobody has mounted it, without touching any mount namespace. */
#include "fusectl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

/* A mount of fusectl that only its descriptor reaches (Linux 5.2), or -1. */
static int detached_fusectl(void)
{
	_cleanup_(closep) int context = fsopen("fusectl", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, 0);
}

int dpkfs_fusectl_open(unsigned int number, int *ret_fd, struct dpk_err *err)
{
	_cleanup_(closep) int root = detached_fusectl();
	char path[32];
	int fd;

	if (root < 0)
		root = open("/sys/fs/fuse/connections", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return dpk_err_set(
			err, -errno, "cannot open '/sys/fs/fuse/connections': %s", strerror(errno));
	snprintf(path, sizeof(path), "%u/abort", number);
	fd = openat(root, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return dpk_err_set(err, -errno, "cannot open '/sys/fs/fuse/connections/%s': %s",
			path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

void dpkfs_fusectl_abort(int fd)
{
	if (fd >= 0 && write(fd, "1", 1) < 0)
		return; /* the connection is gone, which is what was wanted */
}
