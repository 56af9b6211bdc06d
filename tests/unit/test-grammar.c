/* SPDX-License-Identifier: MIT */
/*
 * The grammar, by its negatives: documents that .NET wrote, each with one
 * change, and the exact reason that the change must have.
 */
#include "keys/gate.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum base {
	WRAPPED,
	PLAIN,
	MANAGED,
	GCM,
	ONE,  /* a revocation */
	MASS, /* a mass revocation */
	BASES
};

static const char *const base_files[BASES] = {
	[WRAPPED] = "odd/32-no-declaration-no-bom/key-a.xml",
	[PLAIN] = "rings/net10-plain/key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml",
	[MANAGED] = "rings/net10-managed-a/key-78557afa-3e8f-4869-a539-d05cdb56588c.xml",
	[GCM] = "rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml",
	[ONE] = "rings/net10-revoked-one/revocation-166b159e-f5b2-450c-8e4a-89ea1343cde0.xml",
	[MASS] = "rings/net10-revoked-all/revocation-20261121T1237340661753Z.xml",
};

struct change {
	const char *what;
	enum base base;
	const char *find; /* its first occurrence */
	const char *put;
	enum dpk_verdict verdict;
};

#define ID   "845e7bed-f900-4a2e-ac49-3ec906feb78b"
#define X509 "<X509Certificate>"
#define ALG  "http://www.w3.org/2001/04/xmlenc#"

static const struct change changes[] = {
	/* bytes */
	{ "two byte-order marks", ONE, "<?xml", "\xef\xbb\xbf<?xml", DPK_VERDICT_ENCODING },
	{ "Latin-1 byte", ONE, "<reason />", "<reason>\xe9</reason>", DPK_VERDICT_ENCODING },
	{ "overlong form", ONE, "<reason />", "<reason>\xc0\xbc</reason>", DPK_VERDICT_ENCODING },
	{ "overlong form of three", ONE, "<reason />", "<reason>\xe0\x80\xbc</reason>",
		DPK_VERDICT_ENCODING },
	{ "surrogate", ONE, "<reason />", "<reason>\xed\xa0\x80</reason>", DPK_VERDICT_ENCODING },
	{ "past U+10FFFF", ONE, "<reason />", "<reason>\xf4\x90\x80\x80</reason>",
		DPK_VERDICT_ENCODING },
	{ "cut sequence", ONE, "<reason />", "<reason>\xe2\x82</reason>", DPK_VERDICT_ENCODING },
	{ "declared UTF-16", ONE, "utf-8", "utf-16", DPK_VERDICT_ENCODING },
	{ "declared Latin-1", ONE, "\"utf-8\"", "'iso-8859-1'", DPK_VERDICT_ENCODING },
	{ "declared utf8", ONE, "utf-8", "utf8", DPK_VERDICT_ENCODING },
	{ "declared UTF-8 in capitals", ONE, "utf-8", "UTF-8", DPK_VERDICT_OK },
	{ "standalone", ONE, "utf-8\"", "utf-8\" standalone='yes'", DPK_VERDICT_OK },
	{ "standalone that is neither", ONE, "utf-8\"", "utf-8\" standalone='x'", DPK_VERDICT_XML },
	{ "XML 1.1", ONE, "1.0", "1.1", DPK_VERDICT_XML },
	{ "no version", ONE, "version=\"1.0\" ", "", DPK_VERDICT_XML },
	{ "declaration without end", ONE, "utf-8\"?>", "utf-8\"", DPK_VERDICT_XML },
	{ "encoding without a value", ONE, "encoding=\"utf-8\"", "encoding", DPK_VERDICT_XML },
	/* entities */
	{ "DOCTYPE", ONE, "<revocation", "<!DOCTYPE revocation><revocation", DPK_VERDICT_DOCTYPE },
	{ "DOCTYPE in a comment", ONE, "<reason", "<!-- <!DOCTYPE --><reason",
		DPK_VERDICT_DOCTYPE },
	{ "ENTITY in a comment", ONE, "<reason", "<!-- <!ENTITY --><reason", DPK_VERDICT_DOCTYPE },
	{ "undeclared entity", ONE, "<reason />", "<reason>&x;</reason>", DPK_VERDICT_XML },
	{ "predefined entity", ONE, "<reason />", "<reason>&lt;&#65;&amp;</reason>",
		DPK_VERDICT_OK },
	{ "reference to NUL", ONE, "<reason />", "<reason>&#0;</reason>", DPK_VERDICT_XML },
	{ "reference to U+0001", ONE, "<reason />", "<reason>&#1;</reason>", DPK_VERDICT_XML },
	/* XML */
	{ "CDATA", WRAPPED, "<creationDate>2026", "<creationDate><![CDATA[2]]>026",
		DPK_VERDICT_ELEMENT },
	{ "processing instruction", WRAPPED, "<creationDate>", "<?x y?><creationDate>",
		DPK_VERDICT_ELEMENT },
	{ "processing instruction before the root", WRAPPED, "<key", "<?x y?><key",
		DPK_VERDICT_ELEMENT },
	{ "processing instruction after the root", WRAPPED, "</key>", "</key><?x y?>",
		DPK_VERDICT_ELEMENT },
	{ "cut off", WRAPPED, "</key>", "", DPK_VERDICT_XML },
	{ "text after the root", WRAPPED, "</key>", "</key>x", DPK_VERDICT_XML },
	{ "comment after the root", WRAPPED, "</key>", "</key><!-- x -->\n", DPK_VERDICT_OK },
	{ "two roots", WRAPPED, "</key>", "</key><key/>", DPK_VERDICT_XML },
	{ "attribute twice", WRAPPED, "version=\"1\"", "version=\"1\" version=\"1\"",
		DPK_VERDICT_XML },
	{ "attribute twice by namespace", PLAIN, "p4:req",
		"xmlns:q=\"http://schemas.asp.net/2015/03/dataProtection\" q:requiresEncryption=\"1\" p4:req",
		DPK_VERDICT_XML },
	{ "undeclared prefix", WRAPPED, "<creationDate>", "<x:creationDate>", DPK_VERDICT_XML },
	/* root */
	{ "another root", WRAPPED, "<key", "<!-- --><clef/><key", DPK_VERDICT_XML },
	{ "root in a namespace", WRAPPED, "<key ", "<key xmlns=\"urn:x\" ", DPK_VERDICT_ROOT },
	{ "unused prefix on the root", WRAPPED, "<key ", "<key xmlns:x=\"urn:x\" ",
		DPK_VERDICT_OK },
	/* the key's own attributes and children */
	{ "no id", WRAPPED, "id=\"" ID "\"", "", DPK_VERDICT_ATTRIBUTE },
	{ "id in a namespace", WRAPPED, "id=", "xmlns:x=\"urn:x\" x:id=", DPK_VERDICT_ATTRIBUTE },
	{ "xml:space", WRAPPED, "id=", "xml:space=\"preserve\" id=", DPK_VERDICT_ATTRIBUTE },
	{ "version 2", WRAPPED, "version=\"1\"", "version=\"2\"", DPK_VERDICT_ATTRIBUTE },
	{ "id with a space", WRAPPED, ID, " " ID, DPK_VERDICT_KEY_ID },
	{ "id without dashes", WRAPPED, ID, "845e7bedf9004a2eac493ec906feb78b",
		DPK_VERDICT_KEY_ID },
	{ "empty id", WRAPPED, ID, "", DPK_VERDICT_KEY_ID },
	{ "id of a mass revocation", WRAPPED, ID, "*", DPK_VERDICT_KEY_ID },
	{ "text between", WRAPPED, "<activationDate>", "x<activationDate>", DPK_VERDICT_ELEMENT },
	{ "a date behind its element", WRAPPED, "<activationDate>",
		"2026-11-21T12:37:32.1735248Z<activationDate>", DPK_VERDICT_OK },
	{ "a date in a descriptor", WRAPPED, "<encryption ", "2026-11-21T12:37:32Z<encryption ",
		DPK_VERDICT_ELEMENT },
	{ "unknown child", WRAPPED, "<activationDate>", "<x/><activationDate>",
		DPK_VERDICT_ELEMENT },
	{ "repeated child", WRAPPED, "<activationDate>",
		"<creationDate>2026-01-01T00:00:00Z</creationDate><activationDate>",
		DPK_VERDICT_ELEMENT },
	{ "child after the last", WRAPPED, "</key>", "<x/></key>", DPK_VERDICT_ELEMENT },
	{ "missing child", WRAPPED, "<creationDate>2026-11-21T12:37:32.1735248Z</creationDate>", "",
		DPK_VERDICT_ELEMENT },
	{ "empty date", WRAPPED, "<creationDate>2026-11-21T12:37:32.1735248Z</creationDate>",
		"<creationDate />", DPK_VERDICT_KEY_DATE },
	{ "child in a date", WRAPPED, "<creationDate>2", "<creationDate><x/>2",
		DPK_VERDICT_ELEMENT },
	{ "attribute on a date", WRAPPED, "<creationDate", "<creationDate x=\"\"",
		DPK_VERDICT_ATTRIBUTE },
	{ "comment in a date", WRAPPED, "<creationDate>2", "<creationDate>2<!-- x -->",
		DPK_VERDICT_OK },
	{ "space before a date", WRAPPED, "<creationDate>", "<creationDate> ",
		DPK_VERDICT_KEY_DATE },
	{ "lower-case z", WRAPPED, "1735248Z</creation", "1735248z</creation",
		DPK_VERDICT_KEY_DATE },
	{ "offset", WRAPPED, "1735248Z</creation", "1735248+02:00</creation", DPK_VERDICT_OK },
	{ "1970 is the first year", WRAPPED, "<creationDate>2026-11-21T12:37:32.1735248Z",
		"<creationDate>1970-01-01T00:00:00Z", DPK_VERDICT_OK },
	{ "one tick before 1970", WRAPPED, "<creationDate>2026-11-21T12:37:32.1735248Z",
		"<creationDate>1969-12-31T23:59:59.9999999Z", DPK_VERDICT_KEY_DATE },
	{ "the last date", WRAPPED, "<expirationDate>2036-11-18T12:37:32.1735248Z",
		"<expirationDate>9999-12-31T23:54:59Z", DPK_VERDICT_OK },
	{ "one tick past the last date", WRAPPED, "<expirationDate>2036-11-18T12:37:32.1735248Z",
		"<expirationDate>9999-12-31T23:54:59.0000001Z", DPK_VERDICT_KEY_DATE },
	/* types */
	{ "no deserializerType", WRAPPED, "deserializerType=", "type=", DPK_VERDICT_ATTRIBUTE },
	{ "unknown deserializer", WRAPPED, "ConfigurationModel.A", "ConfigurationModel.B",
		DPK_VERDICT_TYPE },
	{ "another assembly", WRAPPED, ", Microsoft.AspNetCore.DataProtection, V",
		", System.Xml, V", DPK_VERDICT_TYPE },
	{ "no assembly", WRAPPED,
		", Microsoft.AspNetCore.DataProtection, Version=10.0.0.0, "
		"Culture=neutral, PublicKeyToken=adb9793829ddae60",
		"", DPK_VERDICT_TYPE },
	{ "another token", WRAPPED, "adb9793829ddae60", "adb9793829ddae61", DPK_VERDICT_TYPE },
	{ "another culture", WRAPPED, "Culture=neutral", "Culture=de", DPK_VERDICT_TYPE },
	{ "any version", WRAPPED, "Version=10.0.0.0", "Version=3.1.25.0", DPK_VERDICT_OK },
	{ "empty version", WRAPPED, "Version=10.0.0.0", "Version=", DPK_VERDICT_TYPE },
	{ "comma at the end", WRAPPED, "adb9793829ddae60\"", "adb9793829ddae60,\"",
		DPK_VERDICT_TYPE },
	{ "something after the type", WRAPPED, "adb9793829ddae60", "adb9793829ddae60 x",
		DPK_VERDICT_TYPE },
	{ "without a version", WRAPPED, ", Version=10.0.0.0", "", DPK_VERDICT_OK },
	{ "the old namespace", WRAPPED, "\"Microsoft.AspNetCore.DataProtection",
		"\"Microsoft.AspNet.DataProtection", DPK_VERDICT_OK },
	{ "a decryptor as deserializer", WRAPPED,
		"AuthenticatedEncryption.ConfigurationModel.AuthenticatedEncryptorDescriptorDeserializer",
		"XmlEncryption.EncryptedXmlDecryptor", DPK_VERDICT_TYPE },
	{ "CNG CBC", WRAPPED, "Model.Auth", "Model.CngCbcAuth", DPK_VERDICT_TYPE },
	{ "CNG GCM", WRAPPED, "Model.Auth", "Model.CngGcmAuth", DPK_VERDICT_TYPE },
	{ "DPAPI", WRAPPED, "EncryptedXmlDecryptor", "DpapiXmlDecryptor", DPK_VERDICT_TYPE },
	{ "DPAPI-NG", WRAPPED, "EncryptedXmlDecryptor", "DpapiNGXmlDecryptor", DPK_VERDICT_TYPE },
	{ "Key Vault", WRAPPED,
		"Microsoft.AspNetCore.DataProtection.XmlEncryption.EncryptedXmlDecryptor, "
		"Microsoft.AspNetCore.DataProtection",
		"Azure.Extensions.AspNetCore.DataProtection.Keys.AzureKeyVaultXmlDecryptor, "
		"Azure.Extensions.AspNetCore.DataProtection.Keys",
		DPK_VERDICT_TYPE },
	{ "no decryptorType", WRAPPED, "decryptorType=", "type=", DPK_VERDICT_ATTRIBUTE },
	/* algorithms */
	{ "unknown encryption", WRAPPED, "AES_256_CBC", "AES_256_ECB", DPK_VERDICT_ALGORITHM },
	{ "encryption in lower case", WRAPPED, "AES_256_CBC", "aes_256_cbc",
		DPK_VERDICT_ALGORITHM },
	{ "unknown validation", WRAPPED, "HMACSHA256", "HMACMD5", DPK_VERDICT_ALGORITHM },
	{ "HMACSHA1 is for the managed kind", WRAPPED, "HMACSHA256", "HMACSHA1",
		DPK_VERDICT_ALGORITHM },
	{ "HMACSHA512", WRAPPED, "HMACSHA256", "HMACSHA512", DPK_VERDICT_OK },
	{ "CBC without validation", WRAPPED, "<validation algorithm=\"HMACSHA256\" />", "",
		DPK_VERDICT_ELEMENT },
	{ "GCM with validation", WRAPPED, "AES_256_CBC", "AES_256_GCM", DPK_VERDICT_ELEMENT },
	{ "CBC in a GCM key", GCM, "AES_256_GCM", "AES_256_CBC", DPK_VERDICT_ELEMENT },
	{ "AES-192-GCM", GCM, "AES_256_GCM", "AES_192_GCM", DPK_VERDICT_OK },
	{ "keyLength on the default kind", WRAPPED, "<encryption ",
		"<encryption keyLength=\"256\" ", DPK_VERDICT_ATTRIBUTE },
	{ "validation before encryption", WRAPPED, "<encryption algorithm=\"AES_256_CBC\" />",
		"<validation algorithm=\"HMACSHA256\" /><encryption algorithm=\"AES_256_CBC\" />",
		DPK_VERDICT_ELEMENT },
	{ "managed: another class", MANAGED, "\"Aes\"", "\"System.Security.Cryptography.Aes\"",
		DPK_VERDICT_ALGORITHM },
	{ "managed: 192 bits", MANAGED, "\"256\"", "\"192\"", DPK_VERDICT_OK },
	{ "managed: 64 bits", MANAGED, "\"256\"", "\"64\"", DPK_VERDICT_ALGORITHM },
	{ "managed: no key length", MANAGED, " keyLength=\"256\"", "", DPK_VERDICT_ATTRIBUTE },
	{ "managed: HMACSHA1", MANAGED, "HMACSHA512", "HMACSHA1", DPK_VERDICT_OK },
	{ "managed: HMACSHA384", MANAGED, "HMACSHA512", "HMACSHA384", DPK_VERDICT_OK },
	{ "managed: another hash", MANAGED, "HMACSHA512", "HMACRIPEMD160", DPK_VERDICT_ALGORITHM },
	{ "managed: no validation", MANAGED, "<validation algorithm=\"HMACSHA512\" />", "",
		DPK_VERDICT_ELEMENT },
	/* the secret */
	{ "a masterKey beside", WRAPPED, "<encryptedSecret",
		"<masterKey><value>AAAA</value></masterKey><encryptedSecret",
		DPK_VERDICT_SECRET_COUNT },
	{ "two masterKeys", PLAIN, "<masterKey",
		"<masterKey><value>AAAA</value></masterKey><masterKey", DPK_VERDICT_SECRET_COUNT },
	{ "a decoy encryptedSecret", PLAIN, "<masterKey",
		"<encryptedSecret xmlns=\"http://schemas.asp.net/2015/03/dataProtection\"/><masterKey",
		DPK_VERDICT_SECRET_COUNT },
	{ "no secret", PLAIN, "masterKey p4", "master p4", DPK_VERDICT_XML },
	{ "encryptedSecret in no namespace", WRAPPED,
		" xmlns=\"http://schemas.asp.net/2015/03/dataProtection\">", ">",
		DPK_VERDICT_SECRET_COUNT },
	{ "a secret that is no direct child", PLAIN, "<encryption algorithm=\"AES_256_CBC\" />",
		"<encryption algorithm=\"AES_256_CBC\"><masterKey><value>AAAA</value></masterKey></encryption>",
		DPK_VERDICT_ELEMENT },
	{ "the secret before the algorithms", PLAIN, "<encryption ", "<x/><encryption ",
		DPK_VERDICT_ELEMENT },
	{ "requiresEncryption=1", PLAIN, "=\"true\"", "=\"1\"", DPK_VERDICT_OK },
	{ "requiresEncryption=false", PLAIN, "=\"true\"", "=\"false\"", DPK_VERDICT_ATTRIBUTE },
	{ "no requiresEncryption", PLAIN, "p4:requiresEncryption=\"true\"", "", DPK_VERDICT_OK },
	{ "requiresEncryption in no namespace", PLAIN, "p4:req", "req", DPK_VERDICT_ATTRIBUTE },
	{ "two values", PLAIN, "<value>", "<value>AAAA</value><value>", DPK_VERDICT_ELEMENT },
	{ "no base64", PLAIN, "<value>", "<value>*", DPK_VERDICT_BASE64 },
	{ "too short a group", PLAIN, "<value>", "<value>A", DPK_VERDICT_BASE64 },
	{ "67 bytes", PLAIN, "<value>", "<value>AAAA", DPK_VERDICT_SECRET_LENGTH },
	{ "white space in base64", PLAIN, "<value>", "<value> \r\n\t", DPK_VERDICT_OK },
	{ "no-break space in base64", PLAIN, "<value>", "<value>\xc2\xa0", DPK_VERDICT_BASE64 },
	/* XML-Enc */
	{ "something beside EncryptedData", WRAPPED, "<EncryptedData", "<x/><EncryptedData",
		DPK_VERDICT_ELEMENT },
	{ "EncryptedData in another namespace", WRAPPED,
		"xmlns=\"http://www.w3.org/2001/04/xmlenc#\"", "xmlns=\"urn:x\"",
		DPK_VERDICT_ELEMENT },
	{ "Id", WRAPPED, "<EncryptedData ", "<EncryptedData Id=\"x\" ", DPK_VERDICT_XMLENC_SHAPE },
	{ "no Type", WRAPPED, " Type=\"" ALG "Element\"", "", DPK_VERDICT_XMLENC_SHAPE },
	{ "Type Content", WRAPPED, "#Element", "#Content", DPK_VERDICT_XMLENC_SHAPE },
	{ "CipherReference", WRAPPED, "<CipherData>", "<CipherData><CipherReference URI=\"x\"/>",
		DPK_VERDICT_XMLENC_SHAPE },
	{ "RetrievalMethod", WRAPPED, "<X509Data>", "<RetrievalMethod URI=\"x\"/><X509Data>",
		DPK_VERDICT_XMLENC_SHAPE },
	{ "two certificates", WRAPPED, X509, X509 "AAAA</X509Certificate>" X509,
		DPK_VERDICT_XMLENC_SHAPE },
	{ "issuer and serial", WRAPPED, X509, "<X509IssuerSerial/>" X509,
		DPK_VERDICT_XMLENC_SHAPE },
	{ "ReferenceList", WRAPPED, "</EncryptedKey>", "<ReferenceList/></EncryptedKey>",
		DPK_VERDICT_XMLENC_SHAPE },
	{ "EncryptionProperties", WRAPPED, "</EncryptedData>",
		"<EncryptionProperties/></EncryptedData>", DPK_VERDICT_XMLENC_SHAPE },
	{ "KeySize", WRAPPED, "aes256-cbc\" />",
		"aes256-cbc\"><KeySize>256</KeySize></EncryptionMethod>",
		DPK_VERDICT_XMLENC_SHAPE },
	{ "text in EncryptedData", WRAPPED, "<KeyInfo", "x<KeyInfo", DPK_VERDICT_XMLENC_SHAPE },
	{ "AES-128", WRAPPED, "aes256-cbc", "aes128-cbc", DPK_VERDICT_XMLENC_ALGORITHM },
	{ "AES-GCM", WRAPPED, ALG "aes256-cbc", "http://www.w3.org/2009/xmlenc11#aes256-gcm",
		DPK_VERDICT_XMLENC_ALGORITHM },
	{ "3DES", WRAPPED, "aes256-cbc", "tripledes-cbc", DPK_VERDICT_XMLENC_ALGORITHM },
	{ "OAEP", WRAPPED, "rsa-1_5", "rsa-oaep-mgf1p", DPK_VERDICT_OK },
	{ "OAEP of XML-Enc 1.1", WRAPPED, ALG "rsa-1_5", "http://www.w3.org/2009/xmlenc11#rsa-oaep",
		DPK_VERDICT_XMLENC_ALGORITHM },
	{ "certificate not in base64", WRAPPED, X509, X509 "!", DPK_VERDICT_BASE64 },
	{ "empty certificate", WRAPPED, X509, X509 "</X509Certificate><!--" X509, DPK_VERDICT_XML },
	{ "session key not in base64", WRAPPED, "<CipherValue>", "<CipherValue>_",
		DPK_VERDICT_BASE64 },
	{ "padding in the middle", WRAPPED, "<CipherValue>",
		"<CipherValue>AA==", DPK_VERDICT_BASE64 },
	/* revocations */
	{ "no version", ONE, " version=\"1\"", "", DPK_VERDICT_REVOCATION },
	{ "version 2", ONE, " version=\"1\"", " version=\"2\"", DPK_VERDICT_REVOCATION },
	{ "unknown attribute", MASS, "id=", "x=\"\" id=", DPK_VERDICT_REVOCATION },
	{ "unknown child", MASS, "<reason", "<x/><reason", DPK_VERDICT_REVOCATION },
	{ "two keys", ONE, "<key", "<key id=\"" ID "\" /><key", DPK_VERDICT_REVOCATION },
	{ "text", ONE, "<reason", "x<reason", DPK_VERDICT_REVOCATION },
	{ "element in the reason", ONE, "<reason />", "<reason><x/></reason>",
		DPK_VERDICT_REVOCATION },
	{ "key in a namespace", ONE, "<key", "<key xmlns=\"urn:x\"", DPK_VERDICT_REVOCATION },
	{ "date without offset", MASS, "1753Z<", "1753<", DPK_VERDICT_REVOCATION },
	{ "no reason", MASS, "<reason>drill</reason>", "", DPK_VERDICT_OK },
	{ "id with braces", ONE, "166b159e", "{166b159e", DPK_VERDICT_REVOCATION },
	{ "revocation in a namespace", ONE, "<revocation", "<revocation xmlns=\"urn:x\"",
		DPK_VERDICT_ROOT },
	{ "processing instruction", ONE, "<reason", "<?x?><reason", DPK_VERDICT_ELEMENT },
	{ "cut off", ONE, "</revocation>", "", DPK_VERDICT_XML },
};

/* The base with the change made; "" where FIND is not in it. */
static void apply(const struct dpk_blob *base, const struct change *change, struct dpk_buf *buf)
{
	const char *data = (const char *)base->data;
	const char *at = memmem(data, base->size, change->find, strlen(change->find));

	dpk_buf_reset(buf);
	if (!at || dpk_buf_add(buf, data, (size_t)(at - data)) < 0 ||
		dpk_buf_adds(buf, change->put) < 0)
		return;
	at += strlen(change->find);
	dpk_buf_add(buf, at, base->size - (size_t)(at - data));
}

static void test_change(const struct dpk_blob *base, const struct change *change)
{
	bool revocation = change->base == ONE || change->base == MASS;
	struct dpk_buf buf = DPK_BUF_INIT(DPK_ELEMENT_MAX_BYTES);
	struct dpk_refusal refusal = { 0 };

	apply(base, change, &buf);
	if (!buf.data || buf.len == 0) {
		ok(false, "%s can be made", change->what);
		return;
	}
	is_str(dpk_verdict_code(gate_text("-", buf.data, buf.len, &refusal)),
		dpk_verdict_code(change->verdict), change->what);
	if (change->verdict == DPK_VERDICT_OK) {
		ok(refusal.text[0] == '\0' && !refusal.has_facts, "nothing is said of it");
	} else {
		size_t len = strlen(refusal.text);

		ok(refusal.could_be_revocation == revocation, "could it be a revocation: %s",
			revocation ? "yes" : "no");
		ok(len > 30 && len < sizeof(refusal.text) - 1 && refusal.text[len - 1] != '.',
			"says why: %s", refusal.text);
	}
	dpk_buf_fini(&buf);
}

static void test_changes(void)
{
	struct dpk_blob bases[BASES];
	char path[FIXTURE_PATH_MAX];

	for (size_t i = 0; i < BASES; i++)
		bases[i] = fixture_blob(fixture_path(path, "%s", base_files[i]));
	for (size_t i = 0; i < COUNT(changes); i++)
		test_change(&bases[changes[i].base], &changes[i]);
	for (size_t i = 0; i < BASES; i++)
		dpk_blob_fini(&bases[i]);
}

int main(void)
{
	test_changes();
	return tap_done();
}
