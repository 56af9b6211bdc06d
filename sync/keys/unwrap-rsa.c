/* SPDX-License-Identifier: MIT */
/* RSA and AES. Nothing here branches on, or indexes by, a byte that RSA gave. */
#include "keys/unwrap-internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#define BLOCK 16

static void ctxp(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void cipherp(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

/* All ones where X is zero, else all zeros. */
static uint32_t mask_zero(uint32_t x)
{
	return 0u - ((~x & (x - 1)) >> 31);
}

static void select_key(struct dpk_unwrap_scratch *scratch, const uint8_t *key, uint32_t good)
{
	for (size_t i = 0; i < DPK_SESSION_KEY_BYTES; i++)
		scratch->session[i] = (uint8_t)((key[i] & good) | (scratch->fallback[i] & ~good));
}

/* 00 02, at least eight bytes that are not zero, 00, and the session key at the end. */
static void take_pkcs1(struct dpk_unwrap_scratch *scratch, size_t size)
{
	const uint8_t *message = scratch->message;
	size_t key_at = size - DPK_SESSION_KEY_BYTES;
	uint32_t good = mask_zero(message[0]) & mask_zero(message[1] ^ 2u);

	for (size_t i = 2; i < key_at - 1; i++)
		good &= ~mask_zero(message[i]);
	good &= mask_zero(message[key_at - 1]);
	select_key(scratch, message + key_at, good);
}

static EVP_PKEY_CTX *new_context(EVP_PKEY *key, bool oaep)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int padding = oaep ? RSA_PKCS1_OAEP_PADDING : RSA_NO_PADDING;

	if (ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0 &&
		(!oaep || (EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) > 0 &&
				  EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) > 0)))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int dpk_unwrap_session(
	struct dpk_unwrap_scratch *scratch, EVP_PKEY *key, bool oaep, const void *data, size_t size)
{
	_cleanup_(ctxp) EVP_PKEY_CTX *ctx = new_context(key, oaep);
	size_t length = sizeof(scratch->message);
	size_t want = oaep ? DPK_SESSION_KEY_BYTES : size;
	uint32_t good;

	if (!ctx || RAND_priv_bytes(scratch->fallback, sizeof(scratch->fallback)) != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	good = 0u - (uint32_t)(EVP_PKEY_decrypt(ctx, scratch->message, &length, data, size) > 0);
	good &= mask_zero((uint32_t)(length ^ want));
	/* OpenSSL queues why it failed; nobody is to ask */
	ERR_clear_error();
	if (oaep)
		select_key(scratch, scratch->message, good);
	else if (good)
		take_pkcs1(scratch, size);
	else
		/* the number is not below the modulus: public, for both are */
		memcpy(scratch->session, scratch->fallback, sizeof(scratch->session));
	return 0;
}

int dpk_unwrap_content(
	struct dpk_unwrap_scratch *scratch, const void *data, size_t size, size_t *ret_size)
{
	_cleanup_(cipherp) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const uint8_t *iv = data;
	int length = 0;
	uint8_t fill;

	*ret_size = 0;
	if (!ctx || size < 2 * BLOCK || size > sizeof(scratch->plain) ||
		!EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, scratch->session, iv) ||
		!EVP_CIPHER_CTX_set_padding(ctx, 0) ||
		!EVP_DecryptUpdate(ctx, scratch->plain, &length, iv + BLOCK, (int)(size - BLOCK)))
		return -ENOMEM;
	/* ISO 10126: the last byte counts the fill, the rest of which is random */
	fill = scratch->plain[length - 1];
	if (fill >= 1 && fill <= BLOCK)
		*ret_size = (size_t)length - fill;
	return 0;
}
