/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_HTTP_FAILURE_H
#define DPK_STORE_HTTP_FAILURE_H

#include "store/common/store.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct dpk_err;
struct dpk_http_answer;
struct dpk_http_url;

#define DPK_HTTP_HEADERS_MAX_BYTES ((size_t)64 * 1024)

/* A transfer while it runs, and what its callbacks saw. */
struct dpk_http_transfer {
	struct dpk_http_answer *answer;
	bool loopback_only;
	size_t header_bytes;
	bool body_too_big;
	bool headers_too_big;
	bool address_refused;
	long verify_result; /* X509_V_ERR_* */
	bool tls_done;      /* the handshake, as this side sees it */
	char text[CURL_ERROR_SIZE];
};

/* The exit code of a transfer that failed with CODE, and a text that says what to do. */
enum dpk_store_exit dpk_http_explain(const struct dpk_http_transfer *transfer, CURLcode code,
	const struct dpk_http_url *url, struct dpk_err *err);

#endif
