/* SPDX-License-Identifier: MIT */
/* Whole files and whole writes. */
#include "base/io.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dpk_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int dpk_read_all(int fd, struct dpk_buf *buf)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r = dpk_buf_add(buf, chunk, (size_t)n);
		if (r == -EFBIG) /* what fits, so that its length tells that it is too long */
			dpk_buf_add(buf, chunk, buf->max - buf->len);
		if (r < 0)
			return r;
	}
	explicit_bzero(chunk, sizeof(chunk));
	return 0;
}

static int check_rule(
	const char *path, const struct stat *st, enum dpk_file_rule rule, struct dpk_err *err)
{
	if (rule == DPK_FILE_ANY)
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dpk_err_set(err, -EPERM,
			"'%s' belongs to uid %u: whoever owns it could change it; chown it to root",
			path, (unsigned int)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return dpk_err_set(err, -EPERM,
			"'%s' is writable by its group or by others; run: chmod go-w '%s'", path,
			path);
	if (rule == DPK_FILE_SECRET && (st->st_mode & (S_IRGRP | S_IROTH)))
		return dpk_err_set(err, -EPERM,
			"'%s' holds a secret and is readable by its group or by others; run: chmod 0600 '%s'",
			path, path);
	return 0;
}

int dpk_open_file(const char *path, enum dpk_file_rule rule, int *ret_fd, struct dpk_err *err)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		return dpk_err_set(err, r, "cannot open '%s': %s", path, strerror(-r));
	}
	if (S_ISDIR(st.st_mode))
		return dpk_err_set(err, -EISDIR, "'%s' is a directory, not a file", path);
	if (!S_ISREG(st.st_mode))
		return dpk_err_set(err, -EINVAL, "'%s' is not a regular file", path);
	r = check_rule(path, &st, rule, err);
	if (r < 0)
		return r;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int dpk_read_file(
	const char *path, enum dpk_file_rule rule, struct dpk_buf *buf, struct dpk_err *err)
{
	_cleanup_(closep) int fd = -1;
	int r = dpk_open_file(path, rule, &fd, err);

	if (r < 0)
		return r;
	r = dpk_read_all(fd, buf);
	if (r == -EFBIG)
		return dpk_err_set(err, r, "'%s' is larger than %zu bytes", path, buf->max);
	if (r < 0)
		return dpk_err_set(err, r, "cannot read '%s': %s", path, strerror(-r));
	return 0;
}

/* Fills the new file and gives it its name. */
static int fill_and_rename(int directory, int fd, const char *temporary, const char *name,
	mode_t mode, const void *data, size_t len)
{
	int r = dpk_write_all(fd, data, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
		renameat(directory, temporary, directory, name) < 0)
		return -errno;
	return 0;
}

static int replace_at(int directory, const char *name, mode_t mode, const void *data, size_t len)
{
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	if (asprintf(&temporary, ".%s.%d.tmp", name, (int)getpid()) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = openat(
		directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fill_and_rename(directory, fd, temporary, name, mode, data, len);
	if (r < 0)
		unlinkat(directory, temporary, 0);
	else if (fsync(directory) < 0)
		r = -errno;
	return r;
}

int dpk_replace_file(
	const char *path, mode_t mode, const void *data, size_t len, struct dpk_err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_(freep) char *parent =
		slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	_cleanup_(closep) int directory = -1;
	int r;

	if (!parent)
		return dpk_err_set(err, -ENOMEM, "no memory to write '%s'", path);
	directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = directory < 0 ? -errno : replace_at(directory, name, mode, data, len);
	if (r < 0)
		return dpk_err_set(err, r, "cannot write '%s': %s", path, strerror(-r));
	return 0;
}
