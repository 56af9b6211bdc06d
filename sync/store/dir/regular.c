/* SPDX-License-Identifier: MIT */
/*
 * Reading a file that somebody may put there in order to make root read
 * something else.
 *
 * It is first opened with O_PATH, which runs no code of a driver and waits for
 * nobody, beneath the directory only. Opening a FIFO would wait, opening a
 * device can do anything (a watchdog reboots the machine). Only what proved to
 * be a regular file is then opened for reading, through the same descriptor,
 * so that nothing can be put in its place.
 */
#include "store/dir/regular.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* 5 + 10 + ... + 320 ms of pauses: a burst of writing is shorter, a writer's bug is longer. */
#define PAUSE_MIN_MS 5

int dpk_dir_open_beneath(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int dpk_dir_fail_entry(struct dpk_err *err, int r, const char *what, const char *name)
{
	if (r == -ENOSYS)
		return dpk_err_set(err, r,
			"openat2(2) is missing: Linux 5.6 is needed, and a sandbox (RestrictSUIDSGID=) must not take it away");
	return dpk_err_set(err, r, "cannot %s '%s': %s", what, name, strerror(-r));
}

/* Opens for reading what the O_PATH descriptor FD stands for. */
static int open_again(int fd)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		return errno == ENOENT && access("/proc/self/fd", F_OK) < 0 ? -ENOSYS : -errno;
	return again;
}

/* Reads FD, which had SIZE bytes, into DATA. -EAGAIN if it has another size now. */
static int read_exactly(int fd, char *data, size_t size)
{
	size_t len = 0;

	/* one byte more than there should be, to see a file that grows */
	while (len <= size) {
		ssize_t n = read(fd, data + len, size + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return len == size ? 0 : -EAGAIN;
}

int dpk_dir_read(int fd_path, const char *name, const struct dpk_dir_stamp *stamp, char **ret_data,
	struct dpk_err *err)
{
	_cleanup_(closep) int fd = open_again(fd_path);
	_cleanup_(freep) char *data = NULL;
	struct dpk_dir_stamp now;
	struct stat st;
	int r;

	if (fd == -ENOSYS)
		return dpk_err_set(err, fd, "/proc is needed and not mounted");
	if (fd < 0)
		return dpk_dir_fail_entry(err, fd, "open", name);
	data = malloc(stamp->size + 1);
	if (!data)
		return -ENOMEM;
	r = read_exactly(fd, data, stamp->size);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0 && r != -EAGAIN)
		return dpk_dir_fail_entry(err, r, "read", name);
	if (r < 0)
		return r;
	now = dpk_dir_stamp(&st);
	if (!dpk_dir_stamp_equal(&now, stamp))
		return -EAGAIN;
	*ret_data = data;
	data = NULL;
	return 0;
}

void dpk_dir_pause(unsigned int try)
{
	struct timespec pause = { .tv_sec = 0 };

	if (try == 0)
		return;
	pause.tv_nsec = (PAUSE_MIN_MS << (try - 1)) * 1000000L;
	nanosleep(&pause, NULL);
}
