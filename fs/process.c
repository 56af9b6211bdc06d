/* SPDX-License-Identifier: MIT */
/* The process and its surroundings. Knows neither the mount nor the engine. */
#include "fs/process.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing of ours may end in a core file, and nothing of the caller's environment may act here. */
void dpkfs_process_harden(void)
{
	static const char *const kept[] = { "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY",
		"WATCHDOG_USEC", "WATCHDOG_PID", "DPKEYFS_TEST_NO_EPOCH", "ASAN_OPTIONS",
		"UBSAN_OPTIONS", "LSAN_OPTIONS" };
	char *values[sizeof(kept) / sizeof(kept[0])];
	const struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const char *value = getenv(kept[i]);

		values[i] = value ? strdup(value) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (values[i])
			setenv(kept[i], values[i], 1);
		free(values[i]);
	}
	/* a handful of threads that allocate little: one arena, and memory goes back early */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
}

void dpkfs_process_detach(void)
{
	_cleanup_(closep) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || chdir("/") < 0)
		return;
	dpk_log_to_syslog(DPK_LOG_NOTICE);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
}

int dpkfs_process_mountpoint(const char *text, char ret_path[static PATH_MAX])
{
	char parent[PATH_MAX], copy_a[PATH_MAX], copy_b[PATH_MAX];
	size_t len = strlen(text);

	if (len == 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	if (realpath(text, ret_path))
		return 0;
	if (errno != ENOTCONN)
		return -errno;
	memcpy(copy_a, text, len + 1);
	memcpy(copy_b, text, len + 1);
	if (!realpath(dirname(copy_a), parent))
		return -errno;
	if (snprintf(ret_path, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "",
		    basename(copy_b)) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}
