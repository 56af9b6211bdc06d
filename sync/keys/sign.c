/* SPDX-License-Identifier: MIT */
/*
 * Signing. What may sign is decided by the reader's own rules, so that nothing
 * is written that no node would take.
 */
#include "keys/sign.h"

#include <dpkeyfs/limits.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "keys/signers.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#define PASSPHRASE_MAX 1024
#define SIGN_FLAGS     (CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP)

struct dpk_author {
	struct dpk_signers *signers; /* of one; owns the certificate */
	EVP_PKEY *key;
};

/* What opens a key, and whether it was asked for. */
struct passphrase {
	struct dpk_buf text;
	const char *path; /* NULL: there is none */
	bool asked;
};

static void passphrasep(struct passphrase *passphrase)
{
	dpk_buf_fini(&passphrase->text); /* wiped */
}

static void bufp(struct dpk_buf *buf)
{
	dpk_buf_fini(buf);
}

static void biop(BIO **bio)
{
	BIO_free(*bio);
}

static void cmsp(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

static void storep(OSSL_STORE_CTX **store)
{
	OSSL_STORE_close(*store);
}

static void uip(UI_METHOD **method)
{
	UI_destroy_method(*method);
}

static void authorp(struct dpk_author **author)
{
	dpk_author_free(*author);
}

void dpk_author_free(struct dpk_author *author)
{
	if (!author)
		return;
	EVP_PKEY_free(author->key);
	dpk_signers_free(author->signers);
	free(author);
}

const struct dpk_signers *dpk_author_signers(const struct dpk_author *author)
{
	return author->signers;
}

bool dpk_author_equal(const struct dpk_author *a, const struct dpk_author *b)
{
	return memcmp(dpk_signers_at(a->signers, 0)->spki, dpk_signers_at(b->signers, 0)->spki,
		       DPK_HASH_BYTES) == 0;
}

/* OpenSSL's pem_password_cb: without a passphrase it fails instead of asking on the terminal. */
static int give_passphrase(char *out, int size, int writing, void *data)
{
	struct passphrase *passphrase = data;

	(void)writing;
	passphrase->asked = true;
	if (!passphrase->path || !passphrase->text.data || (size_t)size < passphrase->text.len)
		return -1;
	memcpy(out, passphrase->text.data, passphrase->text.len);
	return (int)passphrase->text.len;
}

static int read_passphrase(const char *path, struct passphrase *passphrase, struct dpk_err *err)
{
	struct dpk_buf *text = &passphrase->text;
	char *newline;
	int r;

	if (!path)
		return 0;
	r = dpk_read_file(path, DPK_FILE_SECRET, text, err);
	if (r < 0)
		return r;
	newline = text->len ? memchr(text->data, '\n', text->len) : NULL;
	if (newline)
		text->len = (size_t)(newline - text->data);
	if (text->len > 0 && text->data[text->len - 1] == '\r')
		text->len--;
	if (text->len == 0)
		return dpk_err_set(err, -EINVAL,
			"'%s' is empty; the passphrase is the first line of that file", path);
	passphrase->path = path;
	return 0;
}

static int key_closed(const char *key, const struct passphrase *passphrase, struct dpk_err *err)
{
	if (!passphrase->asked)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds no private key in PEM; convert it: openssl pkey -in '%s' -out "
			"KEY.pem",
			key, key);
	if (passphrase->path)
		return dpk_err_set(err, -EINVAL,
			"the passphrase in '%s' does not open the key '%s'", passphrase->path, key);
	return dpk_err_set(err, -EINVAL,
		"the key '%s' has a passphrase; name a file that holds it (--passphrase, "
		"--cosign-passphrase)",
		key);
}

static int load_pem(
	const char *path, struct passphrase *passphrase, EVP_PKEY **ret_key, struct dpk_err *err)
{
	_cleanup_(bufp) struct dpk_buf text = DPK_BUF_INIT(DPK_PEM_FILE_MAX);
	_cleanup_(biop) BIO *bio = NULL;
	int r = dpk_read_file(path, DPK_FILE_SECRET, &text, err);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(text.data ? text.data : "", (int)text.len);
	if (!bio)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	*ret_key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, passphrase);
	return *ret_key ? 0 : key_closed(path, passphrase, err);
}

/* The first private key that the store yields; NULL for none. */
static EVP_PKEY *first_key(OSSL_STORE_CTX *store)
{
	EVP_PKEY *key = NULL;

	while (!key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info && OSSL_STORE_error(store))
			break;
		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	return key;
}

static int load_token(
	const char *uri, struct passphrase *passphrase, EVP_PKEY **ret_key, struct dpk_err *err)
{
	_cleanup_(uip) UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
	_cleanup_(storep) OSSL_STORE_CTX *store = NULL;

	if (strcasestr(uri, "pin-value"))
		return dpk_err_set(err, -EINVAL,
			"a PIN does not belong on a command line; put it into a file and name that with "
			"--passphrase or --cosign-passphrase");
	store = ui ? OSSL_STORE_open(uri, ui, passphrase, NULL, NULL) : NULL;
	if (!store)
		return dpk_err_set(err, -EINVAL,
			"OpenSSL has no provider here that opens '%s'; install pkcs11-provider, activate "
			"it in openssl.cnf, and check with: openssl storeutl -keys 'URI'",
			uri);
	if (!OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
		ERR_clear_error();
	*ret_key = first_key(store);
	if (!*ret_key)
		return dpk_err_set(err, -EINVAL,
			"the token gave no private key for '%s'%s; check the URI with: openssl storeutl "
			"-keys 'URI'",
			uri,
			passphrase->asked && !passphrase->path ?
				" and wants a PIN (--passphrase, --cosign-passphrase)" :
				"");
	return 0;
}

static int load_key(
	const char *key, const char *passphrase_path, EVP_PKEY **ret_key, struct dpk_err *err)
{
	_cleanup_(passphrasep) struct passphrase passphrase = { .text = DPK_BUF_INIT(
									PASSPHRASE_MAX) };
	int r = read_passphrase(passphrase_path, &passphrase, err);

	if (r < 0)
		return r;
	ERR_clear_error();
	r = strncasecmp(key, "pkcs11:", 7) == 0 ? load_token(key, &passphrase, ret_key, err) :
						  load_pem(key, &passphrase, ret_key, err);
	/* OpenSSL queues what happened for whoever looks next in this thread */
	ERR_clear_error();
	return r;
}

int dpk_author_load(const char *cert, const char *key, const char *passphrase,
	struct dpk_author **ret_author, struct dpk_err *err)
{
	_cleanup_(authorp) struct dpk_author *author = calloc(1, sizeof(*author));
	int r;

	if (!author)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", cert);
	r = dpk_signers_load(cert, &author->signers, err);
	if (r < 0)
		return r;
	if (dpk_signers_count(author->signers) != 1)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds the certificates of several keys; name the file of the one that "
			"signs with '%s'",
			cert, key);
	r = load_key(key, passphrase, &author->key, err);
	if (r < 0)
		return r;
	r = X509_check_private_key(dpk_signers_at(author->signers, 0)->cert, author->key);
	ERR_clear_error();
	if (r != 1)
		return dpk_err_set(err, -EINVAL, "the certificate '%s' is not that of the key '%s'",
			cert, key);
	*ret_author = steal_ptr(&author);
	return 0;
}

static int add_signers(
	CMS_ContentInfo *cms, struct dpk_author *const *authors, size_t count, struct dpk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct dpk_signer *signer = dpk_signers_at(authors[i]->signers, 0);

		if (!CMS_add1_signer(cms, signer->cert, authors[i]->key, EVP_sha256(), SIGN_FLAGS))
			return dpk_err_set(err, -EIO, "the key of '%s' cannot sign: %s",
				signer->subject, ERR_reason_error_string(ERR_peek_last_error()));
	}
	return 0;
}

static int add_der(CMS_ContentInfo *cms, struct dpk_buf *der)
{
	int len = i2d_CMS_ContentInfo(cms, NULL);
	unsigned char *at;

	if (len <= 0)
		return -ENOMEM;
	if ((size_t)len > der->max - der->len)
		return -EFBIG;
	at = (unsigned char *)dpk_buf_reserve(der, (size_t)len);
	if (!at || i2d_CMS_ContentInfo(cms, &at) != len)
		return -ENOMEM;
	der->len += (size_t)len;
	der->data[der->len] = '\0';
	return 0;
}

int dpk_envelope_make(struct dpk_author *const *authors, size_t count, const uint8_t *content,
	size_t size, struct dpk_buf *der, struct dpk_err *err)
{
	_cleanup_(biop) BIO *bio = BIO_new_mem_buf(content, (int)size);
	_cleanup_(cmsp) CMS_ContentInfo *cms = NULL;
	int r;

	ERR_clear_error();
	cms = bio ? CMS_sign(NULL, NULL, NULL, NULL, SIGN_FLAGS) : NULL;
	if (!cms)
		return dpk_err_set(err, -ENOMEM, "no memory to sign");
	r = add_signers(cms, authors, count, err);
	if (r == 0 && !CMS_final(cms, bio, NULL, SIGN_FLAGS))
		r = dpk_err_set(err, -EIO, "a key did not sign: %s",
			ERR_reason_error_string(ERR_peek_last_error()));
	if (r == 0) {
		r = add_der(cms, der);
		if (r < 0)
			dpk_err_set(err, r, "the envelope cannot be written: %s", strerror(-r));
	}
	ERR_clear_error();
	return r;
}
