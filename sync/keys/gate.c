/* SPDX-License-Identifier: MIT */
/* The order of the checks, and what a refusal says of the element. */
#include "keys/gate.h"

#include "base/cleanup.h"
#include "base/ticks.h"
#include "keys/descriptor.h"
#include "keys/encoding.h"
#include "keys/grammar.h"
#include "keys/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/*
 * 9999-12-31T23:54:59Z: .NET 8 adds five minutes of clock skew to an
 * expiration, and past this the sum overflows and the whole ring fails.
 */
#define DATE_MAX INT64_C(3155378972990000000)
#define DATE_MIN DPK_TICKS_UNIX_EPOCH

#define DATE_FORM "a date like 2026-03-01T09:00:00.1234567Z, with Z or an offset, from 1970 to 9999"

int dpk_refuse(struct dpk_refusal *refusal, enum dpk_verdict verdict, const char *format, ...)
{
	va_list ap;

	refusal->verdict = verdict;
	va_start(ap, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, ap);
	va_end(ap);
	return DPK_REFUSED;
}

bool dpk_name_could_be_revocation(const char *name)
{
	return strncasecmp(name, "revocation", strlen("revocation")) == 0;
}

static bool read_date(const struct dpk_node *parent, const char *name, int64_t *ret_ticks)
{
	const struct dpk_node *node = dpk_node_child(parent, DPK_NS_NONE, name);

	return node && node->text && dpk_ticks_parse(node->text, node->text_len, ret_ticks) == 0 &&
	       *ret_ticks >= DATE_MIN && *ret_ticks <= DATE_MAX;
}

static bool read_id(const struct dpk_node *node, struct dpk_guid *ret_id)
{
	const char *id = dpk_node_attr(node, DPK_NS_NONE, "id");

	return id && dpk_guid_parse(id, strlen(id), ret_id) == 0;
}

/*
 * Reads id and dates wherever they can be read, before anything is judged: a
 * key that is refused later can still be compared with what .NET would do.
 */
static bool read_key_facts(const struct dpk_node *root, struct dpk_facts *facts)
{
	return read_id(root, &facts->id) && read_date(root, "creationDate", &facts->created) &&
	       read_date(root, "activationDate", &facts->activates) &&
	       read_date(root, "expirationDate", &facts->expires);
}

static int check_version(
	const struct dpk_node *root, enum dpk_verdict verdict, struct dpk_refusal *refusal)
{
	if (strcmp(dpk_node_attr(root, DPK_NS_NONE, "version"), "1") == 0)
		return 0;
	return dpk_refuse(refusal, verdict,
		"version of '%s' is not 1, the only one that .NET writes; look for a newer dpkeyfs",
		root->name);
}

static int refuse_date(const struct dpk_node *root, struct dpk_refusal *refusal)
{
	static const char *const names[] = { "creationDate", "activationDate", "expirationDate" };
	const char *bad = names[0];
	int64_t ticks;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bad = names[i];
		if (!read_date(root, bad, &ticks))
			break;
	}
	return dpk_refuse(refusal, DPK_VERDICT_KEY_DATE,
		"'%s' is not " DATE_FORM
		"; nodes in different time zones would disagree about others; "
		"write the key anew",
		bad);
}

static int read_key(
	const struct dpk_node *root, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	struct dpk_guid id;
	int r;

	refusal->has_facts = read_key_facts(root, &draft->facts);
	r = dpk_shape_check(root, &dpk_shape_key, refusal);
	if (!r)
		r = check_version(root, DPK_VERDICT_ATTRIBUTE, refusal);
	if (r)
		return r;
	if (!read_id(root, &id))
		return dpk_refuse(refusal, DPK_VERDICT_KEY_ID,
			"id of 'key' is not a GUID of the form 8-4-4-4-12 hexadecimal digits; .NET writes "
			"no other; write the key anew");
	if (!refusal->has_facts)
		return refuse_date(root, refusal);
	return dpk_descriptor_check(
		dpk_node_child(root, DPK_NS_NONE, "descriptor"), draft, refusal);
}

static int read_revocation(
	const struct dpk_node *root, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const struct dpk_node *key;
	int r;

	r = dpk_shape_check(root, &dpk_shape_revocation, refusal);
	if (!r)
		r = check_version(root, DPK_VERDICT_REVOCATION, refusal);
	if (r)
		return r;
	if (!read_date(root, "revocationDate", &draft->facts.revoked_at))
		return dpk_refuse(refusal, DPK_VERDICT_REVOCATION,
			"'revocationDate' is not " DATE_FORM "; write the revocation anew");
	key = dpk_node_child(root, DPK_NS_NONE, "key");
	draft->facts.mass = strcmp(dpk_node_attr(key, DPK_NS_NONE, "id"), "*") == 0;
	if (!draft->facts.mass && !read_id(key, &draft->facts.id))
		return dpk_refuse(refusal, DPK_VERDICT_REVOCATION,
			"id of the revoked 'key' is neither * nor a GUID of the form 8-4-4-4-12 "
			"hexadecimal digits; write the revocation anew");
	return 0;
}

static enum dpk_kind kind_of(const struct dpk_node *root)
{
	if (root && dpk_node_is(root, DPK_NS_NONE, "key"))
		return DPK_KIND_KEY;
	if (root && dpk_node_is(root, DPK_NS_NONE, "revocation"))
		return DPK_KIND_REVOCATION;
	return DPK_KIND_UNKNOWN;
}

static int read_element(
	const struct dpk_tree *tree, struct dpk_draft *draft, struct dpk_refusal *refusal)
{
	const struct dpk_node *root = dpk_tree_root(tree);
	char shown[DPK_SHOWN_NAME_MAX];

	draft->facts.kind = kind_of(root);
	if (draft->facts.kind == DPK_KIND_KEY)
		return read_key(root, draft, refusal);
	if (draft->facts.kind == DPK_KIND_REVOCATION)
		return read_revocation(root, draft, refusal);
	return dpk_refuse(refusal, DPK_VERDICT_ROOT,
		"the root is '%s'%s; expected 'key' or 'revocation' in no namespace; a document of many "
		"keys has to be cut into files of one, or read through https: or exec:",
		dpk_node_shown(root, shown), root->ns == DPK_NS_NONE ? "" : " in a namespace");
}

/*
 * Whether the ring must be held. A root named `revocation` in another
 * namespace means nothing to .NET, but somebody meant something by it. Of a
 * text that was not parsed to its end the root alone does not tell: a second
 * root may follow.
 */
static bool could_be_revocation(
	const struct dpk_blob *blob, const struct dpk_node *root, bool parsed)
{
	if (root && strcmp(root->name, "revocation") == 0)
		return true;
	if (parsed)
		return false;
	return (!root && dpk_name_could_be_revocation(blob->name)) ||
	       dpk_encoding_mentions_revocation(blob->data, blob->size);
}

int dpk_gate_tree(const struct dpk_blob *blob, struct dpk_tree *tree, struct dpk_draft *ret_draft,
	struct dpk_refusal *ret_refusal)
{
	struct dpk_text text;
	bool parsed = false;
	int r;

	*ret_draft = (struct dpk_draft){ 0 };
	*ret_refusal = (struct dpk_refusal){ 0 };
	r = dpk_encoding_check(blob->data, blob->size, DPK_ELEMENT_MAX_BYTES, &text, ret_refusal);
	if (!r)
		r = dpk_tree_parse(tree, &text, ret_refusal);
	if (!r) {
		parsed = true;
		r = read_element(tree, ret_draft, ret_refusal);
	}
	if (r == DPK_REFUSED) {
		const struct dpk_node *root = dpk_tree_root(tree);

		ret_refusal->could_be_revocation = could_be_revocation(blob, root, parsed);
		ret_refusal->facts = ret_draft->facts;
		ret_refusal->facts.kind = kind_of(root);
	} else {
		*ret_refusal = (struct dpk_refusal){ 0 };
	}
	return r;
}

int dpk_gate(
	const struct dpk_blob *blob, struct dpk_draft *ret_draft, struct dpk_refusal *ret_refusal)
{
	_cleanup_(dpk_tree_freep) struct dpk_tree *tree = dpk_tree_new();

	*ret_draft = (struct dpk_draft){ 0 };
	*ret_refusal = (struct dpk_refusal){ 0 };
	return tree ? dpk_gate_tree(blob, tree, ret_draft, ret_refusal) : -ENOMEM;
}
