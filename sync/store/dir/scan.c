/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory that others write while we read, and that somebody may
 * write in order to make root read something else.
 *
 * Consistency: list, read everything, list again; any difference starts over.
 * An entry that is a link is resolved again as well, for its own stamp says
 * nothing about what it leads to.
 *
 * Safety: an entry is first opened with O_PATH, which runs no code of a driver
 * and waits for nobody, beneath the directory only. Opening a FIFO would wait,
 * opening a device can do anything (a watchdog reboots the machine). Only what
 * proved to be a regular file is then opened for reading, through the same
 * descriptor, so that nothing can be put in its place.
 */
#include "store/dir/scan.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "store/common/digest.h"
#include "store/common/frames.h"
#include "store/dir/list.h"

#include <dpkeyfs/limits.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* 5 + 10 + ... + 320 ms of pauses: a burst of writing is shorter, a writer's bug is longer. */
#define SCAN_TRIES        8
#define SCAN_PAUSE_MIN_MS 5

static void closelistp(struct dpk_dir_list *list)
{
	dpk_dir_list_fini(list);
}

/* -EXDEV where NAME leads out of the directory. */
static int open_beneath(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
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

static int fail_entry(struct dpk_err *err, int r, const char *what, const char *name)
{
	/* what cannot be read might be a revocation: leaving it out could un-revoke a key */
	return dpk_err_set(err, r, "cannot %s '%s': %s", what, name, strerror(-r));
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

static int read_file(
	int fd_path, struct dpk_dir_entry *entry, struct dpk_frames *frames, struct dpk_err *err)
{
	_cleanup_(closep) int fd = open_again(fd_path);
	_cleanup_(freep) char *data = NULL;
	struct dpk_dir_stamp now;
	struct stat st;
	int r;

	if (fd == -ENOSYS)
		return dpk_err_set(err, fd, "/proc is needed and not mounted");
	if (fd < 0)
		return fail_entry(err, fd, "open", entry->name);
	data = malloc(entry->target.size + 1);
	if (!data)
		return -ENOMEM;
	r = read_exactly(fd, data, entry->target.size);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0 && r != -EAGAIN)
		return fail_entry(err, r, "read", entry->name);
	if (r < 0)
		return r;
	now = dpk_dir_stamp(&st);
	if (!dpk_dir_stamp_equal(&now, &entry->target))
		return -EAGAIN;
	return dpk_frames_element(frames, entry->name, entry->name, data, entry->target.size);
}

/* What NAME leads to is open as FD: sort out what is no element, read the rest. */
static int add_opened(
	int fd, struct dpk_dir_entry *entry, struct dpk_frames *frames, struct dpk_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_entry(err, -errno, "look at", entry->name);
	entry->target = dpk_dir_stamp(&st);
	if (!S_ISLNK(entry->self.mode) && !dpk_dir_stamp_equal(&entry->self, &entry->target))
		return -EAGAIN;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode))
		return dpk_frames_refused(frames, entry->name, entry->name, DPK_VERDICT_BAD_DATA);
	if (st.st_size < 1 || st.st_size > DPK_ELEMENT_MAX_BYTES)
		return dpk_frames_refused(frames, entry->name, entry->name, DPK_VERDICT_SIZE);
	return read_file(fd, entry, frames, err);
}

/*
 * A link that leaves the directory is not followed, but one that leads to
 * nothing is a dangling link like any other: .NET would fail on it, and a
 * share that is not mounted looks just so.
 */
static bool leads_nowhere(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_NO_AUTOMOUNT) < 0 && errno == ENOENT;
}

static int add_entry(
	int dir, struct dpk_dir_entry *entry, struct dpk_frames *frames, struct dpk_err *err)
{
	_cleanup_(closep) int fd = open_beneath(dir, entry->name);

	if (fd == -EXDEV && leads_nowhere(dir, entry->name))
		fd = -ENOENT;
	if (fd == -EXDEV)
		return dpk_frames_refused(frames, entry->name, entry->name, DPK_VERDICT_NAME);
	if (fd == -ENOSYS)
		return dpk_err_set(err, fd,
			"openat2(2) is missing: Linux 5.6 is needed, and a sandbox (RestrictSUIDSGID=) must not take it away");
	/* it has just been renamed away, or it is a link to nothing: trying again tells */
	if (fd == -ENOENT)
		return dpk_err_set(err, -EAGAIN, "'%s' is listed but not there: a dangling link?",
			entry->name);
	if (fd < 0)
		return fail_entry(err, fd, "open", entry->name);
	return add_opened(fd, entry, frames, err);
}

static bool leads_elsewhere(int dir, const struct dpk_dir_entry *entry)
{
	_cleanup_(closep) int fd = -1;
	struct dpk_dir_stamp now;
	struct stat st;

	/* stamps are all zero for a link that was refused unseen */
	if (!S_ISLNK(entry->self.mode) || entry->target.mode == 0)
		return false;
	fd = open_beneath(dir, entry->name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return true;
	now = dpk_dir_stamp(&st);
	return !dpk_dir_stamp_equal(&now, &entry->target);
}

/* One try. -EAGAIN if the directory changed meanwhile. */
static int scan_once(int dir, struct dpk_frames *frames, struct dpk_err *err)
{
	_cleanup_(closelistp) struct dpk_dir_list before = { .entries = NULL };
	_cleanup_(closelistp) struct dpk_dir_list after = { .entries = NULL };
	int r = dpk_dir_list_read(dir, &before, err);

	for (size_t i = 0; r == 0 && i < before.count; i++)
		r = add_entry(dir, &before.entries[i], frames, err);
	if (r == 0)
		r = dpk_dir_list_read(dir, &after, err);
	if (r < 0)
		return r;
	if (!dpk_dir_list_equal(&before, &after))
		return -EAGAIN;
	for (size_t i = 0; i < before.count; i++)
		if (leads_elsewhere(dir, &before.entries[i]))
			return -EAGAIN;
	return 0;
}

static void pause_ms(unsigned int ms)
{
	struct timespec pause = { .tv_sec = 0, .tv_nsec = (long)ms * 1000000 };

	nanosleep(&pause, NULL);
}

static int scan(int dir, struct dpk_frames *frames, struct dpk_err *err)
{
	unsigned int pause = SCAN_PAUSE_MIN_MS;
	int r = -EAGAIN;

	for (int try = 0; r == -EAGAIN && try < SCAN_TRIES; try++) {
		if (try > 0) {
			pause_ms(pause);
			pause *= 2;
		}
		*err = (struct dpk_err)DPK_ERR_INIT;
		dpk_frames_reset(frames);
		r = scan_once(dir, frames, err);
	}
	if (r == -EAGAIN && err->text[0] == '\0')
		dpk_err_set(err, r, "the directory keeps changing");
	if (r == -EFBIG && err->text[0] == '\0')
		dpk_err_set(err, r, "more than %u bytes", DPK_RING_MAX_BYTES);
	return r;
}

/* Only the directory itself can be "not found"; what is missing inside it is a fault. */
static enum dpk_store_exit fail(const char *path, int r, struct dpk_err *err)
{
	dpk_err_wrap(err, r, "directory '%s'", path);
	return r == -ENOENT ? DPK_STORE_TRANSIENT : dpk_store_exit_of(r);
}

enum dpk_store_exit dpk_dir_scan(
	const char *path, struct dpk_frames *frames, char *ret_token, struct dpk_err *err)
{
	_cleanup_(closep) int dir = dpk_dir_open(path, err);
	int r;

	if (dir < 0)
		return dir == -ENOTDIR ? DPK_STORE_BAD_DATA : dpk_store_exit_of(dir);
	r = scan(dir, frames, err);
	if (r == 0)
		r = dpk_store_digest(frames->bytes.data, frames->bytes.len, ret_token);
	return r < 0 ? fail(path, r, err) : DPK_STORE_OK;
}
