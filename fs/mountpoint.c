/* SPDX-License-Identifier: MIT */
/* Checks the mountpoint, detaches what a crash left there, and baits the place beneath. */
#include "mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "mountinfo.h"

#define OUR_TYPE    "fuse.dpkeyfs"
#define LIVENESS_MS 1000
#define STACKED_MAX 64

/*
 * Words for people, and no XML: .NET reads every *.xml, so that an
 * application that starts without the mount fails at this file, instead of
 * finding an empty ring and going on with keys that nobody else has.
 */
static const char not_mounted_text[] =
	"dpkeyfs is not mounted here.\n"
	"\n"
	"The Data Protection keys of this machine appear in this directory once dpkeyfs is\n"
	"mounted on it. What you read is the directory beneath. Mount it:\n"
	"\n"
	"    mount THIS-DIRECTORY            if /etc/fstab has a line for it\n"
	"    systemctl start dpkeyfs@RING    if a service does it\n"
	"    dpkeyfs SOURCE THIS-DIRECTORY   by hand; see dpkeyfs(8)\n"
	"\n"
	"This file is no XML on purpose: an application that starts without the mount fails\n"
	"here, rather than taking an empty directory for an empty key ring. Leave it in place.\n";

enum liveness {
	LIVENESS_ALIVE,
	LIVENESS_DEAD,
	LIVENESS_HUNG,
};

static _Noreturn void probe(const char *path)
{
	struct statfs st;

	_exit(statfs(path, &st) < 0 && errno == ENOTCONN ? 1 : 0);
}

/* A child asks, for the answer of a mount that hangs never comes; then RET_LIVENESS stays. */
static int ask_liveness(const char *path, enum liveness *ret_liveness, struct dpk_err *err)
{
	_cleanup_(closep) int pidfd = -1;
	struct pollfd ended = { .events = POLLIN };
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return dpk_err_set(err, -errno, "cannot fork: %s", strerror(errno));
	if (pid == 0)
		probe(path);
	pidfd = pidfd_open(pid, 0);
	ended.fd = pidfd;
	poll(&ended, 1, LIVENESS_MS);
	if (waitpid(pid, &status, WNOHANG) == pid && WIFEXITED(status))
		*ret_liveness = WEXITSTATUS(status) == 1 ? LIVENESS_DEAD : LIVENESS_ALIVE;
	else
		kill(pid, SIGKILL);
	return 0;
}

/* 1 where a dead mount of ours is topmost, 0 where none of ours is. */
static int find_dead_mount(const char *path, struct dpkfs_mountinfo *ret_info, struct dpk_err *err)
{
	enum liveness liveness = LIVENESS_HUNG;
	int r = dpkfs_mountinfo_find(path, ret_info, err);

	if (r < 0 || !ret_info->found || strcmp(ret_info->type, OUR_TYPE) != 0)
		return r;
	r = ask_liveness(path, &liveness, err);
	if (r < 0)
		return r;
	if (liveness == LIVENESS_DEAD)
		return 1;
	if (liveness == LIVENESS_HUNG)
		return dpk_err_set(err, -EBUSY,
			"'%s' is mounted from '%s' and does not answer: "
			"write 1 to /sys/fs/fuse/connections/%u/abort, then umount it",
			path, ret_info->source, ret_info->minor);
	return dpk_err_set(err, -EBUSY, "'%s' is mounted already, from '%s': umount it first", path,
		ret_info->source);
}

static int detach_dead_mounts(const char *path, struct dpk_err *err)
{
	struct dpkfs_mountinfo info;

	for (int i = 0; i < STACKED_MAX; i++) {
		int r = find_dead_mount(path, &info, err);

		if (r <= 0)
			return r;
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return dpk_err_set(err, -errno, "cannot detach the dead mount on '%s': %s",
				path, strerror(errno));
		dpk_notice("detached a dead mount of '%s' from '%s'", info.source, path);
	}
	return dpk_err_set(
		err, -EBUSY, "more than %d dead mounts on '%s': umount them", STACKED_MAX, path);
}

static int open_directory(const char *path, int *ret_fd, struct dpk_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = -errno;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (r == -ENOENT)
		return dpk_err_set(err, r, "'%s' does not exist: create the directory", path);
	if (r == -ENOTDIR)
		return dpk_err_set(err, r, "'%s' is not a directory", path);
	return dpk_err_set(err, r, "cannot open '%s': %s", path, strerror(-r));
}

static int demand_empty(int fd, const char *path, struct dpk_err *err)
{
	_cleanup_(closep) int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	struct dirent *entry;

	if (!dir)
		return dpk_err_set(err, -errno, "cannot list '%s': %s", path, strerror(errno));
	own = -1; /* closedir closes it */
	errno = 0;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strcmp(entry->d_name, DPKFS_NOT_MOUNTED) != 0)
			return dpk_err_set(err, -ENOTEMPTY,
				"'%s' is not empty ('%.100s' is in it) and would be hidden: "
				"use an empty directory",
				path, entry->d_name);
	if (errno)
		return dpk_err_set(err, -errno, "cannot list '%s': %s", path, strerror(errno));
	return 0;
}

/* Never through a link, never over a file that is there already. */
static int put_bait(int dir)
{
	_cleanup_(closep) int fd = openat(
		dir, DPKFS_NOT_MOUNTED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	int r;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	r = dpk_write_all(fd, not_mounted_text, sizeof(not_mounted_text) - 1);
	if (r == 0 && fchmod(fd, 0444) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, DPKFS_NOT_MOUNTED, 0);
	return r;
}

static int check_directory(const char *path, bool bait, struct dpk_err *err)
{
	_cleanup_(closep) int fd = -1;
	int r = open_directory(path, &fd, err);

	if (r == 0)
		r = demand_empty(fd, path, err);
	if (r < 0 || !bait)
		return r;
	r = put_bait(fd);
	if (r < 0)
		dpk_warning("cannot put '" DPKFS_NOT_MOUNTED "' beneath '%s' (%s): "
			    "while nothing is mounted, it will look like an empty ring",
			path, strerror(-r));
	return 0;
}

int dpkfs_mountpoint_check(const char *path, struct dpk_err *err)
{
	struct dpkfs_mountinfo info;
	int r = find_dead_mount(path, &info, err);

	if (r != 0) /* below a dead mount nothing can be looked at */
		return r < 0 ? r : 0;
	return check_directory(path, false, err);
}

int dpkfs_mountpoint_prepare(const char *path, struct dpk_err *err)
{
	int r = detach_dead_mounts(path, err);

	return r < 0 ? r : check_directory(path, true, err);
}
