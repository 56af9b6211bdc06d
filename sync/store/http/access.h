/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_HTTP_ACCESS_H
#define DPK_STORE_HTTP_ACCESS_H

#include "base/buf.h"
#include "store/common/store.h"

struct dpk_err;

/*
 * What this node shows to the server, and whom it believes. Files are read
 * once, here, where their owner and mode are checked.
 */
struct dpk_http_access {
	struct dpk_buf bearer;      /* empty: none */
	struct dpk_buf ca;          /* PEM; empty: ca_directory, or the system's */
	const char *ca_directory;   /* borrowed from the config, or NULL */
	struct dpk_buf client_cert; /* PEM; empty: none */
	struct dpk_buf client_key;  /* PEM; empty: it is in client_cert */
};

/* FORBIDDEN, NOT_FOUND, BAD_DATA with a text that names the file. */
enum dpk_store_exit dpk_http_access_load(
	const struct dpk_store_config *config, struct dpk_http_access *access, struct dpk_err *err);

/* Wipes. */
void dpk_http_access_fini(struct dpk_http_access *access);

#endif
