/* SPDX-License-Identifier: MIT */
/* One way to make an expat parser, and one way to say why it failed. */

/* expat.h of 2.4 and 2.5 hides its amplification limits from those who do not say this */
#define XML_DTD 1

#include "keys/xml.h"

#include "keys/gate.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/*
 * Between namespace and local name. U+0001 is no character of XML 1.0, not
 * even as a reference, so no namespace can contain it.
 */
#define SEPARATOR '\1'

static const struct {
	const char *uri;
	enum dpk_ns ns;
} namespaces[] = {
	{ "http://schemas.asp.net/2015/03/dataProtection", DPK_NS_DP },
	{ "http://www.w3.org/2001/04/xmlenc#", DPK_NS_XENC },
	{ "http://www.w3.org/2000/09/xmldsig#", DPK_NS_DSIG },
};

XML_Parser dpk_xml_parser_new(void)
{
	XML_Parser parser = XML_ParserCreateNS("UTF-8", SEPARATOR);
	unsigned long salt;

	if (!parser)
		return NULL;
	if (getrandom(&salt, sizeof(salt), 0) == (ssize_t)sizeof(salt))
		XML_SetHashSalt(parser, salt);
	/* second line: without a DOCTYPE nothing can be amplified at all */
	XML_SetBillionLaughsAttackProtectionMaximumAmplification(parser, 2.0f);
	XML_SetBillionLaughsAttackProtectionActivationThreshold(parser, DPK_ELEMENT_MAX_BYTES);
	return parser;
}

enum dpk_ns dpk_xml_name(const char *expanded, const char **ret_local)
{
	const char *separator = strchr(expanded, SEPARATOR);
	size_t len;

	*ret_local = separator ? separator + 1 : expanded;
	if (!separator)
		return DPK_NS_NONE;
	len = (size_t)(separator - expanded);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (strlen(namespaces[i].uri) == len &&
			memcmp(expanded, namespaces[i].uri, len) == 0)
			return namespaces[i].ns;
	return DPK_NS_OTHER;
}

bool dpk_xml_is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

int dpk_xml_failure(XML_Parser parser, struct dpk_refusal *refusal)
{
	enum XML_Error code = XML_GetErrorCode(parser);

	if (code == XML_ERROR_NO_MEMORY)
		return -ENOMEM;
	if (code == XML_ERROR_AMPLIFICATION_LIMIT_BREACH)
		return dpk_refuse(refusal, DPK_VERDICT_LIMITS,
			"entities expand beyond the document; expected none; find out who wrote this to "
			"the store");
	return dpk_refuse(refusal, DPK_VERDICT_XML,
		"not well-formed XML: %s at line %lu, column %lu; expected one whole element; write it "
		"anew, for an interrupted write leaves such a file",
		XML_ErrorString(code), (unsigned long)XML_GetCurrentLineNumber(parser),
		(unsigned long)XML_GetCurrentColumnNumber(parser));
}
