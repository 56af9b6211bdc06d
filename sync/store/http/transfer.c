/* SPDX-License-Identifier: MIT */
/*
 * libcurl with its conveniences turned off: no redirects, proxies, cookies,
 * .netrc, decompression or protocols that were not asked for. Sizes are counted
 * in the callbacks, for libcurl's own limits do not hold for chunked bodies.
 */
#include "store/http/transfer.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "store/http/access.h"
#include "store/http/failure.h"
#include "store/http/token.h"
#include "store/http/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 5000L
#define LOW_SPEED_BYTES    1000L /* a second, ... */
#define LOW_SPEED_SEC      10L   /* ... for this long, ends the transfer */

static void freeeasyp(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

/* Lines may hold the bearer token. */
static void freelistp(struct curl_slist **list)
{
	for (struct curl_slist *at = *list; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(*list);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct dpk_http_transfer *transfer = arg;

	(void)size; /* always 1 */
	if (dpk_buf_add(&transfer->answer->body, data, count) < 0) {
		transfer->body_too_big = true;
		return 0;
	}
	return count;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct dpk_http_transfer *transfer = arg;

	(void)data;
	(void)size;
	if (count > DPK_HTTP_HEADERS_MAX_BYTES - transfer->header_bytes) {
		transfer->headers_too_big = true;
		return 0;
	}
	transfer->header_bytes += count;
	return count;
}

static bool is_v4_allowed(uint32_t address, bool loopback_only)
{
	if (loopback_only)
		return address >> 24 == 127;
	return address >> 16 != 0xa9fe; /* 169.254/16: where clouds hand out credentials */
}

static bool is_v6_allowed(const struct in6_addr *address, bool loopback_only)
{
	uint32_t last;

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		memcpy(&last, &address->s6_addr[12], sizeof(last));
		return is_v4_allowed(ntohl(last), loopback_only);
	}
	return loopback_only ? IN6_IS_ADDR_LOOPBACK(address) : !IN6_IS_ADDR_LINKLOCAL(address);
}

/* Here, where the name is resolved, and not earlier, so that DNS cannot say two things. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct dpk_http_transfer *transfer = arg;
	bool allowed = false;

	(void)purpose;
	if (address->family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, &address->addr, sizeof(v4));
		allowed = is_v4_allowed(ntohl(v4.sin_addr.s_addr), transfer->loopback_only);
	} else if (address->family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, &address->addr, sizeof(v6));
		allowed = is_v6_allowed(&v6.sin6_addr, transfer->loopback_only);
	}
	if (!allowed) {
		transfer->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The result of a chain of setopt calls: one failure is enough to give up. */
#define SET(easy, option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_limits(CURL *easy, const struct dpk_http_get *get)
{
	long total = (long)get->timeout_ms;

	return SET(easy, CURLOPT_NOSIGNAL, 1L) && SET(easy, CURLOPT_TIMEOUT_MS, total) &&
	       SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
		       total < CONNECT_TIMEOUT_MS ? total : CONNECT_TIMEOUT_MS) &&
	       SET(easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES) &&
	       SET(easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SEC) &&
	       SET(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)dpk_http_url_max(get->url));
}

/* HTTP/1.1 is all that one small document needs, and the smaller part of libcurl. */
static bool set_manners(CURL *easy, bool plain)
{
	const char *protocol = plain ? "http" : "https";

	return SET(easy, CURLOPT_PROTOCOLS_STR, protocol) &&
	       SET(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocol) &&
	       SET(easy, CURLOPT_FOLLOWLOCATION, 0L) && SET(easy, CURLOPT_PROXY, "") &&
	       SET(easy, CURLOPT_NOPROXY, "*") &&
	       SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       SET(easy, CURLOPT_ACCEPT_ENCODING, NULL) &&
	       SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(easy, CURLOPT_HTTP09_ALLOWED, 0L) &&
	       SET(easy, CURLOPT_USERAGENT, "dpkeyfs/" DPK_VERSION);
}

static bool set_blob(CURL *easy, CURLoption option, const struct dpk_buf *buf)
{
	struct curl_blob blob = {
		.data = buf->data,
		.len = buf->len,
		.flags = CURL_BLOB_NOCOPY,
	};

	return buf->len == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_tls(CURL *easy, const struct dpk_http_access *access)
{
	bool own_ca = access->ca.len > 0 || access->ca_directory;

	if (!SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ||
		!SET(easy, CURLOPT_SSL_VERIFYPEER, 1L) || !SET(easy, CURLOPT_SSL_VERIFYHOST, 2L))
		return false;
	/* instead of the system's authorities, not beside them */
	if (own_ca && (!SET(easy, CURLOPT_CAINFO, NULL) ||
			      !SET(easy, CURLOPT_CAPATH, access->ca_directory)))
		return false;
	/* an empty passphrase, else OpenSSL asks for one on the terminal */
	return SET(easy, CURLOPT_KEYPASSWD, "") && SET(easy, CURLOPT_SSLCERTTYPE, "PEM") &&
	       SET(easy, CURLOPT_SSLKEYTYPE, "PEM") &&
	       set_blob(easy, CURLOPT_CAINFO_BLOB, &access->ca) &&
	       set_blob(easy, CURLOPT_SSLCERT_BLOB, &access->client_cert) &&
	       set_blob(easy, CURLOPT_SSLKEY_BLOB, &access->client_key);
}

static bool set_callbacks(CURL *easy, struct dpk_http_transfer *transfer)
{
	return SET(easy, CURLOPT_ERRORBUFFER, transfer->text) &&
	       SET(easy, CURLOPT_WRITEFUNCTION, on_body) &&
	       SET(easy, CURLOPT_WRITEDATA, transfer) &&
	       SET(easy, CURLOPT_HEADERFUNCTION, on_header) &&
	       SET(easy, CURLOPT_HEADERDATA, transfer) &&
	       SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) &&
	       SET(easy, CURLOPT_OPENSOCKETDATA, transfer);
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool set_headers(CURL *easy, const struct dpk_http_get *get, struct curl_slist **list)
{
	const struct dpk_buf *bearer = &get->access->bearer;
	_cleanup_(dpk_buf_fini) struct dpk_buf line = DPK_BUF_INIT(bearer->len + 64);

	if (get->condition[0] != '\0' && !add_line(list, get->condition))
		return false;
	if (bearer->len > 0 && (dpk_buf_addf(&line, "Authorization: Bearer %s", bearer->data) < 0 ||
				       !add_line(list, line.data)))
		return false;
	return SET(easy, CURLOPT_HTTPHEADER, *list) && SET(easy, CURLOPT_CURLU, get->url->parsed);
}

/* A header that occurs twice is as good as none: it does not say one thing. */
static const char *get_header(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
		header->amount != 1)
		return NULL;
	return header->value;
}

static void copy_header(CURL *easy, const char *name, char *out, size_t size)
{
	const char *value = get_header(easy, name);

	snprintf(out, size, "%s", value ? value : "");
}

static void read_answer(CURL *easy, struct dpk_http_answer *answer)
{
	char *location = NULL;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
	if (location && strlen(location) < sizeof(answer->location))
		snprintf(answer->location, sizeof(answer->location), "%s", location);
	copy_header(easy, "Retry-After", answer->retry_after, sizeof(answer->retry_after));
	copy_header(easy, "Content-Encoding", answer->encoding, sizeof(answer->encoding));
	dpk_http_token_make(
		get_header(easy, "ETag"), get_header(easy, "Last-Modified"), answer->token);
}

static void note_tls(CURL *easy, struct dpk_http_transfer *transfer)
{
	curl_off_t handshake_us = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &transfer->verify_result);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &handshake_us);
	transfer->tls_done = handshake_us > 0;
}

enum dpk_store_exit dpk_http_get(
	const struct dpk_http_get *get, struct dpk_http_answer *answer, struct dpk_err *err)
{
	struct dpk_http_transfer transfer = { .answer = answer,
		.loopback_only = get->url->plain && get->url->loopback };
	_cleanup_(freelistp) struct curl_slist *headers = NULL;
	_cleanup_(freeeasyp) CURL *easy = curl_easy_init();
	CURLcode code;

	answer->body.max = dpk_http_url_max(get->url);
	if (!easy || !set_limits(easy, get) || !set_manners(easy, get->url->plain) ||
		!set_tls(easy, get->access) || !set_callbacks(easy, &transfer) ||
		!set_headers(easy, get, &headers))
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "cannot set up libcurl");
	code = curl_easy_perform(easy);
	if (code != CURLE_OK) {
		note_tls(easy, &transfer);
		return dpk_http_explain(&transfer, code, get->url, err);
	}
	read_answer(easy, answer);
	return DPK_STORE_OK;
}

void dpk_http_answer_fini(struct dpk_http_answer *answer)
{
	dpk_buf_fini(&answer->body);
}
