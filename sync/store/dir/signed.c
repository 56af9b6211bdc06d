/* SPDX-License-Identifier: MIT */
/* A signed snapshot: one file, replaced by renaming, read with the care that entries get. */
#include "store/dir/signed.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "store/common/digest.h"
#include "store/common/frames.h"
#include "store/dir/list.h"
#include "store/dir/regular.h"

#include <dpkeyfs/limits.h>

#include <fcntl.h>
#include <string.h>

#define SIGNED_SUFFIX ".p7m"

bool dpk_dir_is_signed(const char *path)
{
	size_t len = strlen(path), suffix = strlen(SIGNED_SUFFIX);

	return len > suffix && strcmp(path + len - suffix, SIGNED_SUFFIX) == 0;
}

char *dpk_dir_split(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	*ret_name = slash + 1;
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* What PATH leads to has the state ST. OK if it can be read as a snapshot. */
static enum dpk_store_exit judge(const char *path, const struct stat *st, struct dpk_err *err)
{
	if (S_ISDIR(st->st_mode))
		return dpk_store_answer(err, DPK_STORE_BAD_DATA,
			"'%s' is a directory, and a store whose name ends in %s is one signed file",
			path, SIGNED_SUFFIX);
	if (!S_ISREG(st->st_mode))
		return dpk_store_answer(
			err, DPK_STORE_BAD_DATA, "'%s' is not a regular file", path);
	if (st->st_size < 1)
		return dpk_store_answer(err, DPK_STORE_BAD_DATA, "'%s' is empty", path);
	if (st->st_size > (off_t)DPK_ENVELOPE_MAX_BYTES)
		return dpk_store_answer(err, DPK_STORE_TOO_BIG, "'%s' has more than %u bytes", path,
			DPK_ENVELOPE_MAX_BYTES);
	return DPK_STORE_OK;
}

/* NAME in DIR could not be opened, with R. */
static enum dpk_store_exit fail_open(
	int dir, const char *name, const char *path, int r, struct dpk_err *err)
{
	struct stat st;

	if (r == -EXDEV)
		return dpk_store_answer(err, DPK_STORE_BAD_DATA,
			"'%s' is a link that leaves its directory, or is absolute: not followed",
			path);
	/* a link to nothing is half a change, or a share that is not mounted */
	if (r == -ENOENT && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "'%s' is a dangling link", path);
	if (r == -ENOENT)
		return dpk_store_answer(err, DPK_STORE_NOT_FOUND, "there is no '%s'", path);
	dpk_dir_fail_entry(err, r, "open", path);
	return dpk_store_exit_of(r);
}

/* One try. TRANSIENT without a text if the file changed meanwhile. */
static enum dpk_store_exit read_once(int dir, const char *name, const char *path, char **ret_data,
	size_t *ret_size, struct dpk_err *err)
{
	_cleanup_(closep) int fd = dpk_dir_open_beneath(dir, name);
	struct dpk_dir_stamp stamp;
	enum dpk_store_exit code;
	struct stat st;

	if (fd < 0)
		return fail_open(dir, name, path, fd, err);
	if (fstat(fd, &st) < 0)
		return dpk_store_exit_of(dpk_dir_fail_entry(err, -errno, "look at", path));
	code = judge(path, &st, err);
	if (code != DPK_STORE_OK)
		return code;
	stamp = dpk_dir_stamp(&st);
	*ret_size = stamp.size;
	return dpk_store_exit_of(dpk_dir_read(fd, path, &stamp, ret_data, err));
}

static enum dpk_store_exit read_whole(
	const char *path, char **ret_data, size_t *ret_size, struct dpk_err *err)
{
	const char *name;
	_cleanup_(freep) char *parent = dpk_dir_split(path, &name);
	_cleanup_(closep) int dir = parent ? dpk_dir_open(parent, err) : -ENOMEM;
	enum dpk_store_exit code = DPK_STORE_TRANSIENT;

	if (dir < 0)
		return dir == -ENOTDIR ? DPK_STORE_BAD_DATA : dpk_store_exit_of(dir);
	for (unsigned int try = 0; try < DPK_DIR_TRIES; try++) {
		dpk_dir_pause(try);
		*err = (struct dpk_err)DPK_ERR_INIT;
		code = read_once(dir, name, path, ret_data, ret_size, err);
		if (code != DPK_STORE_TRANSIENT)
			return code;
	}
	if (err->text[0] == '\0')
		dpk_err_set(err, -EAGAIN, "'%s' keeps changing", path);
	return code;
}

enum dpk_store_exit dpk_dir_read_signed(
	const char *path, struct dpk_frames *frames, char *ret_token, struct dpk_err *err)
{
	const char *name = strrchr(path, '/') + 1;
	_cleanup_(freep) char *data = NULL;
	size_t size = 0;
	enum dpk_store_exit code = read_whole(path, &data, &size, err);
	int r;

	if (code != DPK_STORE_OK)
		return code;
	r = dpk_store_digest(data, size, ret_token);
	if (r == 0)
		r = dpk_frames_snapshot(frames, name, name, data, size);
	if (r < 0)
		dpk_err_set(err, r, "'%s': %s", path, strerror(-r));
	return dpk_store_exit_of(r);
}
