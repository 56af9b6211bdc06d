/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_SESSION_H
#define DPKFS_SESSION_H

/*
 * The FUSE session on a descriptor that is mounted already, and the threads
 * that read requests from it. They are our own rather than libfuse's loop, so
 * that requests can be counted, and one day be kept for a successor.
 */

#include <dpkeyfs/snapshot.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* One is fastest for one reader; with the second no stuck request stalls the others. */
#define DPKFS_SESSION_THREADS 2

struct dpk_err;
struct dpkfs_room;
struct fuse_session;

struct dpkfs_session {
	struct fuse_session *fuse;
	struct dpk_shelf *shelf; /* counts requests */
	int ended_fd;            /* eventfd */
	atomic_bool stopping;    /* the end is our own doing */
	pthread_t threads[DPKFS_SESSION_THREADS];
	bool running[DPKFS_SESSION_THREADS];
};

/* FUSE_FD is consumed on success. 0 or -errno. */
int dpkfs_session_init(struct dpkfs_session *session, int fuse_fd, struct dpkfs_room *room,
	bool debug, struct dpk_err *err);

/* Starts the threads; SHELF counts what they read. 0 or -errno; join in either case. */
int dpkfs_session_start(
	struct dpkfs_session *session, struct dpk_shelf *shelf, struct dpk_err *err);

/* The threads end at the next request, or when the connection does. */
void dpkfs_session_stop(struct dpkfs_session *session);

/* Waits for the threads at most TIMEOUT_MS: 0 or -ETIMEDOUT. */
int dpkfs_session_join(struct dpkfs_session *session, int timeout_ms);

/* Frees; all threads have been joined. */
void dpkfs_session_fini(struct dpkfs_session *session);

#endif
