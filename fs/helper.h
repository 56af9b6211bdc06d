/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_HELPER_H
#define DPKFS_HELPER_H

/*
 * A helper process of the mount. It never holds /dev/fuse, so that the kernel
 * ends the connection as soon as the daemon is gone, and it never outlives
 * the daemon: its socket ends, and a signal comes when its parent thread dies.
 */

#include <stdint.h>
#include <sys/types.h>

struct dpk_err;

struct dpkfs_helper {
	pid_t pid; /* -1: there is none */
	int pidfd;
	int sock; /* our end of a SOCK_SEQPACKET pair */
};

#define DPKFS_HELPER_INIT                                                                          \
	{                                                                                          \
		.pid = -1, .pidfd = -1, .sock = -1                                                 \
	}

struct dpkfs_helper_job {
	const char *name; /* of the process, at most 15 characters */
	int death_signal; /* which arrives when the thread that starts it dies */
	int keep_fd;      /* all that it keeps beside its socket; -1: nothing */
	/* in the helper, with every signal blocked and standard descriptors on /dev/null */
	void (*run)(int sock, int kept_fd, const char *path);
	const char *path;
};

/* Forks; to be called before any thread exists. 0 or -errno. */
int dpkfs_helper_start(
	const struct dpkfs_helper_job *job, struct dpkfs_helper *ret_helper, struct dpk_err *err);

/* Waits for its end at most TIMEOUT_MS; 0, or -ETIMEDOUT. */
int dpkfs_helper_wait(struct dpkfs_helper *helper, int timeout_ms);

/* Closes the socket, waits up to half a second, then kills. No helper: a no-op. */
void dpkfs_helper_stop(struct dpkfs_helper *helper);

/* Kills at once and waits a little: a process inside a request cannot die before its answer. */
void dpkfs_helper_kill(struct dpkfs_helper *helper);

#endif
