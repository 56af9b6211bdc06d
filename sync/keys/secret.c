/* SPDX-License-Identifier: MIT */
/*
 * The secret of a key, in plaintext or wrapped to a certificate. Nothing is
 * decrypted and no certificate is parsed here: of the embedded one only the
 * digest counts, because it must equal a pinned one byte for byte.
 */
#include "keys/descriptor.h"

#include "keys/base64.h"
#include "keys/gate.h"
#include "keys/grammar.h"
#include "keys/typenames.h"

#define XENC "http://www.w3.org/2001/04/xmlenc#"

/* an IV and one block at least; .NET's own secret takes 304 bytes */
#define CIPHER_BLOCK 16
#define CIPHER_MIN   (2 * CIPHER_BLOCK)
#define CIPHER_MAX   DPK_CIPHER_MAX_BYTES

static int decode(struct dpk_node *node, size_t *ret_bytes, struct dpk_refusal *refusal)
{
	if (dpk_base64_decode(node->text, node->text_len, ret_bytes) == 0)
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_BASE64,
		"'%s' holds %zu characters that are not base64; expected base64 with its padding; "
		"restore the element as .NET wrote it, or replace it",
		node->name, node->text_len);
}

int dpk_master_key_check(const struct dpk_node *node, struct dpk_refusal *refusal)
{
	const char *flag = dpk_node_attr(node, DPK_NS_DP, "requiresEncryption");
	size_t bytes;
	int r;

	if (flag && strcmp(flag, "true") != 0 && strcmp(flag, "1") != 0)
		return dpk_refuse(refusal, DPK_VERDICT_ATTRIBUTE,
			"requiresEncryption of 'masterKey' is neither true nor 1; restore the element as "
			".NET wrote it, or replace it");
	r = decode(dpk_node_child(node, DPK_NS_NONE, "value"), &bytes, refusal);
	if (r)
		return r;
	if (bytes != DPK_MASTER_KEY_BYTES)
		return dpk_refuse(refusal, DPK_VERDICT_SECRET_LENGTH,
			"the master key has %zu bytes; expected %d, as .NET makes them; replace the key",
			bytes, DPK_MASTER_KEY_BYTES);
	return 0;
}

static bool method_is(const struct dpk_node *parent, const char *algorithm)
{
	const struct dpk_node *method = dpk_node_child(parent, DPK_NS_XENC, "EncryptionMethod");

	return strcmp(dpk_node_attr(method, DPK_NS_NONE, "Algorithm"), algorithm) == 0;
}

static int check_methods(
	const struct dpk_node *data, const struct dpk_node *key, struct dpk_refusal *refusal)
{
	if (strcmp(dpk_node_attr(data, DPK_NS_NONE, "Type"), XENC "Element") != 0)
		return dpk_refuse(refusal, DPK_VERDICT_XMLENC_SHAPE,
			"Type of 'EncryptedData' is not '" XENC
			"Element', which .NET writes; make a new "
			"key");
	if (!method_is(data, XENC "aes256-cbc"))
		return dpk_refuse(refusal, DPK_VERDICT_XMLENC_ALGORITHM,
			"the secret is not encrypted with '" XENC
			"aes256-cbc', which .NET writes; make a "
			"new key");
	if (!method_is(key, XENC "rsa-1_5") && !method_is(key, XENC "rsa-oaep-mgf1p"))
		return dpk_refuse(refusal, DPK_VERDICT_XMLENC_ALGORITHM,
			"the session key is not encrypted with '" XENC "rsa-1_5' or '" XENC
			"rsa-oaep-mgf1p', the two that .NET reads; make a new key");
	return 0;
}

static struct dpk_node *cipher_value(const struct dpk_node *parent)
{
	return dpk_node_child(
		dpk_node_child(parent, DPK_NS_XENC, "CipherData"), DPK_NS_XENC, "CipherValue");
}

static int read_certificate(
	const struct dpk_node *key, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const struct dpk_node *info = dpk_node_child(key, DPK_NS_DSIG, "KeyInfo");
	const struct dpk_node *data = dpk_node_child(info, DPK_NS_DSIG, "X509Data");
	struct dpk_node *certificate = dpk_node_child(data, DPK_NS_DSIG, "X509Certificate");
	int r = decode(certificate, &draft->wrap_cert_bytes, refusal);

	return r ? r :
		   dpk_hash(certificate->text, draft->wrap_cert_bytes,
			   draft->facts.wrap_cert_sha256);
}

/* The shape has been checked: every child that is looked for here is there. */
static int check_encrypted_data(
	const struct dpk_node *data, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const struct dpk_node *info = dpk_node_child(data, DPK_NS_DSIG, "KeyInfo");
	const struct dpk_node *key = dpk_node_child(info, DPK_NS_XENC, "EncryptedKey");
	int r = check_methods(data, key, refusal);

	if (!r)
		r = read_certificate(key, draft, refusal);
	if (!r)
		r = decode(cipher_value(key), &draft->wrap_key_bytes, refusal);
	if (!r)
		r = decode(cipher_value(data), &draft->cipher_bytes, refusal);
	if (r)
		return r;
	if (draft->cipher_bytes % CIPHER_BLOCK != 0 || draft->cipher_bytes < CIPHER_MIN ||
		draft->cipher_bytes > CIPHER_MAX)
		return dpk_refuse(refusal, DPK_VERDICT_CIPHER_LENGTH,
			"the encrypted secret has %zu bytes; expected a multiple of %d from %d to %d; the "
			"element is damaged: restore it as .NET wrote it, or replace it",
			draft->cipher_bytes, CIPHER_BLOCK, CIPHER_MIN, CIPHER_MAX);
	return 0;
}

int dpk_secret_check(
	const struct dpk_node *node, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	bool plain = dpk_node_is(node, DPK_NS_NONE, "masterKey");
	const char *name = dpk_node_attr(node, DPK_NS_NONE, "decryptorType");
	const struct dpk_shape *shape = &dpk_shape_master_key;
	enum dpk_type type =
		DPK_TYPE_CERTIFICATE; /* without a name: its shape says what is missing */
	int r = 0;

	if (!plain && name)
		r = dpk_type_parse(name, DPK_TYPE_DECRYPTOR, &type, refusal);
	if (r)
		return r;
	draft->facts.wrapped = !plain && type == DPK_TYPE_CERTIFICATE;
	if (!plain)
		shape = draft->facts.wrapped ? &dpk_shape_certificate_secret :
					       &dpk_shape_null_secret;
	r = dpk_shape_check(node, shape, refusal);
	if (r)
		return r;
	if (draft->facts.wrapped)
		return check_encrypted_data(node->first_child, draft, refusal);
	/* NullXmlDecryptor: the same plaintext, two elements further down */
	return dpk_master_key_check(plain ? node : node->first_child->first_child, refusal);
}
