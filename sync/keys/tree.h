/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_TREE_H
#define DPK_KEYS_TREE_H

/*
 * One element as a small tree, bounded in every direction by dpkeyfs/limits.h
 * and in one allocation. Comments are dropped; everything else that expat
 * reports is in the tree or has been refused.
 */

#include "keys/encoding.h"
#include "keys/types.h"
#include "keys/xml.h"

#include <string.h>

struct dpk_attr {
	enum dpk_ns ns;
	const char *name;
	const char *value;
};

struct dpk_node {
	enum dpk_ns ns;
	const char *name; /* without prefix; at most DPK_XML_MAX_NAME bytes */
	char *text;       /* without children: all of it, NUL-terminated */
	size_t text_len;
	bool has_text;  /* something other than white space directly in it */
	bool has_words; /* something other than white space and the characters of a date */
	size_t attr_count;
	struct dpk_attr attrs[DPK_XML_MAX_ATTRIBUTES];
	struct dpk_node *parent;
	struct dpk_node *first_child;
	struct dpk_node *last_child;
	struct dpk_node *next; /* sibling */
};

struct dpk_tree {
	size_t count;
	struct dpk_node nodes[DPK_XML_MAX_ELEMENTS]; /* in document order; the root is the first */
	size_t used;
	char store[DPK_ELEMENT_MAX_BYTES +
		   1]; /* names, values, text; each shorter than its markup */
};

/* An empty tree, or NULL without memory. */
struct dpk_tree *dpk_tree_new(void);
void dpk_tree_free(struct dpk_tree *tree); /* wipes; NULL allowed */

static inline void dpk_tree_freep(struct dpk_tree **tree)
{
	dpk_tree_free(*tree);
}

/*
 * Parses TEXT into the empty TREE, in one pass. 0; DPK_REFUSED (`element` for
 * CDATA and processing instructions, `xml`, `limits`), with what was read
 * until then in the tree; -ENOMEM.
 */
int dpk_tree_parse(struct dpk_tree *tree, const struct dpk_text *text, struct dpk_refusal *refusal);

/* The root, or NULL in an empty tree. */
static inline const struct dpk_node *dpk_tree_root(const struct dpk_tree *tree)
{
	return tree && tree->count ? &tree->nodes[0] : NULL;
}

/* The value of an attribute, or NULL. */
const char *dpk_node_attr(const struct dpk_node *node, enum dpk_ns ns, const char *name);

/* The first direct child of that name, or NULL. */
struct dpk_node *dpk_node_child(const struct dpk_node *node, enum dpk_ns ns, const char *name);

static inline bool dpk_node_is(const struct dpk_node *node, enum dpk_ns ns, const char *name)
{
	return node->ns == ns && strcmp(node->name, name) == 0;
}

#endif
