/* SPDX-License-Identifier: MIT */
/*
 * Cutting a document by the byte positions that expat reports. The pieces are
 * as untrusted as the document was; each goes through the gate by itself.
 */
#include "keys/split.h"

#include "base/cleanup.h"
#include "base/guid.h"
#include "keys/encoding.h"
#include "keys/gate.h"
#include "keys/xml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The root comes on top of an element's own limits. */
#define MAX_DEPTH    (DPK_XML_MAX_DEPTH + 1)
#define MAX_ELEMENTS (DPK_XML_MAX_ELEMENTS * DPK_RING_MAX_ELEMENTS)

/* `revocation-` and an id. */
#define CHILD_NAME_MAX 64

struct cutting {
	XML_Parser parser;
	const struct dpk_blob *document;
	struct dpk_text text;
	struct dpk_blobs *blobs;
	struct dpk_refusal *refusal;
	unsigned int depth, elements, number, declarations;
	bool whole;         /* the root itself is the element */
	enum dpk_kind kind; /* of the child that is open, or of the whole root */
	size_t start;       /* of that child in the text */
	char name[CHILD_NAME_MAX];
	int result; /* 0, or what ended the cutting */
};

static void stop(struct cutting *c, int result)
{
	c->result = result;
	XML_StopParser(c->parser, XML_FALSE);
}

static void stop_at_limit(struct cutting *c, const char *what, unsigned int limit)
{
	stop(c, dpk_refuse(c->refusal, DPK_VERDICT_LIMITS,
			"the document has %s; expected at most %u, and .NET writes far less; find out who "
			"wrote this to the store",
			what, limit));
}

static enum dpk_kind kind_of(const char *name)
{
	const char *local;

	if (dpk_xml_name(name, &local) != DPK_NS_NONE)
		return DPK_KIND_UNKNOWN;
	if (strcmp(local, "key") == 0)
		return DPK_KIND_KEY;
	return strcmp(local, "revocation") == 0 ? DPK_KIND_REVOCATION : DPK_KIND_UNKNOWN;
}

/* Names the open child after the id that its root, or its `key` within a revocation, has. */
static void read_name(struct cutting *c, const char **attributes)
{
	char text[DPK_GUID_STRING_MAX];
	struct dpk_guid id;

	for (; attributes[0]; attributes += 2) {
		if (strcmp(attributes[0], "id") != 0 ||
			dpk_guid_parse(attributes[1], strlen(attributes[1]), &id) < 0)
			continue;
		snprintf(c->name, sizeof(c->name), "%s-%s",
			c->kind == DPK_KIND_KEY ? "key" : "revocation",
			dpk_guid_to_string(&id, text));
	}
}

static void check_root(struct cutting *c, const char **attributes)
{
	bool inherited = c->declarations > 0;

	for (; attributes[0]; attributes += 2)
		if (strncmp(attributes[0], "http://www.w3.org/XML/1998/namespace", 36) == 0)
			inherited = true;
	if (!inherited)
		return;
	stop(c, dpk_refuse(c->refusal, DPK_VERDICT_ROOT,
			"the root declares namespaces or has xml: attributes, which the keys cut from it would "
			"lose; expected a bare root such as <repository>; write the document anew"));
}

/* Both limits of one element; expat has reported its namespaces before. */
static bool within_limits(struct cutting *c, const char **attributes)
{
	unsigned int count = c->declarations;

	while (attributes[0]) {
		count++;
		attributes += 2;
	}
	if (c->depth >= MAX_DEPTH)
		stop_at_limit(c, "elements nested too deep", MAX_DEPTH);
	else if (++c->elements > MAX_ELEMENTS)
		stop_at_limit(c, "too many elements", MAX_ELEMENTS);
	else if (count > DPK_XML_MAX_ATTRIBUTES)
		stop_at_limit(c, "too many attributes on one element", DPK_XML_MAX_ATTRIBUTES);
	return c->result == 0;
}

static void on_declaration(void *user, const char *prefix, const char *uri)
{
	struct cutting *c = user;

	(void)prefix;
	(void)uri;
	if (c->result == 0 && ++c->declarations > DPK_XML_MAX_ATTRIBUTES)
		stop_at_limit(c, "too many attributes on one element", DPK_XML_MAX_ATTRIBUTES);
}

static void on_root(struct cutting *c, const char *name, const char **attributes)
{
	c->kind = kind_of(name);
	c->whole = c->kind != DPK_KIND_UNKNOWN;
	if (!c->whole)
		check_root(c, attributes);
	else if (c->kind == DPK_KIND_KEY)
		read_name(c, attributes);
}

static void on_child(struct cutting *c, const char *name, const char **attributes)
{
	c->kind = kind_of(name);
	c->start = (size_t)XML_GetCurrentByteIndex(c->parser);
	snprintf(c->name, sizeof(c->name), "-");
	if (c->kind == DPK_KIND_KEY)
		read_name(c, attributes);
}

static void on_start(void *user, const char *name, const char **attributes)
{
	struct cutting *c = user;
	unsigned int inner = c->whole ? 1 : 2; /* depth of what is directly in an element */

	if (c->result != 0 || !within_limits(c, attributes))
		return;
	if (c->depth == 0)
		on_root(c, name, attributes);
	else if (c->depth == 1 && !c->whole)
		on_child(c, name, attributes);
	else if (c->depth == inner && c->kind == DPK_KIND_REVOCATION &&
		 kind_of(name) == DPK_KIND_KEY)
		read_name(c, attributes);
	c->depth++;
	c->declarations = 0;
}

static int add(struct cutting *c, const char *origin, const char *data, size_t size)
{
	struct dpk_blob blob;
	int r = dpk_blob_init(&blob, origin, c->name, data, size);

	if (r < 0)
		return r;
	r = dpk_blobs_add(c->blobs, &blob);
	if (r < 0)
		dpk_blob_fini(&blob);
	return r;
}

static void on_end(void *user, const char *name)
{
	struct cutting *c = user;
	char origin[DPK_ORIGIN_MAX + 1], suffix[16];
	size_t end;
	int r;

	(void)name;
	if (c->result != 0 || --c->depth != 1 || c->whole)
		return;
	end = (size_t)XML_GetCurrentByteIndex(c->parser) +
	      (size_t)XML_GetCurrentByteCount(c->parser);
	snprintf(suffix, sizeof(suffix), "%%23%u", ++c->number);
	snprintf(origin, sizeof(origin), "%.*s%s", (int)(DPK_ORIGIN_MAX - strlen(suffix)),
		c->document->origin, suffix);
	r = add(c, origin, c->text.data + c->start, end - c->start);
	if (r < 0)
		stop(c, r);
}

/* What stands within a child is the gate's to judge; between them only white space may stand. */
static void on_text(void *user, const char *text, int len)
{
	struct cutting *c = user;

	if (c->result != 0 || c->whole || c->depth != 1 || dpk_xml_is_blank(text, (size_t)len))
		return;
	stop(c, dpk_refuse(c->refusal, DPK_VERDICT_ELEMENT,
			"the document holds text between its keys; expected white space and comments only; "
			"find out what wrote it, and write it anew"));
}

static void on_instruction(void *user, const char *target, const char *data)
{
	struct cutting *c = user;

	(void)target;
	(void)data;
	if (c->result != 0 || c->whole || c->depth > 1)
		return;
	stop(c, dpk_refuse(c->refusal, DPK_VERDICT_ELEMENT,
			"the document holds a processing instruction outside its keys; expected none; write it "
			"anew"));
}

static int parse(struct cutting *c)
{
	_cleanup_(dpk_xml_parser_freep) XML_Parser parser = dpk_xml_parser_new();
	enum XML_Status status;

	if (!parser)
		return -ENOMEM;
	c->parser = parser;
	XML_SetUserData(parser, c);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetProcessingInstructionHandler(parser, on_instruction);
	XML_SetStartNamespaceDeclHandler(parser, on_declaration);
	status = XML_Parse(parser, c->text.data, (int)c->text.size, XML_TRUE);
	if (c->result != 0)
		return c->result;
	return status == XML_STATUS_OK ? 0 : dpk_xml_failure(parser, c->refusal);
}

static int cut(struct cutting *c)
{
	const struct dpk_blob *document = c->document;
	int r;

	r = dpk_encoding_check(
		document->data, document->size, DPK_DOCUMENT_MAX_BYTES, &c->text, c->refusal);
	if (!r)
		r = parse(c);
	if (r || !c->whole)
		return r;
	return add(c, document->origin, (const char *)document->data, document->size);
}

int dpk_split(
	const struct dpk_blob *document, struct dpk_blobs *blobs, struct dpk_refusal *ret_refusal)
{
	struct cutting c = {
		.document = document, .blobs = blobs, .refusal = ret_refusal, .name = "-"
	};
	size_t count = blobs->count;
	int r;

	*ret_refusal = (struct dpk_refusal){ 0 };
	r = cut(&c);
	/* a document that fails half-way gives nothing: part of a ring is worse than none */
	if (r)
		dpk_blobs_truncate(blobs, count);
	if (r == DPK_REFUSED)
		ret_refusal->could_be_revocation =
			dpk_name_could_be_revocation(document->name) ||
			dpk_encoding_mentions_revocation(document->data, document->size);
	return r;
}
