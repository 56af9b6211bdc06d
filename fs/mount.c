/* SPDX-License-Identifier: MIT */
/* The life of a mount, from an empty directory to an empty directory. */
#include "mount.h"

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fusectl.h"
#include "mountinfo.h"
#include "mountpoint.h"
#include "notify.h"
#include "reaper.h"
#include "room.h"
#include "session.h"
#include "walker.h"

#define TYPE "fuse.dpkeyfs"

/* How long threads may take to end by themselves, and after the connection was aborted. */
#define END_MS   200
#define ABORT_MS 500

struct dpkfs_mount {
	char *mountpoint;
	bool mounted;
	unsigned int number; /* of the connection: the minor of st_dev */
	int abort_fd;
	struct dpkfs_room room;
	struct dpkfs_session session;
	struct dpkfs_notify notify;
	struct dpkfs_helper reaper;
};

static int open_fuse(int *ret_fd, struct dpk_err *err)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int r = -errno;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (r == -ENOENT || r == -ENODEV || r == -ENXIO)
		return dpk_err_set(err, -ENODEV,
			"the kernel offers no '/dev/fuse': modprobe fuse; in a container, pass "
			"the device in");
	return dpk_err_set(err, r, "cannot open '/dev/fuse': %s", strerror(-r));
}

/* By mount(2) itself: fusermount3 would put its own idea of the source into mountinfo. */
static int do_mount(const struct dpkfs_options *options, int fuse_fd, struct dpk_err *err)
{
	char data[128];

	snprintf(data, sizeof(data),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
		fuse_fd);
	if (mount(options->source, options->mountpoint, TYPE,
		    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, data) < 0)
		return dpk_err_set(err, -errno, "cannot mount on '%s': %s%s", options->mountpoint,
			strerror(errno), errno == EPERM ? " (only root may)" : "");
	return 0;
}

/* The topmost mount at our mountpoint is ours: another may be stacked on it, or stand in its place.
 */
static bool is_ours(const struct dpkfs_mount *mount)
{
	struct dpkfs_mountinfo info;

	return dpkfs_mountinfo_find(mount->mountpoint, &info, NULL) == 0 && info.found &&
	       strcmp(info.type, TYPE) == 0 && info.minor == mount->number;
}

static int learn_number(struct dpkfs_mount *mount, struct dpk_err *err)
{
	struct dpkfs_mountinfo info;
	int r = dpkfs_mountinfo_find(mount->mountpoint, &info, err);

	if (r < 0)
		return r;
	if (!info.found || strcmp(info.type, TYPE) != 0)
		return dpk_err_set(
			err, -ENODEV, "'%s' vanished just after the mount", mount->mountpoint);
	mount->number = info.minor;
	return dpkfs_fusectl_open(info.minor, &mount->abort_fd, err);
}

static struct dpkfs_mount *new_mount(const struct dpkfs_options *options)
{
	struct dpkfs_mount *mount = calloc(1, sizeof(*mount));

	if (!mount)
		return NULL;
	mount->abort_fd = -1;
	mount->reaper = (struct dpkfs_helper)DPKFS_HELPER_INIT;
	mount->mountpoint = strdup(options->mountpoint);
	if (!mount->mountpoint || dpkfs_room_init(&mount->room, &options->owner, options->audit)) {
		free(mount->mountpoint);
		free(mount);
		return NULL;
	}
	dpkfs_notify_init(&mount->notify, &mount->room, options);
	return mount;
}

static void free_mount(struct dpkfs_mount *mount)
{
	dpkfs_session_fini(&mount->session);
	dpkfs_notify_fini(&mount->notify);
	dpkfs_room_fini(&mount->room);
	closep(&mount->abort_fd);
	free(mount->mountpoint);
	free(mount);
}

int dpkfs_mount_check(const char *mountpoint, struct dpk_err *err)
{
	return dpkfs_mountpoint_check(mountpoint, err);
}

int dpkfs_mount_open(
	const struct dpkfs_options *options, struct dpkfs_mount **ret_mount, struct dpk_err *err)
{
	_cleanup_(closep) int fuse_fd = -1;
	struct dpkfs_mount *mount;
	int r = dpkfs_mountpoint_prepare(options->mountpoint, err);

	if (r == 0)
		r = open_fuse(&fuse_fd, err);
	if (r < 0)
		return r;
	mount = new_mount(options);
	if (!mount)
		return dpk_err_set(err, -ENOMEM, "no memory for a mount");
	r = dpkfs_session_init(&mount->session, fuse_fd, &mount->room, options->debug, err);
	if (r == 0) {
		int fd = steal_fd(&fuse_fd);

		r = do_mount(options, fd, err);
		mount->mounted = r == 0;
	}
	if (r == 0)
		r = learn_number(mount, err);
	if (r < 0) {
		if (mount->mounted)
			umount2(mount->mountpoint, MNT_DETACH);
		free_mount(mount);
		return r;
	}
	*ret_mount = mount;
	return 0;
}

int dpkfs_mount_guard(struct dpkfs_mount *mount, struct dpk_err *err)
{
	int r = dpkfs_reaper_start(mount->abort_fd, &mount->reaper, err);

	if (r == 0)
		r = dpkfs_walker_start(mount->mountpoint, &mount->notify.walker, err);
	return r;
}

int dpkfs_mount_serve(struct dpkfs_mount *mount, struct dpk_shelf *shelf, struct dpk_err *err)
{
	int r = dpkfs_session_start(&mount->session, shelf, err);

	if (r == 0)
		r = dpkfs_notify_start(&mount->notify, mount->session.fuse, shelf, err);
	return r;
}

void dpkfs_mount_chown(struct dpkfs_mount *mount, const struct dpkfs_owner *owner)
{
	dpkfs_notify_chown(&mount->notify, owner);
}

int dpkfs_mount_ended_fd(const struct dpkfs_mount *mount)
{
	return mount->session.ended_fd;
}

static int join_all(struct dpkfs_mount *mount, int timeout_ms)
{
	int r = dpkfs_notify_join(&mount->notify, timeout_ms);

	return dpkfs_session_join(&mount->session, timeout_ms) < 0 ? -ETIMEDOUT : r;
}

static bool has_ended(const struct dpkfs_mount *mount)
{
	struct pollfd fd = { dpkfs_mount_ended_fd(mount), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

/*
 * A detached mount lives on while files are open, and request threads with
 * it; nobody will answer any more, so it is ended for those readers too.
 */
void dpkfs_mount_close(struct dpkfs_mount *mount)
{
	bool stuck;

	if (!mount)
		return;
	dpkfs_session_stop(&mount->session);
	/* ended from outside, it is gone; its number may be another mount's by now */
	if (!has_ended(mount) && is_ours(mount) &&
		umount2(mount->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		dpk_warning("cannot unmount '%s': %s", mount->mountpoint, strerror(errno));
	stuck = join_all(mount, END_MS) < 0;
	if (stuck) {
		dpkfs_fusectl_abort(mount->abort_fd);
		stuck = join_all(mount, ABORT_MS) < 0;
	}
	dpkfs_helper_stop(&mount->notify.walker);
	dpkfs_reaper_dismiss(&mount->reaper);
	if (stuck)
		dpk_error("a thread of the mount did not end; its memory is left behind");
	else
		free_mount(mount);
}
