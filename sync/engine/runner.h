/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_RUNNER_H
#define DPK_ENGINE_RUNNER_H

/*
 * Running store programs: one operation each, in a process group of its own,
 * with a deadline, and killed past it or when the daemon is told to stop.
 */

#include "engine/config.h"
#include "engine/source.h"
#include "engine/stream.h"

#include <sys/types.h>

struct dpk_err;

/* What one run needs; all borrowed. */
struct dpk_run {
	const struct dpk_source *source;
	const struct dpk_config *config;
	const char *token;    /* of the last fetch, or NULL */
	uint64_t deadline_ms; /* 0: none (wait) */
	int stop_fd;          /* readable: kill the program and return; -1: none */
};

/* How a run ended; the words are for status and log. */
struct dpk_run_result {
	enum dpk_verdict verdict; /* OK, or why nothing came */
	bool unchanged;           /* OK, and the token still holds */
	bool stopped;             /* stop_fd ended it */
	char text[DPK_STORE_TEXT_MAX + 128];
};

/*
 * `PROGRAM fetch URL`. With verdict OK and not unchanged, *HARVEST holds the
 * complete answer, the caller's to dpk_harvest_fini; else it is empty. Never
 * blocks longer than the deadline and one second. One thread at a time may
 * use a harvest; runs are independent.
 */
void dpk_run_fetch(const struct dpk_run *run, struct dpk_harvest *ret_harvest,
	struct dpk_run_result *ret_result);

/*
 * Starts `PROGRAM wait URL` and returns its pid and a pidfd that becomes
 * readable when it ends. 0 or -errno.
 */
int dpk_run_wait_start(
	const struct dpk_run *run, pid_t *ret_pid, int *ret_pidfd, struct dpk_err *err);

/*
 * Ends a waiter (killing it if it still runs), closes *PIDFD and sets it to
 * -1. Returns its exit code, or -1 if it did not end by itself.
 */
int dpk_run_wait_end(pid_t pid, int *pidfd);

/* Has a hook ended? Reaps it if so. */
bool dpk_run_hook_ended(pid_t pid);

/* Kills a hook and reaps it. */
void dpk_run_hook_kill(pid_t pid);

/* Runs PROGRAM with one argument in the background, nothing on its descriptors; 0 or -errno. */
int dpk_run_hook(const char *program, const char *argument, pid_t *ret_pid, struct dpk_err *err);

#endif
