/* SPDX-License-Identifier: MIT */
/* Files of private keys: who may have written and read them. Their bytes are not looked at. */
#include "engine/opener-files.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Above every place that a descriptor is moved to, so that no move hits another. */
#define FD_FLOOR (DPK_UNWRAP_FIRST_FD + DPK_UNWRAP_KEYS_MAX)

static int add_fd(struct dpk_opener_files *files, int fd, const char *what, struct dpk_err *err)
{
	int high;

	if (files->count == DPK_UNWRAP_KEYS_MAX)
		return dpk_err_set(err, -E2BIG,
			"unwrap_key '%s' holds more than %d files; keep only keys that elements are "
			"still wrapped to",
			what, DPK_UNWRAP_KEYS_MAX);
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	if (high < 0)
		return dpk_err_set(err, -errno, "cannot pass '%s' on: %s", what, strerror(errno));
	files->fds[files->count++] = high;
	return 0;
}

static int add_file(struct dpk_opener_files *files, const char *path, struct dpk_err *err)
{
	_cleanup_(closep) int fd = -1;
	int r = dpk_open_file(path, DPK_FILE_SECRET, &fd, err);

	return r < 0 ? r : add_fd(files, fd, path, err);
}

static int is_key_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 &&
	       (strcmp(entry->d_name + len - 4, ".pem") == 0 ||
		       strcmp(entry->d_name + len - 4, ".key") == 0);
}

static int check_directory(const char *path, const struct stat *st, struct dpk_err *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dpk_err_set(err, -EPERM,
			"'%s' belongs to uid %u, who could exchange the private keys; chown it to root",
			path, (unsigned int)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return dpk_err_set(err, -EPERM,
			"'%s' is writable by its group or by others, who could exchange the private "
			"keys; run: chmod go-w '%s'",
			path, path);
	return 0;
}

static int add_entry(struct dpk_opener_files *files, const char *directory, const char *name,
	struct dpk_err *err)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return dpk_err_set(err, -ENOMEM, "no memory");
	}
	return add_file(files, path, err);
}

static int add_directory(struct dpk_opener_files *files, const char *path, struct dpk_err *err)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_key_file, alphasort), r = 0;

	if (count < 0)
		return dpk_err_set(err, -errno, "cannot list '%s': %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_entry(files, path, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	if (r == 0 && files->count == 0)
		return dpk_err_set(err, -ENOENT,
			"'%s' holds no *.pem and no *.key file; put the private keys of the wrapping "
			"certificates there (mode 0600)",
			path);
	return r;
}

/* The URI may hold a PIN, so neither argv nor environment show it. */
static int add_uri(struct dpk_opener_files *files, const char *uri, struct dpk_err *err)
{
	_cleanup_(closep) int from = -1;
	_cleanup_(closep) int to = -1;
	int ends[2], r;

	if (strlen(uri) >= DPK_KEY_URI_MAX)
		return dpk_err_set(err, -E2BIG, "the pkcs11: URI of unwrap_key is longer than %d",
			DPK_KEY_URI_MAX - 1);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return dpk_err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	from = ends[0];
	to = ends[1];
	files->uri = true;
	r = dpk_write_all(to, uri, strlen(uri)); /* below a pipe's capacity */
	return r < 0 ? dpk_err_set(err, r, "cannot pass the pkcs11: URI on") :
		       add_fd(files, from, "pkcs11:", err);
}

static int add(struct dpk_opener_files *files, const char *unwrap_key, struct dpk_err *err)
{
	struct stat st;
	int r;

	if (strncmp(unwrap_key, "pkcs11:", 7) == 0)
		return add_uri(files, unwrap_key, err);
	if (stat(unwrap_key, &st) < 0) {
		r = -errno;
		return dpk_err_set(err, r,
			"cannot open unwrap_key '%s': %s; name the PEM file or directory that holds the "
			"private keys, or a pkcs11: URI",
			unwrap_key, strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return add_file(files, unwrap_key, err);
	r = check_directory(unwrap_key, &st, err);
	return r < 0 ? r : add_directory(files, unwrap_key, err);
}

int dpk_opener_files_open(
	const char *unwrap_key, struct dpk_opener_files *ret_files, struct dpk_err *err)
{
	int r;

	*ret_files = (struct dpk_opener_files){ 0 };
	r = add(ret_files, unwrap_key, err);
	if (r < 0)
		dpk_opener_files_close(ret_files);
	return r;
}

void dpk_opener_files_close(struct dpk_opener_files *files)
{
	while (files->count > 0)
		closep(&files->fds[--files->count]);
}
