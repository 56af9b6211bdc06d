/* SPDX-License-Identifier: MIT */
/*
 * The plain HTTPS store: one document or signed snapshot, read with one
 * conditional GET. It is not looked into: the daemon cuts or opens it.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/ticks.h"
#include "store/common/frames.h"
#include "store/common/store.h"
#include "store/http/access.h"
#include "store/http/token.h"
#include "store/http/transfer.h"
#include "store/http/url.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#define TOTAL_TIMEOUT_MS 30000
#define REDIRECTS_MAX    3

static void fini_url(struct dpk_http_url *url)
{
	dpk_http_url_fini(url);
}

/* A tenth of the daemon's patience is left for saying what went wrong. */
static uint64_t total_ms(const struct dpk_store_config *config)
{
	uint64_t ms = config->deadline_ms - config->deadline_ms / 10;

	return ms == 0 || ms > TOTAL_TIMEOUT_MS ? TOTAL_TIMEOUT_MS : ms;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Asks, and follows redirects within one server. URL ends where the answer came from. */
static enum dpk_store_exit ask(struct dpk_http_url *url, const struct dpk_http_access *access,
	const struct dpk_store_config *config, struct dpk_http_answer *answer, struct dpk_err *err)
{
	uint64_t end = dpk_monotonic_ms() + total_ms(config);
	char condition[DPK_HTTP_CONDITION_MAX];

	dpk_http_token_to_header(config->token, condition);
	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		uint64_t now = dpk_monotonic_ms();
		struct dpk_http_get get = { .url = url,
			.access = access,
			.condition = condition,
			.timeout_ms = now < end ? end - now : 1 };
		enum dpk_store_exit code;

		dpk_buf_reset(&answer->body);
		code = dpk_http_get(&get, answer, err);
		if (code != DPK_STORE_OK || !is_redirect(answer->status))
			return code;
		if (answer->location[0] == '\0')
			return dpk_store_answer(
				err, DPK_STORE_BAD_DATA, "'%s' redirects to nowhere", url->host);
		code = dpk_http_url_follow(url, answer->location, err);
		if (code != DPK_STORE_OK)
			return code;
	}
	return dpk_store_answer(err, DPK_STORE_BAD_DATA, "'%s' redirects more than %d times",
		url->host, REDIRECTS_MAX);
}

static enum dpk_store_exit code_of_status(const struct dpk_http_answer *answer)
{
	switch (answer->status) {
	case 401:
	case 407: return DPK_STORE_AUTH;
	case 403: return DPK_STORE_FORBIDDEN;
	case 404:
	case 410: return DPK_STORE_NOT_FOUND;
	case 408:
	case 425: return DPK_STORE_TRANSIENT;
	case 429: return DPK_STORE_THROTTLED;
	case 503: return answer->retry_after[0] ? DPK_STORE_THROTTLED : DPK_STORE_TRANSIENT;
	default: return answer->status >= 500 ? DPK_STORE_TRANSIENT : DPK_STORE_BAD_DATA;
	}
}

/* OK for what can be sent, UNCHANGED, or what is wrong. */
static enum dpk_store_exit judge(const struct dpk_http_url *url,
	const struct dpk_http_answer *answer, bool conditional, struct dpk_err *err)
{
	if (answer->status == 304 && conditional)
		return DPK_STORE_UNCHANGED;
	if (answer->status != 200)
		return dpk_store_answer(err, code_of_status(answer), "'%s' answers %ld%s%s",
			url->host, answer->status, answer->retry_after[0] ? ", retry after " : "",
			answer->retry_after);
	if (answer->encoding[0] != '\0' && strcasecmp(answer->encoding, "identity") != 0)
		return dpk_store_answer(err, DPK_STORE_BAD_DATA,
			"'%s' sends Content-Encoding '%s', which was not asked for", url->host,
			answer->encoding);
	if (answer->body.len == 0)
		return dpk_store_answer(err, DPK_STORE_BAD_DATA, "'%s' sends an empty %s",
			url->host, dpk_http_url_noun(url));
	return DPK_STORE_OK;
}

/* Nothing that proves who this node is may be read on the way. */
static enum dpk_store_exit check_secrets(
	const struct dpk_http_url *url, const struct dpk_store_config *config, struct dpk_err *err)
{
	if (!url->plain || url->loopback)
		return DPK_STORE_OK;
	if (config->credential || config->client_cert || config->client_key)
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"http:// to '%s' goes with neither credential= nor client_cert=; use https://",
			url->host);
	return DPK_STORE_OK;
}

/* One whole answer of the store that REQUEST names, judged. */
static enum dpk_store_exit get_whole(const struct dpk_store_request *request,
	struct dpk_http_url *url, struct dpk_http_answer *answer, struct dpk_err *err)
{
	_cleanup_(dpk_http_access_fini) struct dpk_http_access access = { .ca_directory = NULL };
	char condition[DPK_HTTP_CONDITION_MAX];
	enum dpk_store_exit code;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "cannot start libcurl");
	code = dpk_http_url_parse(request->url, url, err);
	if (code == DPK_STORE_OK)
		code = check_secrets(url, request->config, err);
	if (code == DPK_STORE_OK)
		code = dpk_http_access_load(request->config, &access, err);
	if (code == DPK_STORE_OK)
		code = ask(url, &access, request->config, answer, err);
	if (code != DPK_STORE_OK)
		return code;
	dpk_http_token_to_header(request->config->token, condition);
	return judge(url, answer, condition[0] != '\0', err);
}

/* "host:port/path", without the query: that is where secrets are. */
static int add_answer(struct dpk_frames *frames, const struct dpk_http_url *url,
	const struct dpk_http_answer *answer)
{
	_cleanup_(dpk_buf_fini) struct dpk_buf origin = DPK_BUF_INIT(DPK_STREAM_LINE_MAX);
	const char *slash = strrchr(url->path, '/');
	const char *name = slash ? slash + 1 : url->path;
	const struct dpk_buf *body = &answer->body;
	int r = dpk_buf_addf(&origin, "%s:%s%.512s", url->host, url->port, url->path);

	if (r == 0)
		r = url->is_signed ?
			    dpk_frames_snapshot(frames, origin.data, name, body->data, body->len) :
			    dpk_frames_document(frames, origin.data, name, body->data, body->len);
	return r == 0 ? dpk_frames_end(frames, answer->token) : r;
}

static enum dpk_store_exit https_fetch(
	const struct dpk_store_request *request, struct dpk_frames *frames, struct dpk_err *err)
{
	_cleanup_(dpk_http_answer_fini) struct dpk_http_answer answer = DPK_HTTP_ANSWER_INIT;
	_cleanup_(fini_url) struct dpk_http_url url = { .parsed = NULL };
	enum dpk_store_exit code = get_whole(request, &url, &answer, err);
	int r;

	if (code != DPK_STORE_OK)
		return code;
	r = add_answer(frames, &url, &answer);
	if (r < 0)
		dpk_err_wrap(err, r, "'%s'", url.host);
	return dpk_store_exit_of(r);
}

static enum dpk_store_exit https_probe(const struct dpk_store_request *request, struct dpk_err *err)
{
	_cleanup_(dpk_http_answer_fini) struct dpk_http_answer answer = DPK_HTTP_ANSWER_INIT;
	_cleanup_(fini_url) struct dpk_http_url url = { .parsed = NULL };
	enum dpk_store_exit code = get_whole(request, &url, &answer, err);

	if (code != DPK_STORE_OK)
		return code;
	return dpk_store_answer(err, DPK_STORE_OK, "'%s': a %s of %zu bytes; %s", url.host,
		dpk_http_url_noun(&url), answer.body.len,
		answer.token[0] ? "it is fetched again only after it changed" :
				  "without ETag or Last-Modified, each poll moves all of it");
}

int main(int argc, char **argv)
{
	static const struct dpk_store_ops ops = {
		.program = "store-https",
		.fetch = https_fetch,
		.wait = NULL,
		.probe = https_probe,
	};
	int code = dpk_store_main(&ops, argc, argv);

	curl_global_cleanup();
	return code;
}
