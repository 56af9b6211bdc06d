/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_HTTP_TRANSFER_H
#define DPK_STORE_HTTP_TRANSFER_H

/*
 * One GET, with every limit that a hostile server can be held to. What the
 * answer means is not decided here.
 */

#include "base/buf.h"
#include "store/common/store.h"

#include <dpkeyfs/limits.h>

struct dpk_err;
struct dpk_http_access;
struct dpk_http_url;

struct dpk_http_get {
	const struct dpk_http_url *url;
	const struct dpk_http_access *access;
	const char *condition; /* a request header, or "" */
	uint64_t timeout_ms;
};

#define DPK_HTTP_LOCATION_MAX 2048

struct dpk_http_answer {
	long status;
	struct dpk_buf body;                  /* what the URL allows at most */
	char token[DPK_TOKEN_MAX + 1];        /* "" without a validator */
	char location[DPK_HTTP_LOCATION_MAX]; /* absolute; "" without or if too long */
	char retry_after[16];                 /* seconds; "" without */
	char encoding[32];                    /* Content-Encoding; "" without */
};

#define DPK_HTTP_ANSWER_INIT                                                                       \
	{                                                                                          \
		.status = 0, .body = DPK_BUF_INIT(0)                                               \
	}

/*
 * OK as soon as there is a whole answer, whatever its status. Else TRANSIENT,
 * TLS, TOO_BIG, BAD_DATA or UNSUPPORTED with a text.
 */
enum dpk_store_exit dpk_http_get(
	const struct dpk_http_get *get, struct dpk_http_answer *answer, struct dpk_err *err);

void dpk_http_answer_fini(struct dpk_http_answer *answer);

#endif
