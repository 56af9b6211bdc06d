/* SPDX-License-Identifier: MIT */
/* The gate: what real .NET wrote passes, everything else has its exact reason. */
#include "keys/gate.h"

#include "base/ticks.h"
#include "keys/certs.h"
#include "keys/verify.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define GCM         "rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml"
#define MASS        "rings/net10-revoked-all/revocation-20261121T1237340661753Z.xml"
#define ID          "845e7bed-f900-4a2e-ac49-3ec906feb78b"

/* --- real rings ------------------------------------------------------------ */

static void test_genuine_ring(const char *ring)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **entries;
	int n = fixture_list(fixture_path(path, "rings/%s", ring), fixture_is_xml, &entries);

	for (int i = 0; i < n; i++) {
		struct dpk_refusal refusal = { 0 };
		struct dpk_draft draft;
		struct dpk_blob blob;

		blob = fixture_blob(fixture_path(path, "rings/%s/%s", ring, entries[i]->d_name));
		ok(dpk_gate(&blob, &draft, &refusal) == 0, "%s/%s passes%s%s", ring,
			entries[i]->d_name, refusal.text[0] ? ": " : "", refusal.text);
		ok((draft.facts.kind == DPK_KIND_KEY) == (strncmp(blob.name, "key", 3) == 0),
			"its kind");
		dpk_blob_fini(&blob);
		free(entries[i]);
	}
	free(entries);
}

static void test_genuine(void)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **rings;
	int n = fixture_list(fixture_path(path, "rings"), fixture_is_visible, &rings);

	is_num(n, 16, "sixteen rings");
	for (int i = 0; i < n; i++) {
		test_genuine_ring(rings[i]->d_name);
		free(rings[i]);
	}
	free(rings);
}

/* --- the odd ones ---------------------------------------------------------- */

/* Those whose verdict lies with other rooms: ring rules, unwrapping, listing a directory. */
static bool is_ours(const char *expected)
{
	return strncmp(expected, "duplicate-id", 12) != 0 && strncmp(expected, "unwrap", 6) != 0 &&
	       strncmp(expected, "ignored", 7) != 0 && strncmp(expected, "fetch", 5) != 0;
}

/* `accept`, or the first word of what is expected. */
static void test_odd_case(const struct dpk_trust *trust, const char *name, const char *expected)
{
	enum dpk_verdict worst = DPK_VERDICT_OK, want = DPK_VERDICT_OK;
	char path[FIXTURE_PATH_MAX];
	struct dirent **entries;
	int n = fixture_list(fixture_path(path, "odd/%s", name), fixture_is_xml, &entries);

	if (strncmp(expected, "accept", 6) != 0)
		dpk_verdict_parse(expected, strcspn(expected, ", \n"), &want);
	for (int i = 0; i < n; i++) {
		struct dpk_refusal refusal = { 0 };
		struct dpk_key *key = NULL;
		struct dpk_blob blob;

		blob = fixture_blob(fixture_path(path, "odd/%s/%s", name, entries[i]->d_name));
		if (dpk_verify(trust, &blob, &key, &refusal) != 0)
			worst = refusal.verdict;
		if (worst == DPK_VERDICT_REVOCATION)
			ok(refusal.could_be_revocation, "%s holds the ring", name);
		dpk_key_unref(key);
		dpk_blob_fini(&blob);
		free(entries[i]);
	}
	free(entries);
	is_str(dpk_verdict_code(worst), dpk_verdict_code(want), name);
}

static void test_odd(void)
{
	char path[FIXTURE_PATH_MAX], line[512];
	struct dpk_trust trust = { 0 };
	struct dpk_certs *certs = NULL;
	int cases = 0;
	FILE *f;

	if (dpk_certs_load(fixture_path(path, "certs/wrap-c.pem"), &certs, NULL) < 0)
		abort();
	trust.wrap_certs = certs;
	f = fopen(fixture_path(path, "odd/expected.tsv"), "r");
	while (f && fgets(line, sizeof(line), f)) {
		char name[64], expected[256];

		if (sscanf(line, "%63[^\t]\t%*[^\t]\t%255[^\n]", name, expected) != 2 ||
			line[0] == '#')
			continue;
		cases++;
		if (is_ours(expected))
			test_odd_case(&trust, name, expected);
	}
	if (f)
		fclose(f);
	is_num(cases, 42, "all cases are read");
	dpk_certs_free(certs);
}

/* --- whole texts ----------------------------------------------------------- */

static void test_texts(void)
{
	static const struct {
		const char *text;
		enum dpk_verdict verdict;
		bool revocation;
	} texts[] = {
		{ "x", DPK_VERDICT_XML, false },
		{ "\n", DPK_VERDICT_XML, false },
		{ "\xef\xbb\xbf", DPK_VERDICT_XML, false },
		{ "\xef\xbb", DPK_VERDICT_ENCODING, false },
		{ "NOT-MOUNTED", DPK_VERDICT_XML, false },
		{ "<?xml", DPK_VERDICT_XML, false },
		{ "<?xml ", DPK_VERDICT_XML, false },
		{ "<?xml version=\"1.0", DPK_VERDICT_XML, false },
		{ "<key/>", DPK_VERDICT_ATTRIBUTE, false },
		{ "<revocation/>", DPK_VERDICT_REVOCATION, true },
		{ "<revocation", DPK_VERDICT_XML, true },
		{ "<Revocation/>", DPK_VERDICT_ROOT, false },
		{ "<repository><revocation/></repository>", DPK_VERDICT_ROOT, false },
		{ "<key/><revocation/>", DPK_VERDICT_XML, true },
		{ "<x:revocation xmlns:x='urn:x'/>", DPK_VERDICT_ROOT, true },
		{ "<?xml version='1.0' encoding='x'?><revocation/>", DPK_VERDICT_ENCODING, true },
		{ "<!DOCTYPE revocation><revocation/>", DPK_VERDICT_DOCTYPE, true },
		{ "\xff\xfe<revocation/>", DPK_VERDICT_ENCODING, true },
	};
	struct dpk_refusal refusal = { 0 };

	for (size_t i = 0; i < COUNT(texts); i++) {
		gate_text("-", texts[i].text, strlen(texts[i].text), &refusal);
		is_str(dpk_verdict_code(refusal.verdict), dpk_verdict_code(texts[i].verdict),
			texts[i].text);
		ok(refusal.could_be_revocation == texts[i].revocation,
			"could it be a revocation: %s", texts[i].revocation ? "yes" : "no");
	}
}

/* TEXT in UTF-16 or UTF-32 (WIDTH bytes each), the letter at OFFSET of them. */
static size_t widen(const char *text, size_t width, size_t offset, char *out)
{
	size_t len = strlen(text);

	memset(out, 0, len * width);
	for (size_t i = 0; i < len; i++)
		out[i * width + offset] = text[i];
	return len * width;
}

static void test_other_encodings(void)
{
	static const struct {
		size_t width, offset;
	} forms[] = { { 2, 0 }, { 2, 1 }, { 4, 0 }, { 4, 3 } };
	struct dpk_refusal refusal = { 0 };
	char out[256];

	for (size_t i = 0; i < COUNT(forms); i++) {
		size_t len = widen("<revocation/>", forms[i].width, forms[i].offset, out);

		is_num(gate_text("-", out, len, &refusal), DPK_VERDICT_ENCODING, "wide characters");
		ok(refusal.could_be_revocation, "a revocation is seen in them");
		len = widen("<key/>", forms[i].width, forms[i].offset, out);
		gate_text("key-1.xml", out, len, &refusal);
		ok(!refusal.could_be_revocation, "and a key is none");
		gate_text("Revocation-1.xml", out, len, &refusal);
		ok(refusal.could_be_revocation, "unless the name says so");
	}
	gate_text("revocation-1.xml", "<key/>", 6, &refusal);
	ok(!refusal.could_be_revocation, "a name says nothing where the root was read");
	gate_text("revocation-1.xml", "", 0, &refusal);
	ok(refusal.verdict == DPK_VERDICT_SIZE && refusal.could_be_revocation,
		"an empty file named as a revocation could be one");
	ok(dpk_name_could_be_revocation("REVOCATION-x"), "names in any case");
	ok(!dpk_name_could_be_revocation("revocatio") && !dpk_name_could_be_revocation("-"),
		"and no other names");
}

/* --- limits ---------------------------------------------------------------- */

/* Is PREFIX, then N times MIDDLE with a number for its '#', then SUFFIX refused for its limits? */
static void test_limit(const char *prefix, const char *middle, int n, const char *suffix,
	bool limited, const char *what)
{
	struct dpk_buf buf = DPK_BUF_INIT(1u << 20);
	struct dpk_refusal refusal = { 0 };

	dpk_buf_adds(&buf, prefix);
	for (int i = 0; i < n; i++) {
		size_t hash = strcspn(middle, "#");

		dpk_buf_add(&buf, middle, hash);
		if (middle[hash])
			dpk_buf_addf(&buf, "%d%s", i, middle + hash + 1);
	}
	dpk_buf_adds(&buf, suffix);
	gate_text("-", buf.data, buf.len, &refusal);
	ok((refusal.verdict == DPK_VERDICT_LIMITS) == limited, "%s: %s", what,
		dpk_verdict_code(refusal.verdict));
	dpk_buf_fini(&buf);
}

#define TEN "aaaaaaaaaa"
#define A63 TEN TEN TEN TEN TEN TEN "aaa"

static void test_limits(void)
{
	test_limit("<key>", "<x#/>", DPK_XML_MAX_ELEMENTS - 1, "</key>", false, "64 elements");
	test_limit("<key>", "<x#/>", DPK_XML_MAX_ELEMENTS, "</key>", true, "65 elements");
	test_limit("<key ", "x#='' ", DPK_XML_MAX_ATTRIBUTES, "/>", false, "8 attributes");
	test_limit("<key ", "x#='' ", DPK_XML_MAX_ATTRIBUTES + 1, "/>", true, "9 attributes");
	test_limit("<key ", "xmlns:x#='u' ", DPK_XML_MAX_ATTRIBUTES, "/>", false, "8 namespaces");
	test_limit(
		"<key ", "xmlns:x#='u' ", DPK_XML_MAX_ATTRIBUTES + 1, "/>", true, "9 namespaces");
	test_limit("<key a='' ", "xmlns:x#='u' ", DPK_XML_MAX_ATTRIBUTES - 1, "/>", false,
		"1 attribute and 7 namespaces");
	test_limit("<key a='' ", "xmlns:x#='u' ", DPK_XML_MAX_ATTRIBUTES, "/>", true,
		"1 attribute and 8 namespaces");
	test_limit("<key xmlns:a='u' xmlns:b='u'>", "<x# a:y='' xmlns:c='u'/>", 6, "</key>", false,
		"each element has its own count");
	test_limit("<", A63 "a", 1, "/>", false, "a name of 64 bytes");
	test_limit("<", A63 "aa", 1, "/>", true, "a name of 65 bytes");
	test_limit("<key ", A63 "aa", 1, "=''/>", true, "an attribute's name of 65 bytes");
	test_limit("<key><x", A63, 200, "/></key>", true, "a very long name");
}

static void test_depth(unsigned int depth, bool limited)
{
	struct dpk_buf buf = DPK_BUF_INIT(4096);
	struct dpk_refusal refusal = { 0 };

	for (unsigned int i = 0; i < depth; i++)
		dpk_buf_adds(&buf, "<a>");
	for (unsigned int i = 0; i < depth; i++)
		dpk_buf_adds(&buf, "</a>");
	gate_text("-", buf.data, buf.len, &refusal);
	ok((refusal.verdict == DPK_VERDICT_LIMITS) == limited, "depth %u: %s", depth,
		dpk_verdict_code(refusal.verdict));
	dpk_buf_fini(&buf);
}

/* FILLER of them make SIZE bytes of element. */
static void test_size(const char *prefix, char filler, size_t size, const char *suffix,
	enum dpk_verdict want, const char *what)
{
	size_t head = strlen(prefix), tail = strlen(suffix);
	struct dpk_refusal refusal = { 0 };
	char *text = malloc(size);

	if (!text)
		abort();
	memcpy(text, prefix, head);
	memset(text + head, filler, size - head - tail);
	memcpy(text + size - tail, suffix, tail);
	is_str(dpk_verdict_code(gate_text("-", text, size, &refusal)), dpk_verdict_code(want),
		what);
	free(text);
}

#define REVOKE                                                                                     \
	"<revocation version=\"1\"><revocationDate>2026-01-01T00:00:00Z</revocationDate>"          \
	"<key id=\"*\" />"

static void test_sizes(void)
{
	struct dpk_refusal refusal = { 0 };

	is_num(gate_text("-", "", 0, &refusal), DPK_VERDICT_SIZE, "no byte");
	test_size(REVOKE "<reason>", 'x', DPK_ELEMENT_MAX_BYTES, "</reason></revocation>",
		DPK_VERDICT_OK, "65536 bytes, nearly all of them text");
	test_size(REVOKE "<!--", 'x', DPK_ELEMENT_MAX_BYTES, "--></revocation>", DPK_VERDICT_OK,
		"65536 bytes, nearly all of them a comment");
	test_size(REVOKE, '\n', DPK_ELEMENT_MAX_BYTES, "</revocation>", DPK_VERDICT_OK,
		"65536 bytes, nearly all of them white space");
	test_size(REVOKE "<reason>", 'x', DPK_ELEMENT_MAX_BYTES + 1, "</reason></revocation>",
		DPK_VERDICT_SIZE, "65537 bytes");
	test_size("<key id=\"", 'x', DPK_ELEMENT_MAX_BYTES, "\"/>", DPK_VERDICT_ATTRIBUTE,
		"an attribute of nearly 65536 bytes");
	test_size("<key xmlns=\"", 'x', DPK_ELEMENT_MAX_BYTES, "\"><a/><a/></key>",
		DPK_VERDICT_ROOT, "a namespace of nearly 65536 bytes");
	test_depth(DPK_XML_MAX_DEPTH, false);
	test_depth(DPK_XML_MAX_DEPTH + 1, true);
	test_depth(200, true);
}

/* The encrypted secret cut to BYTES, of any bytes. */
static void test_cipher_length(const struct dpk_blob *base, size_t bytes, enum dpk_verdict want)
{
	static const char open[] = "<CipherValue>", close[] = "</CipherValue>";
	const char *data = (const char *)base->data, *key, *from, *to;
	struct dpk_buf buf = DPK_BUF_INIT(DPK_ELEMENT_MAX_BYTES);
	struct dpk_refusal refusal = { 0 };

	key = memmem(data, base->size, open, strlen(open));
	from = memmem(key + 1, base->size - (size_t)(key + 1 - data), open, strlen(open));
	from += strlen(open);
	to = memmem(from, base->size - (size_t)(from - data), close, strlen(close));
	dpk_buf_add(&buf, data, (size_t)(from - data));
	for (size_t i = 0; i < bytes / 3; i++)
		dpk_buf_adds(&buf, "AAAA");
	dpk_buf_adds(&buf, bytes % 3 == 1 ? "AA==" : bytes % 3 == 2 ? "AAA=" : "");
	dpk_buf_add(&buf, to, base->size - (size_t)(to - data));
	gate_text("-", buf.data, buf.len, &refusal);
	ok(refusal.verdict == want, "%zu bytes of encrypted secret: %s", bytes,
		dpk_verdict_code(refusal.verdict));
	dpk_buf_fini(&buf);
}

static void test_cipher_lengths(void)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob base =
		fixture_blob(fixture_path(path, "odd/32-no-declaration-no-bom/key-a.xml"));

	test_cipher_length(&base, 0, DPK_VERDICT_BASE64);
	test_cipher_length(&base, 16, DPK_VERDICT_CIPHER_LENGTH);
	test_cipher_length(&base, 31, DPK_VERDICT_CIPHER_LENGTH);
	test_cipher_length(&base, 32, DPK_VERDICT_OK);
	test_cipher_length(&base, 33, DPK_VERDICT_CIPHER_LENGTH);
	test_cipher_length(&base, 304, DPK_VERDICT_OK);
	test_cipher_length(&base, 8192, DPK_VERDICT_OK);
	test_cipher_length(&base, 8193, DPK_VERDICT_CIPHER_LENGTH);
	test_cipher_length(&base, 8208, DPK_VERDICT_CIPHER_LENGTH);
	dpk_blob_fini(&base);
}

/* --- facts ----------------------------------------------------------------- */

static void test_facts(void)
{
	char path[FIXTURE_PATH_MAX], id[DPK_GUID_STRING_MAX], date[DPK_TICKS_STRING_MAX];
	struct dpk_refusal refusal = { 0 };
	struct dpk_draft draft;
	struct dpk_blob blob;

	blob = fixture_blob(fixture_path(path, GCM));
	is_num(dpk_gate(&blob, &draft, &refusal), 0, "a wrapped key passes");
	ok(draft.facts.kind == DPK_KIND_KEY && draft.facts.wrapped && !draft.facts.mass,
		"its kind");
	is_str(dpk_guid_to_string(&draft.facts.id, id), "3296bcd7-b808-4292-bc83-0b0bd2ed2393",
		"id");
	is_str(dpk_ticks_to_string(draft.facts.created, date), "2026-11-21T12:37:32.3264559Z",
		"creation");
	is_str(dpk_ticks_to_string(draft.facts.expires, date), "2036-11-18T12:37:32.3264559Z",
		"expiration");
	is_num(draft.wrap_key_bytes, 256, "length of the session key");
	is_num(draft.cipher_bytes, 304, "length of the secret");
	dpk_blob_fini(&blob);

	blob = fixture_blob(fixture_path(path, MASS));
	is_num(dpk_gate(&blob, &draft, &refusal), 0, "a mass revocation passes");
	ok(draft.facts.kind == DPK_KIND_REVOCATION && draft.facts.mass, "it is one");
	is_str(dpk_ticks_to_string(draft.facts.revoked_at, date), "2026-11-21T12:37:34.0661753Z",
		"its date");
	dpk_blob_fini(&blob);
}

/* What is known of a key that .NET may load and dpkeyfs refuses. */
static void test_refused_facts(void)
{
	static const struct {
		const char *name;
		bool facts;
	} cases[] = {
		{ "26-unknown-decryptor", true },
		{ "28-KeyName-added", true },
		{ "35-extra-attr-on-key", true },
		{ "13-id-braces", false },
		{ "14-no-offset-date", false },
		{ "33-PI-inside", false },
	};
	char path[FIXTURE_PATH_MAX], id[DPK_GUID_STRING_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dpk_blob blob;
		struct dpk_refusal refusal = { 0 };
		struct dpk_draft draft;

		blob = fixture_blob(fixture_path(path, "odd/%s/key-a.xml", cases[i].name));
		is_num(dpk_gate(&blob, &draft, &refusal), DPK_REFUSED, cases[i].name);
		is_num(refusal.facts.kind, DPK_KIND_KEY, "it is known to be a key");
		ok(refusal.has_facts == cases[i].facts, "whether its facts are known");
		if (cases[i].facts)
			is_str(dpk_guid_to_string(&refusal.facts.id, id), ID, "its id");
		dpk_blob_fini(&blob);
	}
}

/* A plaintext key in the clothes of an encrypted one is called what it is. */
static void test_null_decryptor(void)
{
	static const char head[] =
		"<key id=\"" ID "\" version=\"1\"><creationDate>2026-01-01T00:00:00Z</creationDate>"
		"<activationDate>2026-01-01T00:00:00Z</activationDate>"
		"<expirationDate>2026-04-01T00:00:00Z</expirationDate>"
		"<descriptor deserializerType=\"Microsoft.AspNetCore.DataProtection."
		"AuthenticatedEncryption.ConfigurationModel."
		"AuthenticatedEncryptorDescriptorDeserializer, Microsoft.AspNetCore.DataProtection\">"
		"<descriptor><encryption algorithm=\"AES_256_CBC\" />"
		"<validation algorithm=\"HMACSHA256\" /><encryptedSecret decryptorType=\""
		"Microsoft.AspNetCore.DataProtection.XmlEncryption.NullXmlDecryptor, "
		"Microsoft.AspNetCore.DataProtection\" "
		"xmlns=\"http://schemas.asp.net/2015/03/dataProtection\"><unencryptedKey xmlns=\"\">"
		"<!-- This key is not encrypted. --><masterKey><value>";
	static const char tail[] =
		"</value></masterKey></unencryptedKey></encryptedSecret></descriptor>"
		"</descriptor></key>";
	static const char secret[] =
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAA==";
	char text[4096];
	struct dpk_refusal refusal = { 0 };
	struct dpk_draft draft;
	struct dpk_blob blob;
	int n = snprintf(text, sizeof(text), "%s%s%s", head, secret, tail);

	blob = text_blob("-", text, (size_t)n);
	is_num(dpk_gate(&blob, &draft, &refusal), 0, "NullXmlDecryptor passes");
	ok(!draft.facts.wrapped, "as a plaintext key");
	dpk_blob_fini(&blob);
	n = snprintf(text, sizeof(text), "%sAAAA%s", head, tail);
	is_num(gate_text("-", text, (size_t)n, &refusal), DPK_VERDICT_SECRET_LENGTH,
		"its secret is measured");
}

/* Nothing that an element holds may reach a log. */
static void test_texts_hold_no_content(void)
{
	static const char secret[] = "c2VjcmV0c2VjcmV0";
	static const char *const forms[] = {
		"<key id=\"%s\" version=\"1\"/>",
		"<key x=\"%s\"/>",
		"<revocation version=\"1\"><revocationDate>%s</revocationDate><key id=\"*\"/></revocation>",
		"<key>%s</key>",
		"<revocation version=\"%s\"><revocationDate/><key id=\"*\"/></revocation>",
	};
	char text[512];

	for (size_t i = 0; i < COUNT(forms); i++) {
		const char *hole = strstr(forms[i], "%s");
		struct dpk_refusal refusal = { 0 };
		int n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(hole - forms[i]), forms[i],
			secret, hole + 2);

		gate_text("-", text, (size_t)n, &refusal);
		ok(refusal.verdict != DPK_VERDICT_OK && !strstr(refusal.text, secret),
			"no content in: %s", refusal.text);
	}
}

int main(void)
{
	test_genuine();
	test_odd();
	test_texts();
	test_other_encodings();
	test_limits();
	test_sizes();
	test_cipher_lengths();
	test_facts();
	test_refused_facts();
	test_null_decryptor();
	test_texts_hold_no_content();
	return tap_done();
}
