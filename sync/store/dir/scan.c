/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory that others write while we read, and that somebody may
 * write in order to make root read something else.
 *
 * Consistency: list, read everything, list again; any difference starts over.
 * An entry that is a link is resolved again as well, for its own stamp says
 * nothing about what it leads to.
 * Safety is in dir/regular.c.
 */
#include "store/dir/scan.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "store/common/digest.h"
#include "store/common/frames.h"
#include "store/dir/list.h"
#include "store/dir/regular.h"

#include <dpkeyfs/limits.h>

#include <fcntl.h>
#include <string.h>

static void closelistp(struct dpk_dir_list *list)
{
	dpk_dir_list_fini(list);
}

static int read_file(
	int fd_path, struct dpk_dir_entry *entry, struct dpk_frames *frames, struct dpk_err *err)
{
	_cleanup_(freep) char *data = NULL;
	int r = dpk_dir_read(fd_path, entry->name, &entry->target, &data, err);

	if (r < 0)
		return r;
	return dpk_frames_element(frames, entry->name, entry->name, data, entry->target.size);
}

/* What NAME leads to is open as FD: sort out what is no element, read the rest. */
static int add_opened(
	int fd, struct dpk_dir_entry *entry, struct dpk_frames *frames, struct dpk_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dpk_dir_fail_entry(err, -errno, "look at", entry->name);
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
	_cleanup_(closep) int fd = dpk_dir_open_beneath(dir, entry->name);

	if (fd == -EXDEV && leads_nowhere(dir, entry->name))
		fd = -ENOENT;
	if (fd == -EXDEV)
		return dpk_frames_refused(frames, entry->name, entry->name, DPK_VERDICT_NAME);
	/* it has just been renamed away, or it is a link to nothing: trying again tells */
	if (fd == -ENOENT)
		return dpk_err_set(err, -EAGAIN, "'%s' is listed but not there: a dangling link?",
			entry->name);
	/* what cannot be read might be a revocation: leaving it out could un-revoke a key */
	if (fd < 0)
		return dpk_dir_fail_entry(err, fd, "open", entry->name);
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
	fd = dpk_dir_open_beneath(dir, entry->name);
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

static int scan(int dir, struct dpk_frames *frames, struct dpk_err *err)
{
	int r = -EAGAIN;

	for (unsigned int try = 0; r == -EAGAIN && try < DPK_DIR_TRIES; try++) {
		dpk_dir_pause(try);
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
