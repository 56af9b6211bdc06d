/* SPDX-License-Identifier: MIT */
/* Child processes. Knows nothing of what they say. */
#include "engine/program.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int dpk_program_find(const char *name, char **ret_path, struct dpk_err *err)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		for (int up = 0; up < 2; up++) {
			slash = strrchr(self, '/');
			if (slash)
				*slash = '\0';
		}
		if (asprintf(ret_path, "%s/libexec/dpkeyfs/%s", self, name) < 0)
			return dpk_err_set(err, -ENOMEM, "no memory");
		if (access(*ret_path, X_OK) == 0)
			return 0;
		free(*ret_path);
	}
	if (asprintf(ret_path, "%s/%s", DPK_LIBEXECDIR, name) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory");
	return 0;
}

static int add_files(posix_spawn_file_actions_t *actions, const int *fds, size_t count)
{
	int r = 0;

	/* dup2 clears close-on-exec; what the daemon itself was given by its parent may lack it */
	for (int i = 0; r == 0 && i < (int)count; i++)
		r = fds[i] < 0 ?
			    posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDONLY, 0) :
			    posix_spawn_file_actions_adddup2(actions, fds[i], i);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, (int)count);
	return -r;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, defaults;
	int r;

	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGKILL);
	sigdelset(&defaults, SIGSTOP);
	if ((r = posix_spawnattr_setpgroup(attr, 0)) != 0 ||
		(r = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
		(r = posix_spawnattr_setsigdefault(attr, &defaults)) != 0 ||
		(r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							    POSIX_SPAWN_SETSIGDEF)) != 0)
		return -r;
	return 0;
}

/* The environment of every program that the daemon starts. */
static char *const clean_environment[] = {
	(char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	(char[]){ "LC_ALL=C.UTF-8" }, NULL
};

int dpk_program_spawn(const char *const *argv, const int *fds, size_t count, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	r = add_files(&actions, fds, count);
	if (r == 0)
		r = set_attributes(&attr);
	if (r == 0)
		r = -posix_spawn(ret_pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv,
			clean_environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return r;
}

int dpk_program_reap(pid_t pid)
{
	int status;

	/* helpers that it left behind end with it; an ended leader is still our zombie, so the
	 * group's number is not reused */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
