/* SPDX-License-Identifier: MIT */
/* Files, directories and stores as one kind of answer. */
#include "ctl/gather.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/io.h"
#include "engine/runner.h"

#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

int dpk_ctl_config(const struct dpk_ctl *ctl, struct dpk_config *ret_config)
{
	struct dpk_err err = DPK_ERR_INIT;

	if (dpk_config_load(ctl->ring, ctl->options, NULL, false, ret_config, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	return DPK_CTL_OK;
}

static int unreadable(const char *argument, const char *why)
{
	fprintf(stderr, "dpkeyctl: %s: %s\n", argument, why);
	return DPK_CTL_UNREACHABLE;
}

static bool is_snapshot(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".p7m") == 0;
}

static int gather_file(const char *path, struct dpk_harvest *harvest)
{
	bool snapshot = is_snapshot(path);
	/* one byte more than allowed, so that the reader can say `size` */
	struct dpk_buf bytes =
		DPK_BUF_INIT((snapshot ? DPK_ENVELOPE_MAX_BYTES : DPK_ELEMENT_MAX_BYTES) + 1);
	char name[DPK_ORIGIN_MAX + 1], copy[PATH_MAX];
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_blob blob;
	int r = dpk_read_file(path, DPK_FILE_ANY, &bytes, &err);

	if (r == -EFBIG) /* keep what was read: it is too large already */
		r = bytes.len > 0 ? 0 : r;
	if (r == 0) {
		snprintf(copy, sizeof(copy), "%s", path);
		dpk_escape(basename(copy), strlen(basename(copy)), name, sizeof(name));
		r = dpk_blob_init(&blob, name, name, bytes.data ? bytes.data : "", bytes.len);
		if (r == 0) {
			r = dpk_blobs_add(
				snapshot ? &harvest->snapshots : &harvest->elements, &blob);
			if (r < 0)
				dpk_blob_fini(&blob);
		}
	}
	dpk_buf_fini(&bytes);
	return r < 0 ? unreadable(path, dpk_err_text(&err)) : 0;
}

static void source_finip(struct dpk_source *source)
{
	dpk_source_fini(source);
}

static int gather_store(
	const struct dpk_config *config, const char *url, struct dpk_harvest *harvest)
{
	_cleanup_(source_finip) struct dpk_source source = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_run run = { &source, config, NULL, config->deadline_ms, -1 };
	struct dpk_run_result result;

	if (dpk_source_parse(url, &source, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	dpk_run_fetch(&run, harvest, &result);
	if (result.verdict != DPK_VERDICT_OK) {
		fprintf(stderr, "dpkeyctl: %s: %s: %s\n", source.shown,
			dpk_verdict_code(result.verdict), result.text);
		return DPK_CTL_UNREACHABLE;
	}
	return 0;
}

int dpk_ctl_gather(
	const struct dpk_config *config, const char *argument, struct dpk_harvest *ret_harvest)
{
	char absolute[PATH_MAX];
	struct stat st;

	*ret_harvest = (struct dpk_harvest){ 0 };
	if (stat(argument, &st) < 0) {
		if (dpk_source_is_url(argument) && argument[0] != '/')
			return gather_store(config, argument, ret_harvest);
		return unreadable(argument, strerror(errno));
	}
	if (!S_ISDIR(st.st_mode))
		return gather_file(argument, ret_harvest);
	if (!realpath(argument, absolute))
		return unreadable(argument, strerror(errno));
	return gather_store(config, absolute, ret_harvest);
}
