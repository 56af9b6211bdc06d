/* SPDX-License-Identifier: MIT */
/* Which URLs may be asked. Opens no connection. */
#include "store/http/url.h"

#include "base/err.h"
#include "store/common/store.h"

#include <dpkeyfs/limits.h>

#include <errno.h>
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_loopback(const char *host)
{
	struct in_addr v4;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool has_part(CURLU *parsed, CURLUPart what)
{
	char *part = NULL;
	bool has = curl_url_get(parsed, what, &part, 0) == CURLUE_OK;

	curl_free(part);
	return has;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The text never quotes the URL: its query, or its user, may be a secret. */
static enum dpk_store_exit check(struct dpk_http_url *url, struct dpk_err *err)
{
	url->plain = strcasecmp(url->scheme, "http") == 0;
	if (!url->plain && strcasecmp(url->scheme, "https") != 0)
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"the URL is neither https:// nor http:// to this machine or to a .p7m");
	if (has_part(url->parsed, CURLUPART_USER) || has_part(url->parsed, CURLUPART_PASSWORD))
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"a user or password in the URL is shown by mount(8) and ps(1); use credential=");
	url->loopback = is_loopback(url->host);
	if (url->plain && !url->loopback && !url->is_signed)
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"http:// to '%s' would let anyone on the way write the ring; use https:// or a signed .p7m",
			url->host);
	return DPK_STORE_OK;
}

static enum dpk_store_exit parse(const char *text, struct dpk_http_url *url, struct dpk_err *err)
{
	CURLUcode code;

	*url = (struct dpk_http_url){ .parsed = curl_url() };
	if (!url->parsed)
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "out of memory");
	code = curl_url_set(url->parsed, CURLUPART_URL, text, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(url->parsed, CURLUPART_SCHEME, &url->scheme, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(url->parsed, CURLUPART_HOST, &url->host, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(url->parsed, CURLUPART_PORT, &url->port, CURLU_DEFAULT_PORT);
	if (code == CURLUE_OK)
		code = curl_url_get(url->parsed, CURLUPART_PATH, &url->path, 0);
	if (code != CURLUE_OK)
		return dpk_store_answer(
			err, DPK_STORE_UNSUPPORTED, "not a URL: %s", curl_url_strerror(code));
	return DPK_STORE_OK;
}

enum dpk_store_exit dpk_http_url_parse(
	const char *text, struct dpk_http_url *url, struct dpk_err *err)
{
	enum dpk_store_exit code = parse(text, url, err);

	if (code != DPK_STORE_OK)
		return code;
	url->is_signed = ends_with(url->path, ".p7m");
	return check(url, err);
}

static bool same_server(const struct dpk_http_url *a, const struct dpk_http_url *b)
{
	return strcasecmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 &&
	       strcmp(a->port, b->port) == 0;
}

enum dpk_store_exit dpk_http_url_follow(
	struct dpk_http_url *url, const char *target, struct dpk_err *err)
{
	struct dpk_http_url next;
	enum dpk_store_exit code = parse(target, &next, err);

	next.is_signed = url->is_signed;
	if (code == DPK_STORE_OK)
		code = check(&next, err);
	if (code != DPK_STORE_OK) {
		dpk_err_wrap(err, -EIO, "a redirect from '%s' is not followed", url->host);
		code = DPK_STORE_BAD_DATA;
	} else if (!same_server(url, &next)) {
		code = dpk_store_answer(err, DPK_STORE_BAD_DATA,
			"'%s' redirects to %s://%s:%s, another server: not followed; if that is "
			"where the ring is, name it in the store URL",
			url->host, next.scheme, next.host, next.port);
	} else {
		struct dpk_http_url old = *url;

		*url = next;
		next = old;
	}
	dpk_http_url_fini(&next);
	return code;
}

size_t dpk_http_url_max(const struct dpk_http_url *url)
{
	return url->is_signed ? DPK_ENVELOPE_MAX_BYTES : DPK_DOCUMENT_MAX_BYTES;
}

const char *dpk_http_url_noun(const struct dpk_http_url *url)
{
	return url->is_signed ? "signed snapshot" : "document";
}

void dpk_http_url_fini(struct dpk_http_url *url)
{
	curl_url_cleanup(url->parsed);
	curl_free(url->scheme);
	curl_free(url->host);
	curl_free(url->port);
	curl_free(url->path);
	*url = (struct dpk_http_url){ .parsed = NULL };
}
