/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_THREAD_H
#define DPKFS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread with every signal blocked. 0 or -errno. */
int dpkfs_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg);

/* Joins THREAD if *RUNNING, waiting at most TIMEOUT_MS. 0 (*RUNNING is false then) or -ETIMEDOUT.
 */
int dpkfs_thread_join(pthread_t thread, bool *running, int timeout_ms);

#endif
