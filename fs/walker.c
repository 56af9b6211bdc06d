/* SPDX-License-Identifier: MIT */
#include "walker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"

/* A question: 'w', or 'l' and names that each end with a NUL. The answer: an int32, 0 or -errno. */
#define QUESTION_MAX (1 + DPKFS_WALKER_NAMES_MAX * DPK_FILE_NAME_MAX)

#define WALK_MS 5000
#define LOOK_MS 1000

static bool is_element(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".xml") == 0;
}

/* Opening and closing one file lets the kernel learn that neither needs a message. */
static void touch_one(int dir, const char *name)
{
	_cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	(void)fd;
}

/*
 * Where the listing came from the kernel's cache it told it nothing about the
 * names; looking at each costs a message only then.
 */
static int32_t walk(const char *path)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	bool touched = false;
	struct dirent *entry;
	struct stat st;

	if (!dir)
		return -errno;
	errno = 0;
	while ((entry = readdir(dir))) {
		if (!is_element(entry->d_name))
			continue;
		fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
		if (!touched)
			touch_one(dirfd(dir), entry->d_name);
		touched = true;
		errno = 0;
	}
	return -errno;
}

static int32_t look(const char *path, const char *names, size_t len)
{
	char full[PATH_MAX];
	struct stat st;
	int32_t r = 0;

	for (size_t at = 0; at < len; at += strlen(names + at) + 1) {
		int n = snprintf(full, sizeof(full), "%s/%s", path, names + at);

		if (n < 0 || (size_t)n >= sizeof(full))
			r = -ENAMETOOLONG;
		else if (lstat(full, &st) < 0)
			r = -errno;
	}
	return r;
}

static void walker_run(int sock, int kept_fd, const char *path)
{
	char question[QUESTION_MAX + 1];

	(void)kept_fd;
	for (;;) {
		ssize_t n = recv(sock, question, QUESTION_MAX, 0);
		int32_t r;

		if (n <= 0)
			return;
		question[n] = '\0';
		if (question[0] == 'w')
			r = walk(path);
		else
			r = look(path, question + 1, (size_t)n - 1);
		if (send(sock, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
			return;
	}
}

int dpkfs_walker_start(const char *mountpoint, struct dpkfs_helper *ret_walker, struct dpk_err *err)
{
	const struct dpkfs_helper_job job = {
		.name = "dpkeyfs-walker",
		.death_signal = SIGKILL,
		.keep_fd = -1,
		.run = walker_run,
		.path = mountpoint,
	};

	return dpkfs_helper_start(&job, ret_walker, err);
}

static int ask(struct dpkfs_helper *walker, const char *question, size_t len, int timeout_ms)
{
	struct pollfd answer = { .fd = walker->sock, .events = POLLIN };
	int32_t r;

	if (walker->pid < 0)
		return -ESRCH;
	if (send(walker->sock, question, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len &&
		poll(&answer, 1, timeout_ms) == 1 &&
		recv(walker->sock, &r, sizeof(r), MSG_DONTWAIT) == sizeof(r))
		return r;
	dpkfs_helper_kill(walker);
	return -ETIMEDOUT;
}

int dpkfs_walker_walk(struct dpkfs_helper *walker)
{
	return ask(walker, "w", 1, WALK_MS);
}

int dpkfs_walker_look(struct dpkfs_helper *walker, const char *const *names, size_t count)
{
	char question[QUESTION_MAX];
	size_t len = 1;

	question[0] = 'l';
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(names[i]) + 1;

		if (size > sizeof(question) - len)
			return -E2BIG;
		memcpy(question + len, names[i], size);
		len += size;
	}
	return count ? ask(walker, question, len, LOOK_MS) : 0;
}
