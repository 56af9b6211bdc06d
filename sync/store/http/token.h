/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_HTTP_TOKEN_H
#define DPK_STORE_HTTP_TOKEN_H

/*
 * Between a server's validators and the token of an `end` frame. The token is
 * "etag." or "date." and then the percent-encoded header value: an ETag if the
 * server sends one, else its Last-Modified.
 */

#include <dpkeyfs/limits.h>

#include <stddef.h>

/*
 * The token of ETAG or DATE (either may be NULL), or "" if neither makes one.
 * Returns OUT.
 */
const char *dpk_http_token_make(
	const char *etag, const char *date, char out[static DPK_TOKEN_MAX + 1]);

/*
 * The request header that asks for anything newer than TOKEN (which may be
 * NULL), or "" if it cannot have come from here. Returns OUT.
 */
#define DPK_HTTP_CONDITION_MAX (DPK_TOKEN_MAX + 32)
const char *dpk_http_token_to_header(const char *token, char out[static DPK_HTTP_CONDITION_MAX]);

#endif
