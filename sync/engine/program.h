/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_PROGRAM_H
#define DPK_ENGINE_PROGRAM_H

/* The programs that the daemon starts: where they are, how they begin and how they end. */

#include <stddef.h>
#include <sys/types.h>

struct dpk_err;

/*
 * The absolute path of the program NAME: ../libexec/dpkeyfs beside the running
 * program, in a build tree and installed alike, else where it was configured
 * to be. The caller's to free. 0 or -ENOMEM.
 */
int dpk_program_find(const char *name, char **ret_path, struct dpk_err *err);

/*
 * Starts ARGV, which ends with NULL, in a process group of its own with a
 * clean environment, no signal blocked or ignored, and COUNT descriptors: FDS[i]
 * becomes i, -1 becomes /dev/null for reading, all others are closed. They are
 * moved in order: no FDS[i] may be less than i, or its place is taken already. 0 or -errno.
 */
int dpk_program_spawn(const char *const *argv, const int *fds, size_t count, pid_t *ret_pid);

/* Kills the program's group and takes its exit code; -1 if it ended by a signal. */
int dpk_program_reap(pid_t pid);

#endif
