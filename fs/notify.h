/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_NOTIFY_H
#define DPKFS_NOTIFY_H

/*
 * The notify thread: waits for the shelf and brings what it holds before the
 * kernel's eyes, ends the grace of names, changes owners. It alone changes
 * the room and it alone notifies the kernel.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper.h"
#include "kernel.h"
#include "mount.h"
#include "names.h"
#include "room.h"

struct dpkfs_notify {
	/* constant while the threads run */
	struct dpkfs_room *room;
	struct dpk_shelf *shelf;
	uint64_t grace_ms;

	/* the notify thread's own */
	struct dpkfs_kernel kernel;
	struct dpkfs_helper walker;
	struct dpkfs_names again; /* entries to be invalidated once more */
	uint64_t chown_again_ms;  /* UINT64_MAX: not */
	uint64_t shown_seq;       /* of the shelf */

	/* guards the news; nothing is called under it */
	pthread_mutex_t lock;
	pthread_cond_t news;
	uint64_t seq;
	bool closed;
	bool chown;
	struct dpkfs_owner owner;

	pthread_t thread, watcher;
	bool thread_running, watcher_running;
};

/* The walker is started apart, by dpkfs_walker_start. */
void dpkfs_notify_init(
	struct dpkfs_notify *notify, struct dpkfs_room *room, const struct dpkfs_options *options);

/* Starts the threads; they end when SHELF is closed. 0 or -errno. */
int dpkfs_notify_start(struct dpkfs_notify *notify, struct fuse_session *session,
	struct dpk_shelf *shelf, struct dpk_err *err);

/* Any thread; returns at once, the notify thread does it. */
void dpkfs_notify_chown(struct dpkfs_notify *notify, const struct dpkfs_owner *owner);

/* Waits for the threads at most TIMEOUT_MS each: 0 or -ETIMEDOUT. */
int dpkfs_notify_join(struct dpkfs_notify *notify, int timeout_ms);

/* Frees; the threads have been joined. The walker is the caller's to stop. */
void dpkfs_notify_fini(struct dpkfs_notify *notify);

#endif
