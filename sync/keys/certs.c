/* SPDX-License-Identifier: MIT */
/*
 * The pinned certificates. They come from the administrator and are the only
 * certificates that are ever parsed; validity dates, chains and usages are not
 * looked at, because .NET does not look at them when it unwraps.
 */
#include "keys/certs.h"

#include <dpkeyfs/limits.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ticks.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

struct dpk_certs {
	size_t count;
	struct dpk_cert items[DPK_WRAP_CERTS_MAX];
};

static void biop(BIO **bio)
{
	BIO_free(*bio);
}

static void x509p(X509 **x509)
{
	X509_free(*x509);
}

static void bufp(struct dpk_buf *buf)
{
	dpk_buf_fini(buf);
}

/* One block of a PEM file, as OpenSSL gives it. */
struct block {
	char *name;
	char *header;
	unsigned char *data;
	long size;
};

static void blockp(struct block *block)
{
	/* the block may be the private key that somebody keeps in the same file */
	OPENSSL_clear_free(block->data, block->data ? (size_t)block->size : 0);
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
}

size_t dpk_certs_count(const struct dpk_certs *certs)
{
	return certs->count;
}

const struct dpk_cert *dpk_certs_at(const struct dpk_certs *certs, size_t index)
{
	return &certs->items[index];
}

const struct dpk_cert *dpk_certs_find(const struct dpk_certs *certs, const uint8_t *sha256)
{
	for (size_t i = 0; certs && i < certs->count; i++)
		if (memcmp(certs->items[i].sha256, sha256, DPK_HASH_BYTES) == 0)
			return &certs->items[i];
	return NULL;
}

void dpk_certs_free(struct dpk_certs *certs)
{
	free(certs);
}

static int64_t ticks_of(const ASN1_TIME *time)
{
	struct timespec ts = { 0 };
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return 0;
	ts.tv_sec = timegm(&tm);
	return dpk_ticks_from_timespec(&ts);
}

static void read_subject(const X509 *x509, char *subject, size_t size)
{
	_cleanup_(biop) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	subject[0] = '\0';
	if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0, XN_FLAG_RFC2253) < 0)
		return;
	len = BIO_get_mem_data(bio, &text);
	dpk_printable(text, len > 0 ? (size_t)len : 0, subject, size);
}

static int add_rsa(struct dpk_certs *certs, const X509 *x509, const struct block *block,
	const char *path, struct dpk_err *err)
{
	struct dpk_cert cert = { 0 };

	cert.modulus_bytes = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(x509));
	cert.not_before = ticks_of(X509_get0_notBefore(x509));
	cert.not_after = ticks_of(X509_get0_notAfter(x509));
	read_subject(x509, cert.subject, sizeof(cert.subject));
	snprintf(cert.path, sizeof(cert.path), "%s", path);
	if (dpk_hash(block->data, (size_t)block->size, cert.sha256) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	if (dpk_certs_find(certs, cert.sha256))
		return 0;
	if (certs->count == DPK_WRAP_CERTS_MAX)
		return dpk_err_set(err, -E2BIG,
			"'%s' goes beyond %d certificates; keep only those that keys are wrapped to",
			path, DPK_WRAP_CERTS_MAX);
	certs->items[certs->count++] = cert;
	return 0;
}

static int add_block(
	struct dpk_certs *certs, const struct block *block, const char *path, struct dpk_err *err)
{
	const unsigned char *end = block->data;
	_cleanup_(x509p) X509 *x509 = NULL;
	EVP_PKEY *key;

	if (strcmp(block->name, PEM_STRING_X509) != 0)
		return 0;
	x509 = d2i_X509(NULL, &end, block->size);
	/* the digest is over the block, so nothing may follow the certificate in it */
	if (!x509 || end != block->data + block->size)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds a CERTIFICATE block that is no certificate; export it again as PEM",
			path);
	key = X509_get0_pubkey(x509);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		dpk_warning("certificate in '%s' left out: its key is not RSA, and .NET wraps keys "
			    "with RSA only",
			path);
		return 0;
	}
	return add_rsa(certs, x509, block, path, err);
}

static int add_blocks(struct dpk_certs *certs, BIO *bio, const char *path, struct dpk_err *err)
{
	size_t blocks = 0;
	int r;

	for (;; blocks++) {
		_cleanup_(blockp) struct block block = { 0 };

		if (!PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size))
			break;
		r = add_block(certs, &block, path, err);
		if (r < 0)
			return r;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && blocks > 0)
		return 0;
	if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	return dpk_err_set(err, -EINVAL,
		"'%s' is not a PEM file%s; if it is DER, convert it: openssl x509 -inform der -in '%s' "
		"-out CERT.pem",
		path, blocks ? " to its end" : "", path);
}

static int add_file(struct dpk_certs *certs, const char *path, struct dpk_err *err)
{
	_cleanup_(bufp) struct dpk_buf buf = DPK_BUF_INIT(DPK_PEM_FILE_MAX);
	_cleanup_(biop) BIO *bio = NULL;
	int r;

	r = dpk_read_file(path, DPK_FILE_CONFIG, &buf, err);
	if (r < 0)
		return r;
	ERR_clear_error();
	bio = BIO_new_mem_buf(buf.data ? buf.data : "", (int)buf.len);
	r = bio ? add_blocks(certs, bio, path, err) :
		  dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	/* OpenSSL queues what happened for whoever looks next in this thread */
	ERR_clear_error();
	return r;
}

static int is_certificate_file(const struct dirent *entry)
{
	static const char *const endings[] = { ".pem", ".crt", ".cer" };
	size_t len = strlen(entry->d_name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (entry->d_name[0] != '.' && len > 4 &&
			strcmp(entry->d_name + len - 4, endings[i]) == 0)
			return 1;
	return 0;
}

static int check_directory(const char *path, const struct stat *st, struct dpk_err *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dpk_err_set(err, -EPERM,
			"'%s' belongs to uid %u, who could add certificates; chown it to root",
			path, (unsigned int)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return dpk_err_set(err, -EPERM,
			"'%s' is writable by its group or by others, who could add certificates; run: "
			"chmod go-w '%s'",
			path, path);
	return 0;
}

static int add_entry(
	struct dpk_certs *certs, const char *directory, const char *name, struct dpk_err *err)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", directory);
	}
	return add_file(certs, path, err);
}

/* In the order of the names, so that messages do not depend on the file system. */
static int add_directory(struct dpk_certs *certs, const char *path, struct dpk_err *err)
{
	struct dirent **entries = NULL;
	int count, r = 0;

	count = scandir(path, &entries, is_certificate_file, alphasort);
	if (count < 0) {
		r = -errno;
		return dpk_err_set(err, r, "cannot list '%s': %s", path, strerror(-r));
	}
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_entry(certs, path, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int load(struct dpk_certs *certs, const char *path, struct dpk_err *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		r = -errno;
		return dpk_err_set(err, r,
			"cannot open wrap_certs '%s': %s; name the PEM file or directory that holds the "
			"wrapping certificates",
			path, strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return add_file(certs, path, err);
	r = check_directory(path, &st, err);
	return r < 0 ? r : add_directory(certs, path, err);
}

int dpk_certs_load(const char *path, struct dpk_certs **ret_certs, struct dpk_err *err)
{
	_cleanup_(freep) struct dpk_certs *certs = calloc(1, sizeof(*certs));
	int r;

	if (!certs)
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", path);
	r = load(certs, path, err);
	if (r < 0)
		return r;
	if (certs->count == 0)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds no RSA certificate; put the PEM of each certificate there that keys "
			"are wrapped to",
			path);
	*ret_certs = steal_ptr(&certs);
	return 0;
}
