/* SPDX-License-Identifier: MIT */
/* What libcurl's failures mean to an administrator. */
#include "store/http/failure.h"

#include "base/err.h"
#include "store/http/url.h"

#include <dpkeyfs/limits.h>

#include <openssl/x509_vfy.h>
#include <string.h>

static enum dpk_store_exit code_of(const struct dpk_http_transfer *transfer, CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_INVALIDCERTSTATUS: return DPK_STORE_TLS;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		/* in TLS 1.3 a refused client certificate is heard of only at the first read */
		return strstr(transfer->text, "alert") ? DPK_STORE_TLS : DPK_STORE_TRANSIENT;
	case CURLE_URL_MALFORMAT: return DPK_STORE_UNSUPPORTED;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9; the URL itself has been checked */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING: return DPK_STORE_BAD_DATA;
	case CURLE_FILESIZE_EXCEEDED: return DPK_STORE_TOO_BIG;
	default: return DPK_STORE_TRANSIENT;
	}
}

static const char *remedy_of(const struct dpk_http_transfer *transfer, CURLcode code)
{
	switch (transfer->verify_result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID: return "; renew it there, or set this machine's clock";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "; name the authority that issued it with ca=";
	default: break;
	}
	switch (code) {
	case CURLE_SSL_CERTPROBLEM: return "; see client_cert= and client_key=";
	case CURLE_SSL_CACERT_BADFILE: return "; see ca=";
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR: return "; see client_cert=";
	default: return "";
	}
}

/*
 * Some servers want a client certificate and only hang up without it; whether
 * their alert arrives before the end of the connection is a matter of luck.
 */
static const char *hint_of(
	const struct dpk_http_transfer *transfer, enum dpk_store_exit answer, CURLcode code)
{
	if (answer == DPK_STORE_TLS)
		return remedy_of(transfer, code);
	if (transfer->tls_done && transfer->header_bytes == 0 &&
		(code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING))
		return "; if it wants a client certificate, see client_cert=";
	return "";
}

enum dpk_store_exit dpk_http_explain(const struct dpk_http_transfer *transfer, CURLcode code,
	const struct dpk_http_url *url, struct dpk_err *err)
{
	enum dpk_store_exit answer = code_of(transfer, code);

	if (transfer->body_too_big || code == CURLE_FILESIZE_EXCEEDED)
		return dpk_store_answer(err, DPK_STORE_TOO_BIG,
			"'%s' sends a %s of more than %zu bytes", url->host, dpk_http_url_noun(url),
			dpk_http_url_max(url));
	if (transfer->headers_too_big)
		return dpk_store_answer(err, DPK_STORE_TOO_BIG,
			"'%s' sends more than %zu bytes of headers", url->host,
			DPK_HTTP_HEADERS_MAX_BYTES);
	if (transfer->address_refused && code == CURLE_COULDNT_CONNECT)
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"'%s' is at an address where no store may be: %s", url->host,
			transfer->loopback_only ? "http:// is for this machine only" :
						  "link-local");
	return dpk_store_answer(err, answer, "'%s': %s%s", url->host,
		transfer->text[0] ? transfer->text : curl_easy_strerror(code),
		hint_of(transfer, answer, code));
}
