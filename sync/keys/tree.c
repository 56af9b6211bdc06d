/* SPDX-License-Identifier: MIT */
/* From text to a bounded tree. Knows XML, and nothing of keys. */
#include "keys/tree.h"

#include "base/cleanup.h"
#include "keys/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the handlers share during one parse. */
struct building {
	XML_Parser parser;
	struct dpk_tree *tree;
	struct dpk_node *current; /* the open element; NULL outside the root */
	unsigned int depth;
	size_t declarations; /* xmlns attributes of the element about to start */
	size_t text_start;   /* in the store, of the element opened last */
	bool refused;
	struct dpk_refusal *refusal;
};

struct dpk_tree *dpk_tree_new(void)
{
	struct dpk_tree *tree = malloc(sizeof(*tree));

	if (tree) {
		tree->count = 0;
		tree->used = 0;
	}
	return tree;
}

void dpk_tree_free(struct dpk_tree *tree)
{
	/* the text may be a plaintext secret */
	if (tree)
		explicit_bzero(tree->store, tree->used);
	free(tree);
}

/* Expat may still call a handler or two after this; each asks `refused` first. */
static void stop(struct building *b)
{
	b->refused = true;
	XML_StopParser(b->parser, XML_FALSE);
}

static void stop_at_limit(struct building *b, const char *what, unsigned int limit)
{
	dpk_refuse(b->refusal, DPK_VERDICT_LIMITS,
		"%s; expected at most %u, and .NET writes far less; find out who wrote this to the "
		"store",
		what, limit);
	stop(b);
}

/*
 * Copies to the store, with a NUL. What is kept of a text is shorter than the
 * text (a name's or a value's NUL takes the place of markup), so the limit is a
 * second line.
 */
static char *keep(struct building *b, const char *text, size_t len)
{
	struct dpk_tree *tree = b->tree;
	char *copy = tree->store + tree->used;

	if (len >= sizeof(tree->store) - tree->used) {
		stop_at_limit(b, "too much text", (unsigned int)sizeof(tree->store));
		return NULL;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	tree->used += len + 1;
	return copy;
}

static const char *keep_name(struct building *b, const char *expanded, enum dpk_ns *ret_ns)
{
	const char *local;

	*ret_ns = dpk_xml_name(expanded, &local);
	if (strlen(local) > DPK_XML_MAX_NAME) {
		stop_at_limit(b, "a name is too long", DPK_XML_MAX_NAME);
		return NULL;
	}
	return keep(b, local, strlen(local));
}

static bool keep_attributes(struct building *b, struct dpk_node *node, const char **pairs)
{
	size_t declarations = b->declarations;

	b->declarations = 0;
	for (size_t i = 0; pairs[2 * i]; i++) {
		struct dpk_attr *attr = &node->attrs[i];

		if (declarations + i >= DPK_XML_MAX_ATTRIBUTES) {
			stop_at_limit(
				b, "too many attributes on one element", DPK_XML_MAX_ATTRIBUTES);
			return false;
		}
		attr->name = keep_name(b, pairs[2 * i], &attr->ns);
		attr->value =
			attr->name ? keep(b, pairs[2 * i + 1], strlen(pairs[2 * i + 1])) : NULL;
		if (!attr->value)
			return false;
		node->attr_count = i + 1;
	}
	return true;
}

static void link_node(struct building *b, struct dpk_node *node)
{
	struct dpk_node *parent = b->current;

	node->parent = parent;
	if (!parent)
		return;
	if (parent->last_child)
		parent->last_child->next = node;
	else
		parent->first_child = node;
	parent->last_child = node;
}

static void on_declaration(void *user, const char *prefix, const char *uri)
{
	struct building *b = user;

	(void)prefix;
	(void)uri;
	if (!b->refused && ++b->declarations > DPK_XML_MAX_ATTRIBUTES)
		stop_at_limit(b, "too many attributes on one element", DPK_XML_MAX_ATTRIBUTES);
}

static void on_start(void *user, const char *name, const char **attributes)
{
	struct building *b = user;
	struct dpk_node *node;

	if (b->refused)
		return;
	if (b->depth >= DPK_XML_MAX_DEPTH) {
		stop_at_limit(b, "elements are nested too deep", DPK_XML_MAX_DEPTH);
		return;
	}
	if (b->tree->count >= DPK_XML_MAX_ELEMENTS) {
		stop_at_limit(b, "too many elements", DPK_XML_MAX_ELEMENTS);
		return;
	}
	node = &b->tree->nodes[b->tree->count];
	*node = (struct dpk_node){ 0 };
	node->name = keep_name(b, name, &node->ns);
	if (!node->name)
		return;
	b->tree->count++;
	if (!keep_attributes(b, node, attributes))
		return;
	link_node(b, node);
	b->current = node;
	b->depth++;
	b->text_start = b->tree->used;
}

static void on_end(void *user, const char *name)
{
	struct building *b = user;
	struct dpk_node *node = b->current;

	(void)name;
	if (b->refused)
		return;
	if (!node->first_child) {
		node->text = b->tree->store + b->text_start;
		node->text_len = b->tree->used - b->text_start;
		if (!keep(b, "", 0))
			return;
	}
	b->current = node->parent;
	b->depth--;
}

static bool is_date_like(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || !strchr("0123456789-+:.TZ \t\r\n", text[i]))
			return false;
	return true;
}

/* Text comes in pieces; the pieces of an element without children lie together in the store. */
static void on_text(void *user, const char *text, int len)
{
	struct building *b = user;

	if (b->refused)
		return;
	b->current->has_text |= !dpk_xml_is_blank(text, (size_t)len);
	b->current->has_words |= !is_date_like(text, (size_t)len);
	if (b->current->first_child)
		return;
	if (keep(b, text, (size_t)len))
		b->tree->used--; /* the next piece goes where the NUL is */
}

static void on_instruction(void *user, const char *target, const char *data)
{
	struct building *b = user;

	(void)target;
	(void)data;
	if (b->refused)
		return;
	dpk_refuse(b->refusal, DPK_VERDICT_ELEMENT,
		"there is a processing instruction; expected none, as .NET writes none; write the "
		"element anew");
	stop(b);
}

static void set_handlers(struct building *b)
{
	XML_SetUserData(b->parser, b);
	XML_SetElementHandler(b->parser, on_start, on_end);
	XML_SetCharacterDataHandler(b->parser, on_text);
	XML_SetProcessingInstructionHandler(b->parser, on_instruction);
	XML_SetStartNamespaceDeclHandler(b->parser, on_declaration);
}

int dpk_tree_parse(struct dpk_tree *tree, const struct dpk_text *text, struct dpk_refusal *refusal)
{
	_cleanup_(dpk_xml_parser_freep) XML_Parser parser = NULL;
	struct building b = { .tree = tree, .refusal = refusal };
	enum XML_Status status;

	if (memmem(text->data, text->size, "<![CDATA[", 9))
		return dpk_refuse(refusal, DPK_VERDICT_ELEMENT,
			"there is a CDATA section; expected none, as .NET writes none; write the element "
			"anew");
	parser = dpk_xml_parser_new();
	if (!parser)
		return -ENOMEM;
	b.parser = parser;
	set_handlers(&b);
	/* never in pieces: parsing is then linear, and there is no state to resume */
	status = XML_Parse(parser, text->data, (int)text->size, XML_TRUE);
	if (b.refused)
		return DPK_REFUSED;
	return status == XML_STATUS_OK ? 0 : dpk_xml_failure(parser, refusal);
}

const char *dpk_node_attr(const struct dpk_node *node, enum dpk_ns ns, const char *name)
{
	for (size_t i = 0; i < node->attr_count; i++)
		if (node->attrs[i].ns == ns && strcmp(node->attrs[i].name, name) == 0)
			return node->attrs[i].value;
	return NULL;
}

struct dpk_node *dpk_node_child(const struct dpk_node *node, enum dpk_ns ns, const char *name)
{
	for (struct dpk_node *child = node->first_child; child; child = child->next)
		if (dpk_node_is(child, ns, name))
			return child;
	return NULL;
}
