/* SPDX-License-Identifier: MIT */
/*
 * The element as .NET would have written it without a certificate. Where the
 * encryptedSecret begins and ends, expat says; the bytes around it stay as
 * they are, and its own indentation says how a masterKey is laid out there.
 */
#include "keys/unwrap-internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define VALUE_CHARS 88 /* base64 of DPK_MASTER_KEY_BYTES */

struct finding {
	XML_Parser parser;
	size_t begin, end; /* of encryptedSecret, in the text */
};

static bool is_secret(const char *expanded)
{
	const char *local;

	return dpk_xml_name(expanded, &local) == DPK_NS_DP && strcmp(local, "encryptedSecret") == 0;
}

static void on_start(void *user, const char *name, const char **attributes)
{
	struct finding *f = user;

	(void)attributes;
	if (is_secret(name))
		f->begin = (size_t)XML_GetCurrentByteIndex(f->parser);
}

static void on_end(void *user, const char *name)
{
	struct finding *f = user;

	if (is_secret(name))
		f->end = (size_t)(XML_GetCurrentByteIndex(f->parser) +
				  XML_GetCurrentByteCount(f->parser));
}

static int find_secret(const struct dpk_text *text, struct finding *f)
{
	_cleanup_(dpk_xml_parser_freep) XML_Parser parser = dpk_xml_parser_new();

	*f = (struct finding){ .parser = parser };
	if (!parser)
		return -ENOMEM;
	XML_SetUserData(parser, f);
	XML_SetElementHandler(parser, on_start, on_end);
	if (XML_Parse(parser, text->data, (int)text->size, XML_TRUE) != XML_STATUS_OK)
		return XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : 0;
	return f->begin < f->end && f->end <= text->size;
}

/* How the secret is indented: a newline and blanks, or not at all. */
struct layout {
	const char *newline; /* "" where there is no indentation */
	const char *blanks;
	size_t blank_count;
	const char *more; /* for each step down */
};

static struct layout layout_of(const char *text, size_t begin)
{
	struct layout none = { .newline = "", .blanks = "", .more = "" };
	struct layout layout = { .newline = "\n", .more = "  " };
	size_t at = begin;

	while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))
		at--;
	if (at == 0 || text[at - 1] != '\n')
		return none;
	layout.blanks = text + at;
	layout.blank_count = begin - at;
	if (at > 1 && text[at - 2] == '\r')
		layout.newline = "\r\n";
	return layout;
}

struct output {
	char *at;
	size_t left;
	bool full;
};

static void put(struct output *out, const char *text, size_t size)
{
	if (size > out->left) {
		out->full = true;
		return;
	}
	memcpy(out->at, text, size);
	out->at += size;
	out->left -= size;
}

static void puts_to(struct output *out, const char *text)
{
	put(out, text, strlen(text));
}

static void break_line(struct output *out, const struct layout *layout, const char *more)
{
	puts_to(out, layout->newline);
	put(out, layout->blanks, layout->blank_count);
	puts_to(out, more);
}

static void put_master_key(struct output *out, const struct layout *layout, const uint8_t *secret)
{
	unsigned char value[VALUE_CHARS + 1];

	EVP_EncodeBlock(value, secret, DPK_MASTER_KEY_BYTES);
	puts_to(out, "<masterKey p4:requiresEncryption=\"true\" "
		     "xmlns:p4=\"http://schemas.asp.net/2015/03/dataProtection\">");
	break_line(out, layout, layout->more);
	puts_to(out, "<!-- Warning: the key below is in an unencrypted form. -->");
	break_line(out, layout, layout->more);
	puts_to(out, "<value>");
	put(out, (const char *)value, VALUE_CHARS);
	puts_to(out, "</value>");
	break_line(out, layout, "");
	puts_to(out, "</masterKey>");
	explicit_bzero(value, sizeof(value));
}

static int render(const struct dpk_text *text, const uint8_t *secret, struct output *output)
{
	struct layout layout;
	struct finding f;
	int r = find_secret(text, &f);

	if (r <= 0)
		return r;
	layout = layout_of(text->data, f.begin);
	/* the byte-order mark lies before the text */
	put(output, text->data - text->skipped, text->skipped + f.begin);
	put_master_key(output, &layout, secret);
	put(output, text->data + f.end, text->size - f.end);
	return DPK_UNWRAP_OPENED;
}

int dpk_unwrap_render(const struct dpk_blob *element,
	const uint8_t secret[static DPK_MASTER_KEY_BYTES], void *out, size_t capacity,
	size_t *ret_size)
{
	struct output output = { .at = out, .left = capacity };
	struct dpk_refusal refusal;
	struct dpk_text text;
	int r = dpk_encoding_check(
		element->data, element->size, DPK_ELEMENT_MAX_BYTES, &text, &refusal);

	if (r == 0)
		r = render(&text, secret, &output);
	else
		r = r < 0 ? r : 0;
	*ret_size = capacity - output.left;
	if (r == DPK_UNWRAP_OPENED && !output.full && *ret_size <= DPK_ELEMENT_MAX_BYTES)
		return r;
	explicit_bzero(out, capacity);
	*ret_size = 0;
	return r < 0 ? r : 0;
}
