/* SPDX-License-Identifier: MIT */
/* The files behind credential=, ca=, client_cert= and client_key=. */
#include "store/http/access.h"

#include "base/err.h"
#include "base/io.h"

#include <dpkeyfs/limits.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define BEARER_MAX_BYTES 16384

/*
 * A file of ours that cannot be used. Never NOT_FOUND: that would say that the
 * ring is missing.
 */
static enum dpk_store_exit fail(struct dpk_err *err, const char *option, int r)
{
	dpk_err_wrap(err, r, "%s", option);
	return r == -ENOMEM ? DPK_STORE_TRANSIENT : DPK_STORE_FORBIDDEN;
}

/*
 * The token becomes part of a header: a line break in it would write headers
 * of its own.
 */
static enum dpk_store_exit load_bearer(
	const char *path, struct dpk_buf *bearer, struct dpk_err *err)
{
	int r = dpk_read_file(path, DPK_FILE_SECRET, bearer, err);

	if (r < 0)
		return fail(err, "credential", r);
	while (bearer->len > 0 && strchr(" \t\r\n", bearer->data[bearer->len - 1]))
		bearer->data[--bearer->len] = '\0';
	if (bearer->len == 0)
		return dpk_store_answer(err, DPK_STORE_FORBIDDEN, "credential '%s' is empty", path);
	for (size_t i = 0; i < bearer->len; i++)
		if (bearer->data[i] <= 0x20 || bearer->data[i] >= 0x7f)
			return dpk_store_answer(err, DPK_STORE_FORBIDDEN,
				"credential '%s' is not one bearer token in one line", path);
	return DPK_STORE_OK;
}

static enum dpk_store_exit load_ca(
	const char *path, struct dpk_http_access *access, struct dpk_err *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (st.st_mode & (S_IWGRP | S_IWOTH))
			return dpk_store_answer(err, DPK_STORE_FORBIDDEN,
				"ca: '%s' is writable by its group or by others; run: chmod go-w '%s'",
				path, path);
		access->ca_directory = path;
		return DPK_STORE_OK;
	}
	r = dpk_read_file(path, DPK_FILE_CONFIG, &access->ca, err);
	if (r < 0)
		return fail(err, "ca", r);
	if (access->ca.len == 0)
		return dpk_store_answer(err, DPK_STORE_TLS, "ca: '%s' is empty", path);
	return DPK_STORE_OK;
}

static enum dpk_store_exit load_client(
	const struct dpk_store_config *config, struct dpk_http_access *access, struct dpk_err *err)
{
	/* alone, the certificate's file holds the key as well */
	enum dpk_file_rule rule = config->client_key ? DPK_FILE_CONFIG : DPK_FILE_SECRET;
	int r = dpk_read_file(config->client_cert, rule, &access->client_cert, err);

	if (r < 0)
		return fail(err, "client_cert", r);
	if (!config->client_key)
		return DPK_STORE_OK;
	r = dpk_read_file(config->client_key, DPK_FILE_SECRET, &access->client_key, err);
	return r < 0 ? fail(err, "client_key", r) : DPK_STORE_OK;
}

enum dpk_store_exit dpk_http_access_load(
	const struct dpk_store_config *config, struct dpk_http_access *access, struct dpk_err *err)
{
	enum dpk_store_exit code = DPK_STORE_OK;

	*access = (struct dpk_http_access){
		.bearer = DPK_BUF_INIT(BEARER_MAX_BYTES),
		.ca = DPK_BUF_INIT(DPK_PEM_FILE_MAX),
		.client_cert = DPK_BUF_INIT(DPK_PEM_FILE_MAX),
		.client_key = DPK_BUF_INIT(DPK_PEM_FILE_MAX),
	};
	if (config->client_key && !config->client_cert)
		return dpk_store_answer(
			err, DPK_STORE_UNSUPPORTED, "client_key without client_cert");
	if (config->credential)
		code = load_bearer(config->credential, &access->bearer, err);
	if (code == DPK_STORE_OK && config->ca)
		code = load_ca(config->ca, access, err);
	if (code == DPK_STORE_OK && config->client_cert)
		code = load_client(config, access, err);
	return code;
}

void dpk_http_access_fini(struct dpk_http_access *access)
{
	dpk_buf_fini(&access->bearer);
	dpk_buf_fini(&access->ca);
	dpk_buf_fini(&access->client_cert);
	dpk_buf_fini(&access->client_key);
}
