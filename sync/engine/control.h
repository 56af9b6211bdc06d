/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_CONTROL_H
#define DPK_ENGINE_CONTROL_H

/*
 * The control socket: one request line, one JSON answer, then the end.
 * dpkeyfs-control(7) is its specification. One thread, at most
 * DPK_CONTROL_CLIENTS clients, 2 s each to write a request and to read the
 * answer. It reads the state and asks the engine; it never touches the
 * journal or the store.
 */

#include "engine/state.h"

struct dpk_control;
struct dpk_err;

/*
 * Binds STATE->config.socket (its directory is made; a dead socket is
 * replaced) and starts the thread. WAKE_FD is written when a sync is wanted.
 * -EADDRINUSE: somebody answers there; else -errno.
 */
int dpk_control_start(struct dpk_state *state, int wake_fd, struct dpk_control **ret_control,
	struct dpk_err *err);

/* Ends the thread and removes the socket. NULL allowed. */
void dpk_control_stop(struct dpk_control *control);

#endif
