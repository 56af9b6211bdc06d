/* SPDX-License-Identifier: MIT */
#ifndef DPK_TESTS_WRAPPING_H
#define DPK_TESTS_WRAPPING_H

/* Wraps what a test likes to wrap, as .NET does it; and private keys for the other way. */

#include "keys/unwrap.h"

#include "tests/unit/fixtures.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* A set of the private keys of these files of certs/, NULL at the end. */
__attribute__((unused)) static struct dpk_unwrap *load_keys(const char *const *names)
{
	struct dpk_unwrap *set = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	int r = dpk_unwrap_new(&set);

	for (; r == 0 && *names; names++) {
		char path[FIXTURE_PATH_MAX];
		struct dpk_blob pem = fixture_blob(fixture_path(path, "certs/%s", *names));

		r = dpk_unwrap_add_pem(set, pem.data, pem.size, &err);
		dpk_blob_fini(&pem);
	}
	if (r < 0) {
		printf("Bail out! %s\n", dpk_err_text(&err));
		exit(1);
	}
	return set;
}

/* How to wrap. */
struct wrapping {
	const char *cert; /* of certs/ */
	bool oaep;
	const char *plaintext; /* in the place of .NET's */
	size_t session_bytes;  /* 0: 32 */
};

static char *base64_of(const void *data, size_t size)
{
	char *text = malloc(size * 4 / 3 + 8);

	EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	return text;
}

static X509 *load_cert(const char *name)
{
	char path[FIXTURE_PATH_MAX];
	FILE *file = fopen(fixture_path(path, "certs/%s", name), "re");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	if (!cert) {
		printf("Bail out! no %s\n", name);
		exit(1);
	}
	fclose(file);
	return cert;
}

static char *wrap_session(const struct wrapping *how, X509 *cert, const uint8_t *session)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(cert), NULL);
	size_t size = how->session_bytes ? how->session_bytes : 32, out = 1024;
	uint8_t wrapped[1024];

	EVP_PKEY_encrypt_init(ctx);
	EVP_PKEY_CTX_set_rsa_padding(ctx, how->oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING);
	if (EVP_PKEY_encrypt(ctx, wrapped, &out, session, size) <= 0)
		abort();
	EVP_PKEY_CTX_free(ctx);
	return base64_of(wrapped, out);
}

static char *wrap_content(const uint8_t *session, const char *plaintext)
{
	size_t size = strlen(plaintext), fill = 16 - size % 16;
	uint8_t *padded = malloc(size + fill), *out = malloc(size + fill + 32);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	char *text;
	int n = 0;

	memcpy(padded, plaintext, size);
	RAND_bytes(padded + size, (int)fill);
	padded[size + fill - 1] = (uint8_t)fill;
	RAND_bytes(out, 16);
	EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, session, out);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_EncryptUpdate(ctx, out + 16, &n, padded, (int)(size + fill));
	EVP_CIPHER_CTX_free(ctx);
	text = base64_of(out, 16 + (size_t)n);
	free(padded);
	free(out);
	return text;
}

static char *secret_element(const struct wrapping *how, const char *plaintext)
{
	X509 *cert = load_cert(how->cert);
	unsigned char *der = NULL;
	int der_size = i2d_X509(cert, &der);
	char *cert_text = base64_of(der, (size_t)der_size), *session_text, *content, *all = NULL;
	uint8_t session[64];

	RAND_bytes(session, sizeof(session));
	session_text = wrap_session(how, cert, session);
	content = wrap_content(session, plaintext);
	if (asprintf(&all,
		    "<encryptedSecret decryptorType=\"Microsoft.AspNetCore.DataProtection.XmlEncryption."
		    "EncryptedXmlDecryptor, Microsoft.AspNetCore.DataProtection, Version=10.0.0.0, "
		    "Culture=neutral, PublicKeyToken=adb9793829ddae60\" "
		    "xmlns=\"http://schemas.asp.net/2015/03/dataProtection\"><EncryptedData "
		    "Type=\"http://www.w3.org/2001/04/xmlenc#Element\" "
		    "xmlns=\"http://www.w3.org/2001/04/xmlenc#\"><EncryptionMethod "
		    "Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\" /><KeyInfo "
		    "xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><EncryptedKey "
		    "xmlns=\"http://www.w3.org/2001/04/xmlenc#\"><EncryptionMethod "
		    "Algorithm=\"http://www.w3.org/2001/04/xmlenc#%s\" /><KeyInfo "
		    "xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>%s"
		    "</X509Certificate></X509Data></KeyInfo><CipherData><CipherValue>%s</CipherValue>"
		    "</CipherData></EncryptedKey></KeyInfo><CipherData><CipherValue>%s</CipherValue>"
		    "</CipherData></EncryptedData></encryptedSecret>",
		    how->oaep ? "rsa-oaep-mgf1p" : "rsa-1_5", cert_text, session_text, content) < 0)
		abort();
	OPENSSL_free(der);
	X509_free(cert);
	free(cert_text);
	free(session_text);
	free(content);
	return all;
}

/* The element PLAIN with its masterKey wrapped as HOW says. */
__attribute__((unused)) static struct dpk_blob wrap(
	const struct wrapping *how, const struct dpk_blob *plain)
{
	const char *text = (const char *)plain->data;
	const char *begin = memmem(text, plain->size, "<masterKey", 10);
	const char *end = memmem(text, plain->size, "</masterKey>", 12);
	const char *value = memmem(text, plain->size, "<value>", 7);
	char *plaintext = NULL, *secret, *all = NULL;
	struct dpk_blob blob;
	int n;

	if (!begin || !end || !value)
		abort();
	if (asprintf(&plaintext,
		    "<masterKey d1p1:requiresEncryption=\"true\" "
		    "xmlns:d1p1=\"http://schemas.asp.net/2015/03/dataProtection\"><!-- Warning: the "
		    "key below is in an unencrypted form. --><value>%.88s</value></masterKey>",
		    value + 7) < 0)
		abort();
	secret = secret_element(how, how->plaintext ? how->plaintext : plaintext);
	end += 12;
	n = asprintf(&all, "%.*s%s%.*s", (int)(begin - text), text, secret,
		(int)(text + plain->size - end), end);
	blob = text_blob("wrapped", all, (size_t)n);
	free(plaintext);
	free(secret);
	free(all);
	return blob;
}

#endif
