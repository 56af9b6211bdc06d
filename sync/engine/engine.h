/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_ENGINE_H
#define DPK_ENGINE_ENGINE_H

/*
 * The engine: keeps the shelf in step with the store. One thread polls, plans
 * and writes the journal; a second one answers the control socket.
 */

#include "engine/config.h"

struct dpk_engine;
struct dpk_shelf;
struct dpk_err;

/*
 * Opens the journal, reads the certificates, verifies the journal's ring and
 * puts it on the shelf. No thread is started. CONFIG is consumed on success.
 * -EBUSY (another daemon), -EINVAL, -EPERM, else -errno; ERR has the remedy.
 */
int dpk_engine_open(struct dpk_config *config, struct dpk_engine **ret_engine, struct dpk_err *err);

/* Opens the control socket and starts the threads. 0 or -errno. */
int dpk_engine_start(struct dpk_engine *engine, struct dpk_err *err);

/* Borrowed; lives as long as the engine. */
struct dpk_shelf *dpk_engine_shelf(struct dpk_engine *engine);

/* Readable from the moment the kernel shows a first ring. Borrowed. */
int dpk_engine_ready_fd(const struct dpk_engine *engine);

/* Readable when the line of dpk_engine_status changed. Borrowed; the caller reads it empty. */
int dpk_engine_status_fd(const struct dpk_engine *engine);

/* One line for systemd's STATUS=; any thread. */
void dpk_engine_status(struct dpk_engine *engine, char *buf, size_t size);

/*
 * Takes over a re-read CONFIG (consumed): the engine verifies the ring anew
 * under it and polls at once. Name, state and socket stay what they were.
 */
void dpk_engine_reload(struct dpk_engine *engine, struct dpk_config *config);

/* Ends the threads (a store program that runs is killed) and closes the shelf. At most 1 s. */
void dpk_engine_stop(struct dpk_engine *engine);

/* Frees; the mount must be closed. NULL allowed. */
void dpk_engine_free(struct dpk_engine *engine);

#endif
