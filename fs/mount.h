/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_MOUNT_H
#define DPKFS_MOUNT_H

/*
 * The mount, as fs/main.c sees it. In the order of use:
 *
 *   dpkfs_mount_open   the mountpoint is checked and mounted; one thread only
 *   dpkfs_mount_guard  the helpers are forked; still one thread only
 *   dpkfs_mount_serve  request threads and the notify thread start
 *   ...
 *   dpkfs_mount_close  unmounted, threads ended, everything freed
 *
 * The thread that calls these never touches the mount itself.
 */

#include <dpkeyfs/snapshot.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dpk_err;

/* Who owns what the mount shows. */
struct dpkfs_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;  /* permission bits of files, write bits are cleared */
	mode_t dmode; /* of the directory */
};

struct dpkfs_options {
	const char *source;     /* shown in mountinfo exactly so */
	const char *mountpoint; /* absolute, canonical */
	struct dpkfs_owner owner;
	uint64_t grace_ms; /* how long a name that left the listing still opens */
	bool audit;        /* one log record for each open, at a message each */
	bool debug;        /* libfuse's own debug output */
	bool no_epoch;     /* tests: behave as a kernel without FUSE_NOTIFY_INC_EPOCH */
	bool no_notify;    /* tests: never tell the kernel that anything changed */
};

struct dpkfs_mount;

/*
 * Checks the mountpoint (a directory; empty but for our own NOT-MOUNTED.xml),
 * detaches a dead mount of type fuse.dpkeyfs that stands there (ENOTCONN) and
 * says so, puts NOT-MOUNTED.xml beneath where the filesystem is writable,
 * opens /dev/fuse and mounts with mount(2). -EBUSY where a living mount is,
 * -ENOTEMPTY, -ENOTDIR, -ENOENT, -EPERM, -ENODEV (no /dev/fuse), else -errno;
 * ERR says what to do. OPTIONS is copied.
 */
int dpkfs_mount_open(
	const struct dpkfs_options *options, struct dpkfs_mount **ret_mount, struct dpk_err *err);

/* Checks as dpkfs_mount_open does, and changes nothing (mount -f). */
int dpkfs_mount_check(const char *mountpoint, struct dpk_err *err);

/*
 * Forks the two helpers, neither of which holds /dev/fuse: the reaper, which
 * aborts the connection when the calling thread dies, so that no reader stays
 * unkillable, and the walker, which looks at the mount so that the first
 * reader need not wait. To be called before any thread exists, by a thread
 * that lives as long as the mount. 0 or -errno.
 */
int dpkfs_mount_guard(struct dpkfs_mount *mount, struct dpk_err *err);

/*
 * Starts two request threads and the notify thread; SHELF must outlive MOUNT
 * and may hold a ring already. 0 or -errno.
 */
int dpkfs_mount_serve(struct dpkfs_mount *mount, struct dpk_shelf *shelf, struct dpk_err *err);

/* New owner and modes, effective at once for cached attributes as well (the notify thread does it).
 */
void dpkfs_mount_chown(struct dpkfs_mount *mount, const struct dpkfs_owner *owner);

/*
 * Readable by a thread's poll(2) once the mount was ended from outside
 * (umount(8), abort). Borrowed.
 */
int dpkfs_mount_ended_fd(const struct dpkfs_mount *mount);

/*
 * Unmounts (MNT_DETACH), ends the threads and the reaper, frees. Bounded: 1 s
 * even when a reader holds files open. The shelf must have been closed if the
 * mount was served. NULL is allowed.
 */
void dpkfs_mount_close(struct dpkfs_mount *mount);

#endif
