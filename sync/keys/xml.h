/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_XML_H
#define DPK_KEYS_XML_H

/*
 * Expat as this project uses it: namespaces resolved, UTF-8 only, the whole
 * buffer in one call. Only keys/ includes this.
 */

#include "keys/types.h"

#include <expat.h>

/* The namespaces that a key may use. */
enum dpk_ns {
	DPK_NS_NONE = 0,
	DPK_NS_DP,   /* http://schemas.asp.net/2015/03/dataProtection */
	DPK_NS_XENC, /* http://www.w3.org/2001/04/xmlenc# */
	DPK_NS_DSIG, /* http://www.w3.org/2000/09/xmldsig# */
	DPK_NS_OTHER,
};

/* With a random hash salt and amplification limits; NULL without memory. XML_ParserFree it. */
XML_Parser dpk_xml_parser_new(void);

static inline void dpk_xml_parser_freep(XML_Parser *parser)
{
	XML_ParserFree(*parser);
}

/* Splits a name as expat gives it. *ret_local borrows EXPANDED. */
enum dpk_ns dpk_xml_name(const char *expanded, const char **ret_local);

/* Only space, tab, CR and LF? */
bool dpk_xml_is_blank(const char *text, size_t len);

/* After XML_Parse failed by itself: DPK_REFUSED (`xml` or `limits`), or -ENOMEM. */
int dpk_xml_failure(XML_Parser parser, struct dpk_refusal *refusal);

#endif
