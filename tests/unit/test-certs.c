/* SPDX-License-Identifier: MIT */
/* Pinned certificates: from files and directories, and what is not one. */
#include "keys/certs.h"

#include <dpkeyfs/limits.h>

#include "base/num.h"
#include "base/ticks.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of our own, with what the tests put there. */
static char scratch[] = "/tmp/dpk-test-certs-XXXXXX";

static const char *in_scratch(char path[static FIXTURE_PATH_MAX], const char *name)
{
	snprintf(path, FIXTURE_PATH_MAX, "%s/%s", scratch, name);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	char path[FIXTURE_PATH_MAX];
	FILE *f = fopen(in_scratch(path, name), "w");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
	chmod(path, 0644);
}

/* Appends the fixtures NAMES (up to a NULL) to BUF. */
static void read_fixtures(struct dpk_buf *buf, const char *const *names)
{
	char path[FIXTURE_PATH_MAX];

	for (; *names; names++)
		if (dpk_read_file(fixture_path(path, "certs/%s", *names), DPK_FILE_ANY, buf, NULL) <
			0)
			abort();
}

static void put_fixtures(const char *name, const char *const *names)
{
	struct dpk_buf buf = DPK_BUF_INIT(1u << 20);

	read_fixtures(&buf, names);
	put(name, buf.data, buf.len);
	dpk_buf_fini(&buf);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void drop(const char *name)
{
	char path[FIXTURE_PATH_MAX];

	unlink(in_scratch(path, name));
}

/* Loads PATH; expects RESULT, and COUNT certificates where it is 0. */
static void loads(const char *path, int result, size_t count, const char *what)
{
	struct dpk_certs *certs = NULL;
	struct dpk_err err = DPK_ERR_INIT;

	is_num(dpk_certs_load(path, &certs, &err), result, what);
	if (result == 0 && certs)
		is_num(dpk_certs_count(certs), count, "that many certificates");
	else
		ok(!certs && strstr(err.text, path) != NULL, "it names the path: %s", err.text);
	dpk_certs_free(certs);
}

static void loads_name(const char *name, int result, size_t count, const char *what)
{
	char path[FIXTURE_PATH_MAX];

	loads(in_scratch(path, name), result, count, what);
}

static void test_one(void)
{
	char path[FIXTURE_PATH_MAX], hex[2 * DPK_HASH_BYTES + 1], date[DPK_TICKS_STRING_MAX];
	const struct dpk_cert *cert;
	struct dpk_certs *certs = NULL;
	uint8_t other[DPK_HASH_BYTES] = { 0 };

	if (dpk_certs_load(fixture_path(path, "certs/wrap-b.pem"), &certs, NULL) < 0)
		abort();
	cert = dpk_certs_at(certs, 0);
	is_num(dpk_certs_count(certs), 1, "one certificate");
	is_num(cert->modulus_bytes, 384, "RSA 3072");
	is_str(cert->subject, "CN=dpkeyfs test wrap-b", "subject");
	is_str(cert->path, path, "path");
	dpk_hex(cert->sha256, DPK_HASH_BYTES, hex);
	is_str(hex, "3cbaaa8d84053bf6c554811cc033e4453eeb19674c6c6353591b220e557e873f",
		"SHA-256 of the DER");
	is_str(dpk_ticks_to_string(cert->not_before, date), "2026-11-21T12:37:30Z", "not before");
	is_str(dpk_ticks_to_string(cert->not_after, date), "2046-11-16T12:37:30Z", "not after");
	ok(dpk_certs_find(certs, cert->sha256) == cert, "it is found");
	ok(!dpk_certs_find(certs, other), "another is not");
	ok(!dpk_certs_find(NULL, other), "in no set is nothing");
	dpk_certs_free(certs);
	dpk_certs_free(NULL);
}

static void test_files(void)
{
	static const char der[] = "\x30\x82\x05\x1d\x30\x82";
	static const char broken[] =
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	static const char cut[] = "-----BEGIN CERTIFICATE-----\nAAAA\n";

	put_fixtures(
		"many", NAMES("wrap-a.pem", "wrap-b.key", "ec.pem", "wrap-b.pem", "wrap-a.pem"));
	loads_name("many", 0, 2, "a bundle with a private key, EC and the same one twice");
	put_fixtures("ec", NAMES("ec.pem"));
	loads_name("ec", -EINVAL, 0, "only EC");
	put_fixtures("key", NAMES("wrap-a.key"));
	loads_name("key", -EINVAL, 0, "only a private key");
	put("der", der, sizeof(der) - 1);
	loads_name("der", -EINVAL, 0, "DER");
	put("empty", "", 0);
	loads_name("empty", -EINVAL, 0, "empty");
	put("broken", broken, sizeof(broken) - 1);
	loads_name("broken", -EINVAL, 0, "a block that is no certificate");
	put("cut", cut, sizeof(cut) - 1);
	loads_name("cut", -EINVAL, 0, "a block without its end");
	loads_name("none", -ENOENT, 0, "no file");
	drop("many");
	drop("ec");
	drop("key");
	drop("der");
	drop("empty");
	drop("broken");
	drop("cut");
}

static void test_trailing_bytes(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(1u << 20);

	read_fixtures(&buf, NAMES("wrap-a.pem"));
	dpk_buf_adds(&buf, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	put("tail", buf.data, buf.len);
	loads_name("tail", -EINVAL, 0, "a good certificate and half a block");
	dpk_buf_reset(&buf);
	read_fixtures(&buf, NAMES("wrap-a.pem"));
	dpk_buf_adds(&buf, "\nsome words after the last block\n");
	put("tail", buf.data, buf.len);
	loads_name("tail", 0, 1, "words around the blocks");
	drop("tail");
	dpk_buf_fini(&buf);
}

static void test_directory(void)
{
	char path[FIXTURE_PATH_MAX], link[FIXTURE_PATH_MAX];

	loads(scratch, -EINVAL, 0, "an empty directory");
	put_fixtures("a.pem", NAMES("wrap-a.pem"));
	put_fixtures("b.crt", NAMES("wrap-b.pem"));
	put_fixtures("c.cer", NAMES("wrap-c.pem"));
	put_fixtures("d.pem", NAMES("wrap-a.pem", "wrap-a.key"));
	put_fixtures("ec.pem", NAMES("ec.pem"));
	put(".hidden.pem", "x", 1);
	put("notes.txt", "x", 1);
	loads(scratch, 0, 3, "the certificates of a directory");
	symlink(in_scratch(path, "a.pem"), in_scratch(link, "link.pem"));
	loads(scratch, 0, 3, "links are followed");
	drop("link.pem");
	symlink("/nonexistent", in_scratch(link, "gone.pem"));
	is_num(dpk_certs_load(scratch, &(struct dpk_certs *){ NULL }, NULL), -ENOENT,
		"a link to nothing fails, for what was pinned would be missing");
	drop("gone.pem");
	put("x.pem", "x", 1);
	is_num(dpk_certs_load(scratch, &(struct dpk_certs *){ NULL }, NULL), -EINVAL,
		"so does a file that is no PEM");
	drop("x.pem");
}

static void test_permissions(void)
{
	char path[FIXTURE_PATH_MAX];

	chmod(scratch, 0770);
	loads(scratch, -EPERM, 0, "a directory that its group can write");
	chmod(scratch, 0702);
	loads(scratch, -EPERM, 0, "a directory that others can write");
	chmod(scratch, 0755);
	chmod(in_scratch(path, "a.pem"), 0664);
	loads(path, -EPERM, 0, "a file that its group can write");
	is_num(dpk_certs_load(scratch, &(struct dpk_certs *){ NULL }, NULL), -EPERM,
		"also in a directory");
	chmod(path, 0644);
	if (geteuid() == 0) {
		chown(path, 65534, 65534);
		loads(path, -EPERM, 0, "a file that somebody else owns");
		chown(path, 0, 0);
	}
}

/* N certificates that differ in their serial numbers only, signed with one key. */
static void make_certificates(struct dpk_buf *buf, int n)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);

	for (int i = 0; i < n; i++) {
		X509 *x509 = X509_new();
		BIO *bio = BIO_new(BIO_s_mem());
		char *text;
		long len;

		ASN1_INTEGER_set(X509_get_serialNumber(x509), i + 1);
		X509_gmtime_adj(X509_getm_notBefore(x509), 0);
		X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
		X509_set_pubkey(x509, key);
		if (!X509_sign(x509, key, EVP_sha256()) || !PEM_write_bio_X509(bio, x509))
			abort();
		len = BIO_get_mem_data(bio, &text);
		dpk_buf_add(buf, text, (size_t)len);
		BIO_free(bio);
		X509_free(x509);
	}
	EVP_PKEY_free(key);
}

static void test_count(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(DPK_PEM_FILE_MAX);

	make_certificates(&buf, DPK_WRAP_CERTS_MAX);
	put("count", buf.data, buf.len);
	loads_name("count", 0, DPK_WRAP_CERTS_MAX, "256 certificates");
	make_certificates(&buf, 1);
	put("count", buf.data, buf.len);
	loads_name("count", -E2BIG, 0, "one more");
	drop("count");
	dpk_buf_fini(&buf);
}

static void test_too_big(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(4u << 20);

	/* past the size of a PEM file */
	while (buf.len <= DPK_PEM_FILE_MAX)
		read_fixtures(&buf, NAMES("wrap-a.pem"));
	put("big", buf.data, DPK_PEM_FILE_MAX);
	loads_name("big", -EINVAL, 0, "cut at the limit, so the last block is broken");
	put("big", buf.data, DPK_PEM_FILE_MAX + 1);
	loads_name("big", -EFBIG, 0, "a file past the limit");
	drop("big");
	dpk_buf_fini(&buf);
}

int main(void)
{
	if (!mkdtemp(scratch))
		abort();
	chmod(scratch, 0755);
	test_one();
	test_files();
	test_trailing_bytes();
	test_directory();
	test_permissions();
	drop("a.pem");
	drop("b.crt");
	drop("c.cer");
	drop("d.pem");
	drop("ec.pem");
	drop(".hidden.pem");
	drop("notes.txt");
	test_count();
	test_too_big();
	is_num(rmdir(scratch), 0, "nothing is left behind");
	return tap_done();
}
