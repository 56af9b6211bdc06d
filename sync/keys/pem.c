/* SPDX-License-Identifier: MIT */
/* PEM files and directories of them, block by block. They are the administrator's. */
#include "keys/pem.h"

#include <dpkeyfs/limits.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/io.h"
#include "base/ticks.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

struct reader {
	dpk_pem_function *function;
	void *user;
	const char *what;
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

int64_t dpk_pem_ticks(const ASN1_TIME *time)
{
	struct timespec ts = { 0 };
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return 0;
	ts.tv_sec = timegm(&tm);
	return dpk_ticks_from_timespec(&ts);
}

void dpk_pem_subject(const X509 *x509, char *subject, size_t size)
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

static int add_block(const struct reader *reader, const struct block *block, const char *path,
	struct dpk_err *err)
{
	const unsigned char *end = block->data;
	_cleanup_(x509p) X509 *x509 = NULL;
	struct dpk_pem_cert cert;

	if (strcmp(block->name, PEM_STRING_X509) != 0)
		return 0;
	x509 = d2i_X509(NULL, &end, block->size);
	/* digests are over the block, so nothing may follow the certificate in it */
	if (!x509 || end != block->data + block->size)
		return dpk_err_set(err, -EINVAL,
			"'%s' holds a CERTIFICATE block that is no certificate; export it again as PEM",
			path);
	cert = (struct dpk_pem_cert){ x509, block->data, (size_t)block->size, path };
	return reader->function(reader->user, &cert, err);
}

static int add_blocks(const struct reader *reader, BIO *bio, const char *path, struct dpk_err *err)
{
	size_t blocks = 0;
	int r;

	for (;; blocks++) {
		_cleanup_(blockp) struct block block = { 0 };

		if (!PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size))
			break;
		r = add_block(reader, &block, path, err);
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

static int add_file(const struct reader *reader, const char *path, struct dpk_err *err)
{
	_cleanup_(bufp) struct dpk_buf buf = DPK_BUF_INIT(DPK_PEM_FILE_MAX);
	_cleanup_(biop) BIO *bio = NULL;
	int r;

	r = dpk_read_file(path, DPK_FILE_CONFIG, &buf, err);
	if (r < 0)
		return r;
	ERR_clear_error();
	bio = BIO_new_mem_buf(buf.data ? buf.data : "", (int)buf.len);
	r = bio ? add_blocks(reader, bio, path, err) :
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
	const struct reader *reader, const char *directory, const char *name, struct dpk_err *err)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return dpk_err_set(err, -ENOMEM, "no memory to read '%s'", directory);
	}
	return add_file(reader, path, err);
}

/* In the order of the names, so that messages do not depend on the file system. */
static int add_directory(const struct reader *reader, const char *path, struct dpk_err *err)
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
			r = add_entry(reader, path, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int load(const struct reader *reader, const char *path, struct dpk_err *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		r = -errno;
		return dpk_err_set(err, r,
			"cannot open %s '%s': %s; name a PEM file, or a directory of them",
			reader->what, path, strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return add_file(reader, path, err);
	r = check_directory(path, &st, err);
	return r < 0 ? r : add_directory(reader, path, err);
}

int dpk_pem_read(const char *path, const char *what, dpk_pem_function *function, void *user,
	struct dpk_err *err)
{
	const struct reader reader = { function, user, what };

	return load(&reader, path, err);
}
