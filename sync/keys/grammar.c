/* SPDX-License-Identifier: MIT */
/* The grammar's tables, and the walk that compares a tree with them. */
#include "keys/grammar.h"

#include "base/escape.h"
#include "keys/gate.h"

#include <stdio.h>

#define MAX_ATTRS    2
#define MAX_CHILDREN 4

struct attr_rule {
	const char *name; /* NULL ends the list */
	enum dpk_ns ns;
	bool optional;
};

struct child_rule {
	const struct dpk_shape *shape; /* NULL ends the list */
	bool optional;
	bool later; /* only its name is looked at: its own shape depends on what its siblings say */
};

struct dpk_shape {
	enum dpk_ns ns;
	const char *name;
	bool text;                /* holds text and no element */
	bool dates;               /* dates may stand between its elements, as text */
	enum dpk_verdict verdict; /* of whatever is wrong in it, where not `element`, `attribute` */
	struct attr_rule attrs[MAX_ATTRS + 1];
	struct child_rule children[MAX_CHILDREN + 1];
};

/* --- the tables, leaves first ---------------------------------------------- */

static const struct dpk_shape creation_date = { .name = "creationDate", .text = true };
static const struct dpk_shape activation_date = { .name = "activationDate", .text = true };
static const struct dpk_shape expiration_date = { .name = "expirationDate", .text = true };

static const struct dpk_shape outer_descriptor = {
	.name = "descriptor",
	.attrs = { { .name = "deserializerType" } },
	.children = { { .shape = &dpk_shape_descriptor, .later = true } },
};

/*
 * Tools that rewrite a date have been seen to leave it behind its element once
 * more, as text. .NET passes over that, so the key is in use, and refusing it
 * would take it from those who use it.
 */
const struct dpk_shape dpk_shape_key = {
	.name = "key",
	.dates = true,
	.attrs = { { .name = "id" }, { .name = "version" } },
	.children = {
		{ .shape = &creation_date },
		{ .shape = &activation_date },
		{ .shape = &expiration_date },
		{ .shape = &outer_descriptor },
	},
};

static const struct dpk_shape encryption = {
	.name = "encryption",
	.attrs = { { .name = "algorithm" } },
};

static const struct dpk_shape managed_encryption = {
	.name = "encryption",
	.attrs = { { .name = "algorithm" }, { .name = "keyLength" } },
};

static const struct dpk_shape validation = {
	.name = "validation",
	.attrs = { { .name = "algorithm" } },
};

/* whether validation is needed depends on the algorithm; the secrets have been counted before */
const struct dpk_shape dpk_shape_descriptor = {
	.name = "descriptor",
	.children = {
		{ .shape = &encryption },
		{ .shape = &validation, .optional = true },
		{ .shape = &dpk_shape_master_key, .optional = true, .later = true },
		{ .shape = &dpk_shape_certificate_secret, .optional = true, .later = true },
	},
};

const struct dpk_shape dpk_shape_managed = {
	.name = "descriptor",
	.children = {
		{ .shape = &managed_encryption },
		{ .shape = &validation },
		{ .shape = &dpk_shape_master_key, .optional = true, .later = true },
		{ .shape = &dpk_shape_certificate_secret, .optional = true, .later = true },
	},
};

static const struct dpk_shape value = { .name = "value", .text = true };

/* .NET writes requiresEncryption and reads a key without it */
const struct dpk_shape dpk_shape_master_key = {
	.name = "masterKey",
	.attrs = { { .name = "requiresEncryption", .ns = DPK_NS_DP, .optional = true } },
	.children = { { .shape = &value } },
};

static const struct dpk_shape unencrypted_key = {
	.name = "unencryptedKey",
	.children = { { .shape = &dpk_shape_master_key } },
};

const struct dpk_shape dpk_shape_null_secret = {
	.ns = DPK_NS_DP,
	.name = "encryptedSecret",
	.attrs = { { .name = "decryptorType" } },
	.children = { { .shape = &unencrypted_key } },
};

static const struct dpk_shape encryption_method = {
	.ns = DPK_NS_XENC,
	.name = "EncryptionMethod",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.attrs = { { .name = "Algorithm" } },
};

static const struct dpk_shape cipher_value = {
	.ns = DPK_NS_XENC,
	.name = "CipherValue",
	.text = true,
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
};

static const struct dpk_shape cipher_data = {
	.ns = DPK_NS_XENC,
	.name = "CipherData",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.children = { { .shape = &cipher_value } },
};

static const struct dpk_shape x509_certificate = {
	.ns = DPK_NS_DSIG,
	.name = "X509Certificate",
	.text = true,
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
};

static const struct dpk_shape x509_data = {
	.ns = DPK_NS_DSIG,
	.name = "X509Data",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.children = { { .shape = &x509_certificate } },
};

static const struct dpk_shape certificate_info = {
	.ns = DPK_NS_DSIG,
	.name = "KeyInfo",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.children = { { .shape = &x509_data } },
};

static const struct dpk_shape encrypted_key = {
	.ns = DPK_NS_XENC,
	.name = "EncryptedKey",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.children = {
		{ .shape = &encryption_method },
		{ .shape = &certificate_info },
		{ .shape = &cipher_data },
	},
};

static const struct dpk_shape session_key_info = {
	.ns = DPK_NS_DSIG,
	.name = "KeyInfo",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.children = { { .shape = &encrypted_key } },
};

static const struct dpk_shape encrypted_data = {
	.ns = DPK_NS_XENC,
	.name = "EncryptedData",
	.verdict = DPK_VERDICT_XMLENC_SHAPE,
	.attrs = { { .name = "Type" } },
	.children = {
		{ .shape = &encryption_method },
		{ .shape = &session_key_info },
		{ .shape = &cipher_data },
	},
};

const struct dpk_shape dpk_shape_certificate_secret = {
	.ns = DPK_NS_DP,
	.name = "encryptedSecret",
	.attrs = { { .name = "decryptorType" } },
	.children = { { .shape = &encrypted_data } },
};

static const struct dpk_shape revocation_date = {
	.name = "revocationDate",
	.text = true,
	.verdict = DPK_VERDICT_REVOCATION,
};

static const struct dpk_shape revoked_key = {
	.name = "key",
	.verdict = DPK_VERDICT_REVOCATION,
	.attrs = { { .name = "id" } },
};

static const struct dpk_shape reason = {
	.name = "reason",
	.text = true,
	.verdict = DPK_VERDICT_REVOCATION,
};

/* .NET writes all three; of a single revocation it reads only the id */
const struct dpk_shape dpk_shape_revocation = {
	.name = "revocation",
	.verdict = DPK_VERDICT_REVOCATION,
	.attrs = { { .name = "version" } },
	.children = {
		{ .shape = &revocation_date },
		{ .shape = &revoked_key },
		{ .shape = &reason, .optional = true },
	},
};

/* --- the walk -------------------------------------------------------------- */

const char *dpk_node_shown(const struct dpk_node *node, char buf[static DPK_SHOWN_NAME_MAX])
{
	return dpk_printable(node->name, strlen(node->name), buf, DPK_SHOWN_NAME_MAX);
}

static enum dpk_verdict verdict_of(const struct dpk_shape *shape, enum dpk_verdict usual)
{
	return shape->verdict != DPK_VERDICT_OK ? shape->verdict : usual;
}

static const struct attr_rule *find_rule(const struct dpk_shape *shape, const struct dpk_attr *attr)
{
	for (const struct attr_rule *rule = shape->attrs; rule->name; rule++)
		if (rule->ns == attr->ns && strcmp(rule->name, attr->name) == 0)
			return rule;
	return NULL;
}

/* That no attribute is there twice is XML's own rule, which expat upholds. */
static int check_attributes(
	const struct dpk_node *node, const struct dpk_shape *shape, struct dpk_refusal *refusal)
{
	char shown[DPK_SHOWN_NAME_MAX];

	for (size_t i = 0; i < node->attr_count; i++) {
		const char *name = node->attrs[i].name;

		if (find_rule(shape, &node->attrs[i]))
			continue;
		return dpk_refuse(refusal, verdict_of(shape, DPK_VERDICT_ATTRIBUTE),
			"'%s' has the attribute '%s', which .NET never writes there; restore the element "
			"as .NET wrote it, or replace it",
			shape->name, dpk_printable(name, strlen(name), shown, sizeof(shown)));
	}
	for (const struct attr_rule *rule = shape->attrs; rule->name; rule++)
		if (!rule->optional && !dpk_node_attr(node, rule->ns, rule->name))
			return dpk_refuse(refusal, verdict_of(shape, DPK_VERDICT_ATTRIBUTE),
				"'%s' lacks its attribute '%s', which .NET always writes; restore the "
				"element as .NET wrote it, or replace it",
				shape->name, rule->name);
	return 0;
}

static int refuse_missing(
	const struct dpk_shape *shape, const char *missing, struct dpk_refusal *refusal)
{
	return dpk_refuse(refusal, verdict_of(shape, DPK_VERDICT_ELEMENT),
		"'%s' lacks its '%s'; restore the element as .NET wrote it, or replace it",
		shape->name, missing);
}

static int refuse_child(const struct dpk_shape *shape, const struct dpk_node *child,
	const struct child_rule *rule, struct dpk_refusal *refusal)
{
	char shown[DPK_SHOWN_NAME_MAX];

	return dpk_refuse(refusal, verdict_of(shape, DPK_VERDICT_ELEMENT),
		"'%s' holds '%s', which is unknown, repeated or out of order there, or in another "
		"namespace; expected %s%s%s; restore the element as .NET wrote it, or replace it",
		shape->name, dpk_node_shown(child, shown), rule->shape ? "'" : "nothing more",
		rule->shape ? rule->shape->name : "", rule->shape ? "'" : "");
}

static int check_children(
	const struct dpk_node *node, const struct dpk_shape *shape, struct dpk_refusal *refusal)
{
	const struct child_rule *rule = shape->children;
	int r;

	for (const struct dpk_node *child = node->first_child; child; child = child->next, rule++) {
		while (rule->optional && !dpk_node_is(child, rule->shape->ns, rule->shape->name))
			rule++;
		if (!rule->shape || !dpk_node_is(child, rule->shape->ns, rule->shape->name))
			return refuse_child(shape, child, rule, refusal);
		r = rule->later ? 0 : dpk_shape_check(child, rule->shape, refusal);
		if (r)
			return r;
	}
	for (; rule->shape; rule++)
		if (!rule->optional)
			return refuse_missing(shape, rule->shape->name, refusal);
	return 0;
}

/* Recursion follows the tables, which are ten deep. */
int dpk_shape_check(
	const struct dpk_node *node, const struct dpk_shape *shape, struct dpk_refusal *refusal)
{
	int r;

	if (!dpk_node_is(node, shape->ns, shape->name))
		return refuse_missing(shape, shape->name, refusal);
	if (!shape->text && (shape->dates ? node->has_words : node->has_text))
		return dpk_refuse(refusal, verdict_of(shape, DPK_VERDICT_ELEMENT),
			"'%s' holds text beside its elements; expected white space only; restore the "
			"element as .NET wrote it, or replace it",
			shape->name);
	r = check_attributes(node, shape, refusal);
	if (r)
		return r;
	return check_children(node, shape, refusal);
}
