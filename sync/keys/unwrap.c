/* SPDX-License-Identifier: MIT */
/* From an element to its secret, in order; the arithmetic is in the files beside this one. */
#include "keys/unwrap-internal.h"

#include "base/cleanup.h"
#include "keys/gate.h"
#include "keys/grammar.h"

#include <errno.h>
#include <string.h>

/* Where things are in an element that the gate has checked, and decoded. */
struct parts {
	bool oaep;
	const char *certificate;
	const char *session;
	const char *content;
};

static const char *cipher_value(const struct dpk_node *parent)
{
	const struct dpk_node *data = dpk_node_child(parent, DPK_NS_XENC, "CipherData");

	return dpk_node_child(data, DPK_NS_XENC, "CipherValue")->text;
}

static void find_parts(const struct dpk_tree *tree, struct parts *parts)
{
	const struct dpk_node *at = dpk_tree_root(tree), *data, *key;

	at = dpk_node_child(at, DPK_NS_NONE, "descriptor");
	at = dpk_node_child(at, DPK_NS_NONE, "descriptor");
	at = dpk_node_child(at, DPK_NS_DP, "encryptedSecret");
	data = dpk_node_child(at, DPK_NS_XENC, "EncryptedData");
	at = dpk_node_child(data, DPK_NS_DSIG, "KeyInfo");
	key = dpk_node_child(at, DPK_NS_XENC, "EncryptedKey");
	at = dpk_node_child(key, DPK_NS_XENC, "EncryptionMethod");
	parts->oaep = strcmp(dpk_node_attr(at, DPK_NS_NONE, "Algorithm"),
			      "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p") == 0;
	at = dpk_node_child(key, DPK_NS_DSIG, "KeyInfo");
	at = dpk_node_child(at, DPK_NS_DSIG, "X509Data");
	parts->certificate = dpk_node_child(at, DPK_NS_DSIG, "X509Certificate")->text;
	parts->session = cipher_value(key);
	parts->content = cipher_value(data);
}

/* White space may come before the element; a comment, a declaration or a mark may not. */
static bool begins_with_element(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && dpk_xml_is_blank(text + i, 1))
		i++;
	return size - i >= 2 && text[i] == '<' && text[i + 1] != '!' && text[i + 1] != '?';
}

int dpk_unwrap_read_plaintext(
	const void *text, size_t size, uint8_t ret_secret[static DPK_MASTER_KEY_BYTES])
{
	_cleanup_(dpk_tree_freep) struct dpk_tree *tree = NULL;
	struct dpk_refusal refusal = { 0 };
	struct dpk_text checked;
	struct dpk_node *value;
	int r;

	if (!begins_with_element(text, size))
		return 0;
	tree = dpk_tree_new();
	if (!tree)
		return -ENOMEM;
	r = dpk_encoding_check(text, size, DPK_CIPHER_MAX_BYTES, &checked, &refusal);
	if (!r)
		r = dpk_tree_parse(tree, &checked, &refusal);
	if (!r)
		r = dpk_shape_check(dpk_tree_root(tree), &dpk_shape_master_key, &refusal);
	if (!r)
		r = dpk_master_key_check(dpk_tree_root(tree), &refusal);
	explicit_bzero(&refusal, sizeof(refusal));
	if (r)
		return r < 0 ? r : 0;
	value = dpk_node_child(dpk_tree_root(tree), DPK_NS_NONE, "value");
	memcpy(ret_secret, value->text, DPK_MASTER_KEY_BYTES);
	return DPK_UNWRAP_OPENED;
}

static int decrypt(struct dpk_unwrap *set, const struct parts *parts, const struct dpk_draft *draft)
{
	struct dpk_unwrap_scratch *scratch = set->scratch;
	EVP_PKEY *key = dpk_unwrap_find(
		set, parts->certificate, draft->wrap_cert_bytes, draft->facts.wrap_cert_sha256);
	size_t plain = 0;
	int r;

	if (!key || draft->wrap_key_bytes != (size_t)EVP_PKEY_get_size(key))
		return 0;
	r = dpk_unwrap_session(scratch, key, parts->oaep, parts->session, draft->wrap_key_bytes);
	if (r == 0)
		r = dpk_unwrap_content(scratch, parts->content, draft->cipher_bytes, &plain);
	return r < 0 ? r : dpk_unwrap_read_plaintext(scratch->plain, plain, scratch->secret);
}

/* Opens ELEMENT and leaves its secret in the scratch memory. */
static int open_element(struct dpk_unwrap *set, const struct dpk_blob *element)
{
	_cleanup_(dpk_tree_freep) struct dpk_tree *tree = dpk_tree_new();
	struct dpk_refusal refusal;
	struct dpk_draft draft;
	struct parts parts;
	int r = tree ? dpk_gate_tree(element, tree, &draft, &refusal) : -ENOMEM;

	if (r)
		return r < 0 ? r : 0;
	if (!draft.facts.wrapped)
		return 0;
	find_parts(tree, &parts);
	return decrypt(set, &parts, &draft);
}

int dpk_unwrap_open(struct dpk_unwrap *set, const struct dpk_blob *element)
{
	int r = open_element(set, element);

	explicit_bzero(set->scratch, sizeof(*set->scratch));
	return r;
}

int dpk_unwrap_expose(struct dpk_unwrap *set, const struct dpk_blob *element, void *out,
	size_t capacity, size_t *ret_size)
{
	int r = open_element(set, element);

	if (r == DPK_UNWRAP_OPENED)
		r = dpk_unwrap_render(element, set->scratch->secret, out, capacity, ret_size);
	explicit_bzero(set->scratch, sizeof(*set->scratch));
	return r;
}
