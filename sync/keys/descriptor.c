/* SPDX-License-Identifier: MIT */
/* Kinds of descriptors and the algorithms that each may name. */
#include "keys/descriptor.h"

#include "base/escape.h"
#include "keys/gate.h"
#include "keys/grammar.h"
#include "keys/typenames.h"

static const char *const default_encryption[] = { "AES_128_CBC", "AES_192_CBC", "AES_256_CBC",
	"AES_128_GCM", "AES_192_GCM", "AES_256_GCM", NULL };
static const char *const default_validation[] = { "HMACSHA256", "HMACSHA512", NULL };
static const char *const managed_encryption[] = { "Aes", NULL };
static const char *const managed_length[] = { "128", "192", "256", NULL };
static const char *const managed_validation[] = { "HMACSHA1", "HMACSHA256", "HMACSHA384",
	"HMACSHA512", NULL };

/* Is that attribute of NODE one of ALLOWED? The shape has been checked, so it is there. */
static int check_word(const struct dpk_node *node, const char *attribute,
	const char *const *allowed, struct dpk_refusal *refusal)
{
	const char *word = dpk_node_attr(node, DPK_NS_NONE, attribute);
	char shown[33];

	for (size_t i = 0; allowed[i]; i++)
		if (strcmp(word, allowed[i]) == 0)
			return 0;
	return dpk_refuse(refusal, DPK_VERDICT_ALGORITHM,
		"%s of '%s' is '%s', which .NET cannot use here; expected one like '%s'; make a new key "
		"with .NET's own algorithms",
		attribute, node->name, dpk_printable(word, strlen(word), shown, sizeof(shown)),
		allowed[0]);
}

static int check_default(const struct dpk_node *encryption, const struct dpk_node *validation,
	struct dpk_refusal *refusal)
{
	int r = check_word(encryption, "algorithm", default_encryption, refusal);
	bool gcm;

	if (r)
		return r;
	gcm = strstr(dpk_node_attr(encryption, DPK_NS_NONE, "algorithm"), "_GCM") != NULL;
	if (gcm && validation)
		return dpk_refuse(refusal, DPK_VERDICT_ELEMENT,
			"'descriptor' holds 'validation' beside a GCM algorithm, which validates by "
			"itself; restore the element as .NET wrote it, or replace it");
	if (!gcm && !validation)
		return dpk_refuse(refusal, DPK_VERDICT_ELEMENT,
			"'descriptor' lacks its 'validation', which a CBC algorithm needs; restore the "
			"element as .NET wrote it, or replace it");
	return validation ? check_word(validation, "algorithm", default_validation, refusal) : 0;
}

static int check_managed(const struct dpk_node *encryption, const struct dpk_node *validation,
	struct dpk_refusal *refusal)
{
	int r = check_word(encryption, "algorithm", managed_encryption, refusal);

	if (!r)
		r = check_word(encryption, "keyLength", managed_length, refusal);
	return r ? r : check_word(validation, "algorithm", managed_validation, refusal);
}

/*
 * Exactly one secret, as a direct child. .NET decrypts every encryptedSecret
 * below the descriptor and takes the first or the only masterKey, so that a
 * second one beside a decoy would smuggle a key in.
 */
static int find_secret(const struct dpk_node *descriptor, const struct dpk_node **ret_secret,
	struct dpk_refusal *refusal)
{
	unsigned int count = 0;

	for (const struct dpk_node *child = descriptor->first_child; child; child = child->next) {
		if (!dpk_node_is(child, DPK_NS_NONE, "masterKey") &&
			!dpk_node_is(child, DPK_NS_DP, "encryptedSecret"))
			continue;
		*ret_secret = child;
		count++;
	}
	if (count == 1)
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_SECRET_COUNT,
		"'descriptor' holds %u secrets; expected exactly one masterKey or encryptedSecret; "
		"%s",
		count,
		count ? "a second one can smuggle a key in: find out who wrote this to the store" :
			"restore the element as .NET wrote it, or replace it");
}

int dpk_descriptor_check(
	const struct dpk_node *node, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const struct dpk_node *inner = node->first_child, *secret = NULL, *encryption, *validation;
	const char *name = dpk_node_attr(node, DPK_NS_NONE, "deserializerType");
	enum dpk_type type;
	int r;

	r = dpk_type_parse(name, DPK_TYPE_DESERIALIZER, &type, refusal);
	if (!r)
		r = find_secret(inner, &secret, refusal);
	if (!r)
		r = dpk_shape_check(inner,
			type == DPK_TYPE_MANAGED ? &dpk_shape_managed : &dpk_shape_descriptor,
			refusal);
	if (r)
		return r;
	encryption = dpk_node_child(inner, DPK_NS_NONE, "encryption");
	validation = dpk_node_child(inner, DPK_NS_NONE, "validation");
	r = type == DPK_TYPE_MANAGED ? check_managed(encryption, validation, refusal) :
				       check_default(encryption, validation, refusal);
	return r ? r : dpk_secret_check(secret, draft, refusal);
}
