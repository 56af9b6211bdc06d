/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_HTTP_URL_H
#define DPK_STORE_HTTP_URL_H

#include <dpkeyfs/store-protocol.h>

#include <curl/curl.h>
#include <stdbool.h>

struct dpk_err;

/*
 * A URL that was found fit to be asked: https, or http to this machine or for
 * what is signed; no user and no password in it. Parsed by libcurl, and handed
 * to it parsed, so that what was checked is what is asked.
 */
struct dpk_http_url {
	CURLU *parsed;
	char *scheme, *host, *port, *path; /* owned, by curl_free */
	bool plain;                        /* http */
	bool loopback;                     /* by its name, this machine */
	bool is_signed;                    /* a signed snapshot (.p7m), as it was first named */
};

/* UNSUPPORTED with a text for a URL that is not fit. URL is initialised either way. */
enum dpk_store_exit dpk_http_url_parse(
	const char *text, struct dpk_http_url *url, struct dpk_err *err);

/*
 * Follows a redirect to TARGET (absolute): URL is replaced only if scheme,
 * host and port stay. BAD_DATA otherwise. What is expected there stays as well:
 * a server cannot turn a signed ring into an unsigned one.
 */
enum dpk_store_exit dpk_http_url_follow(
	struct dpk_http_url *url, const char *target, struct dpk_err *err);

/* The most bytes that an answer may have. */
size_t dpk_http_url_max(const struct dpk_http_url *url);

/* What an answer is called. */
const char *dpk_http_url_noun(const struct dpk_http_url *url);

void dpk_http_url_fini(struct dpk_http_url *url);

#endif
