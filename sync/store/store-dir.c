/* SPDX-License-Identifier: MIT */
/*
 * The store of PersistKeysToFileSystem: a directory with one element in each
 * *.xml; or one file, *.p7m, that is a whole ring and signed. It knows files,
 * neither XML nor signatures, and writes nothing.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "store/common/digest.h"
#include "store/common/frames.h"
#include "store/common/store.h"
#include "store/dir/list.h"
#include "store/dir/scan.h"
#include "store/dir/signed.h"
#include "store/dir/watch.h"

#include <string.h>

/* The path in URL, borrowed, or NULL with the text set. */
static const char *path_of(const char *url, struct dpk_err *err)
{
	const char *path = strncmp(url, "dir:", 4) == 0 ? url + 4 : url;

	if (path[0] != '/') {
		dpk_err_set(err, -EINVAL, "'%s': a directory is named by its absolute path", url);
		return NULL;
	}
	/* dir://server/share would quietly read the local directory /server/share */
	if (path != url && path[1] == '/' && path[2] != '/') {
		dpk_err_set(err, -EINVAL, "'%s': dir: takes a path on this machine, no host", url);
		return NULL;
	}
	return path;
}

static enum dpk_store_exit read_store(
	const char *path, struct dpk_frames *frames, char *ret_token, struct dpk_err *err)
{
	return dpk_dir_is_signed(path) ? dpk_dir_read_signed(path, frames, ret_token, err) :
					 dpk_dir_scan(path, frames, ret_token, err);
}

static enum dpk_store_exit dir_fetch(
	const struct dpk_store_request *request, struct dpk_frames *frames, struct dpk_err *err)
{
	const char *path = path_of(request->url, err);
	const char *known = request->config->token;
	char token[DPK_DIGEST_STRING_MAX];
	enum dpk_store_exit code;

	if (!path)
		return DPK_STORE_UNSUPPORTED;
	/*
	 * Always reads everything: dates are too coarse to prove that a file is
	 * the same, and a ring is a few hundred kilobytes.
	 */
	code = read_store(path, frames, token, err);
	if (code != DPK_STORE_OK)
		return code;
	if (known && strcmp(known, token) == 0)
		return DPK_STORE_UNCHANGED;
	return dpk_store_exit_of(dpk_frames_end(frames, token));
}

static enum dpk_store_exit dir_wait(const struct dpk_store_request *request, struct dpk_err *err)
{
	const char *path = path_of(request->url, err);

	if (!path)
		return DPK_STORE_UNSUPPORTED;
	return dpk_dir_wait(path, request->config, err);
}

/* How changes in the directory WATCHED are noticed, for people. */
static const char *how_heard(const char *watched)
{
	_cleanup_(closep) int dir = dpk_dir_open(watched, NULL);

	return dir >= 0 && dpk_dir_is_local(dir) ? "are heard at once" : "are found by polling";
}

static enum dpk_store_exit dir_probe(const struct dpk_store_request *request, struct dpk_err *err)
{
	_cleanup_(dpk_frames_fini) struct dpk_frames frames = DPK_FRAMES_INIT;
	const char *path = path_of(request->url, err), *name;
	_cleanup_(freep) char *parent = NULL;
	char token[DPK_DIGEST_STRING_MAX];
	enum dpk_store_exit code;

	if (!path)
		return DPK_STORE_UNSUPPORTED;
	code = read_store(path, &frames, token, err);
	if (code != DPK_STORE_OK)
		return code;
	if (!dpk_dir_is_signed(path))
		return dpk_store_answer(err, DPK_STORE_OK,
			"'%s': %zu entries, %zu bytes; changes %s", path, frames.count,
			frames.payload, how_heard(path));
	parent = dpk_dir_split(path, &name);
	return dpk_store_answer(err, DPK_STORE_OK,
		"'%s': a signed snapshot of %zu bytes; changes %s", path, frames.payload,
		how_heard(parent ? parent : path));
}

int main(int argc, char **argv)
{
	static const struct dpk_store_ops ops = {
		.program = "store-dir",
		.fetch = dir_fetch,
		.wait = dir_wait,
		.probe = dir_probe,
	};

	return dpk_store_main(&ops, argc, argv);
}
