/* SPDX-License-Identifier: MIT */
/* Documents cut into elements. */
#include "keys/split.h"

#include "keys/gate.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define ID "845e7bed-f900-4a2e-ac49-3ec906feb78b"

static int split_text(
	const char *text, size_t len, struct dpk_blobs *blobs, struct dpk_refusal *refusal)
{
	struct dpk_blob document = text_blob("-", text, len);
	int r = dpk_split(&document, blobs, refusal);

	dpk_blob_fini(&document);
	return r;
}

static bool blob_is(
	const struct dpk_blob *blob, const char *origin, const char *name, const char *text)
{
	return strcmp(blob->origin, origin) == 0 && strcmp(blob->name, name) == 0 &&
	       blob->size == strlen(text) && memcmp(blob->data, text, blob->size) == 0;
}

static void test_children(void)
{
	static const char text[] =
		"\xef\xbb\xbf<?xml version=\"1.0\"?><!-- c --><repository x='y'>\n"
		"<key id=\"845E7BED-F900-4A2E-AC49-3EC906FEB78B\"  ><a>\xc3\xa9 &amp;</a></key >\r\n"
		"<!-- between --><revocation version='1'><key id='" ID "'/></revocation>"
		"<revocation><key id='*' /></revocation><x:key xmlns:x='urn:x' id='" ID "' />"
		"<key/><other><?pi?><![CDATA[<]]></other>\n</repository><!-- after -->\n";
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };

	is_num(split_text(text, sizeof(text) - 1, &blobs, &refusal), 0, "a document is cut");
	is_num(blobs.count, 6, "into six");
	if (blobs.count == 6) {
		ok(blob_is(&blobs.items[0], "test%231", "key-" ID,
			   "<key id=\"845E7BED-F900-4A2E-AC49-3EC906FEB78B\"  ><a>\xc3\xa9 &amp;</a></key >"),
			"a key, byte for byte, named by its id");
		ok(blob_is(&blobs.items[1], "test%232", "revocation-" ID,
			   "<revocation version='1'><key id='" ID "'/></revocation>"),
			"a revocation, named by the revoked id");
		ok(blob_is(&blobs.items[2], "test%233", "-",
			   "<revocation><key id='*' /></revocation>"),
			"a mass revocation has no name");
		ok(blob_is(&blobs.items[3], "test%234", "-",
			   "<x:key xmlns:x='urn:x' id='" ID "' />"),
			"an element in a namespace has none");
		ok(blob_is(&blobs.items[4], "test%235", "-", "<key/>"), "an empty element");
		ok(blob_is(&blobs.items[5], "test%236", "-", "<other><?pi?><![CDATA[<]]></other>"),
			"what a child holds is the gate's to judge");
	}
	dpk_blobs_fini(&blobs);
}

static void test_whole(void)
{
	static const char key[] =
		"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<key id='" ID "' xmlns:x='u'/>\n";
	static const char revocation[] = "<revocation><key id='" ID "'/></revocation>";
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };

	is_num(split_text(key, sizeof(key) - 1, &blobs, &refusal), 0, "a key is a document");
	ok(blobs.count == 1 && blob_is(&blobs.items[0], "test", "key-" ID, key),
		"of one element, whole");
	dpk_blobs_fini(&blobs);
	is_num(split_text(revocation, sizeof(revocation) - 1, &blobs, &refusal), 0,
		"a revocation too");
	ok(blobs.count == 1 && blob_is(&blobs.items[0], "test", "revocation-" ID, revocation),
		"of one element, whole");
	dpk_blobs_fini(&blobs);
	is_num(split_text("<repository/>", 13, &blobs, &refusal), 0, "a root without children");
	is_num(blobs.count, 0, "gives nothing");
}

static const struct {
	const char *text;
	enum dpk_verdict verdict;
} bad_documents[] = {
	{ "", DPK_VERDICT_SIZE },
	{ "<r>\xff</r>", DPK_VERDICT_ENCODING },
	{ "<?xml version='1.0' encoding='utf-16'?><r/>", DPK_VERDICT_ENCODING },
	{ "<!DOCTYPE r><r/>", DPK_VERDICT_DOCTYPE },
	{ "<r><key/>", DPK_VERDICT_XML },
	{ "<r/><r/>", DPK_VERDICT_XML },
	{ "<r><x:key/></r>", DPK_VERDICT_XML },
	{ "<r xmlns='urn:x'><key/></r>", DPK_VERDICT_ROOT },
	{ "<r xmlns:x='urn:x'><key/></r>", DPK_VERDICT_ROOT },
	{ "<x:r xmlns:x='urn:x'><key/></x:r>", DPK_VERDICT_ROOT },
	{ "<key xmlns='urn:x'/>", DPK_VERDICT_ROOT },
	{ "<r xml:space='preserve'><key/></r>", DPK_VERDICT_ROOT },
	{ "<r><key/>x</r>", DPK_VERDICT_ELEMENT },
	{ "<r><key/><![CDATA[x]]></r>", DPK_VERDICT_ELEMENT },
	{ "<r><?x?><key/></r>", DPK_VERDICT_ELEMENT },
	{ "<?x?><r/>", DPK_VERDICT_ELEMENT },
	{ "<r><key a='' b='' c='' d='' e='' f='' g='' h='' i=''/></r>", DPK_VERDICT_LIMITS },
	{ "<r a='' b='' c='' d='' e='' f='' g='' h='' i=''/>", DPK_VERDICT_LIMITS },
};

static void test_refused(void)
{
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };

	split_text("<r><a/><b/></r>", 15, &blobs, &refusal);
	for (size_t i = 0; i < COUNT(bad_documents); i++) {
		const char *text = bad_documents[i].text;

		is_num(split_text(text, strlen(text), &blobs, &refusal), DPK_REFUSED, text);
		is_str(dpk_verdict_code(refusal.verdict),
			dpk_verdict_code(bad_documents[i].verdict), refusal.text);
		is_num(blobs.count, 2, "what was there stays, nothing comes");
		is_num(blobs.bytes, 8, "and is counted");
	}
	dpk_blobs_fini(&blobs);
	split_text("<r><revocation/>", 16, &blobs, &refusal);
	ok(refusal.could_be_revocation, "a broken document with a revocation could be one");
	split_text("<r><key/>", 9, &blobs, &refusal);
	ok(!refusal.could_be_revocation, "one without could not");
	dpk_blobs_fini(&blobs);
}

/* Elements nested so deep. */
static int split_nested(unsigned int depth, struct dpk_refusal *refusal)
{
	struct dpk_buf buf = DPK_BUF_INIT(4096);
	struct dpk_blobs blobs = { 0 };
	int r;

	for (unsigned int i = 0; i < depth; i++)
		dpk_buf_adds(&buf, "<a>");
	for (unsigned int i = 0; i < depth; i++)
		dpk_buf_adds(&buf, "</a>");
	r = split_text(buf.data, buf.len, &blobs, refusal);
	dpk_blobs_fini(&blobs);
	dpk_buf_fini(&buf);
	return r;
}

/* <r>, N times CHILD, </r>, filled up with white space to SIZE where that is more. */
static int split_many(const char *child, unsigned int n, size_t size, struct dpk_refusal *refusal,
	size_t *ret_count)
{
	struct dpk_buf buf = DPK_BUF_INIT(8u << 20);
	struct dpk_blobs blobs = { 0 };
	int r;

	dpk_buf_reserve(&buf, size + n * strlen(child));
	dpk_buf_adds(&buf, "<r>");
	for (unsigned int i = 0; i < n; i++)
		dpk_buf_adds(&buf, child);
	while (buf.len + 4 < size)
		dpk_buf_adds(&buf, "\n");
	dpk_buf_adds(&buf, "</r>");
	r = split_text(buf.data, buf.len, &blobs, refusal);
	*ret_count = blobs.count;
	dpk_blobs_fini(&blobs);
	dpk_buf_fini(&buf);
	return r;
}

static void test_limits(void)
{
	struct dpk_refusal refusal = { 0 };
	size_t count;

	is_num(split_nested(DPK_XML_MAX_DEPTH + 1, &refusal), 0, "depth 17: the root and 16");
	is_num(split_nested(DPK_XML_MAX_DEPTH + 2, &refusal), DPK_REFUSED, "depth 18");
	is_num(refusal.verdict, DPK_VERDICT_LIMITS, "is a limit");
	is_num(split_many("<a/>", DPK_RING_MAX_ELEMENTS, 0, &refusal, &count), 0, "4096 children");
	is_num(count, DPK_RING_MAX_ELEMENTS, "are all there");
	is_num(split_many("<a/>", DPK_RING_MAX_ELEMENTS + 1, 0, &refusal, &count), -E2BIG,
		"4097 are too many");
	is_num(count, 0, "and none is there");
	is_num(split_many("", 0, DPK_DOCUMENT_MAX_BYTES, &refusal, &count), 0, "4 MiB");
	is_num(split_many("", 0, DPK_DOCUMENT_MAX_BYTES + 1, &refusal, &count), DPK_REFUSED,
		"4 MiB and a byte");
	is_num(refusal.verdict, DPK_VERDICT_SIZE, "is too big");
}

/* One child holds them all: how many it may have itself is the gate's to say. */
static void test_element_limit(void)
{
	const unsigned int most = DPK_XML_MAX_ELEMENTS * DPK_RING_MAX_ELEMENTS;
	struct dpk_buf buf = DPK_BUF_INIT(8u << 20);
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };

	dpk_buf_reserve(&buf, 4 * (size_t)most + 32);
	dpk_buf_adds(&buf, "<r><a>");
	for (unsigned int i = 0; i < most - 2; i++)
		dpk_buf_adds(&buf, "<b/>");
	dpk_buf_adds(&buf, "</a></r>");
	is_num(split_text(buf.data, buf.len, &blobs, &refusal), 0, "262144 elements");
	dpk_blobs_fini(&blobs);
	buf.len -= strlen("</a></r>");
	dpk_buf_adds(&buf, "<b/></a></r>");
	is_num(split_text(buf.data, buf.len, &blobs, &refusal), DPK_REFUSED, "one more");
	is_num(refusal.verdict, DPK_VERDICT_LIMITS, "is a limit");
	dpk_blobs_fini(&blobs);
	dpk_buf_fini(&buf);
}

static void test_long_origin(void)
{
	char origin[DPK_ORIGIN_MAX + 1];
	struct dpk_blob document;
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };

	memset(origin, 'o', DPK_ORIGIN_MAX);
	origin[DPK_ORIGIN_MAX] = '\0';
	if (dpk_blob_init(&document, origin, "-", "<r><a/></r>", 11) < 0)
		abort();
	is_num(dpk_split(&document, &blobs, &refusal), 0, "the longest origin");
	ok(blobs.count == 1 && strlen(blobs.items[0].origin) == DPK_ORIGIN_MAX &&
			strcmp(blobs.items[0].origin + DPK_ORIGIN_MAX - 4, "%231") == 0,
		"keeps its number and its limit");
	dpk_blobs_fini(&blobs);
	dpk_blob_fini(&document);
}

/* The rings of .NET as Azure keeps them: one document; each piece passes the gate as before. */
static void test_genuine(void)
{
	static const char *const files[] = {
		"rings/net10-revoked-one/key-166b159e-f5b2-450c-8e4a-89ea1343cde0.xml",
		"rings/net10-revoked-one/revocation-166b159e-f5b2-450c-8e4a-89ea1343cde0.xml",
		"rings/net10-plain/key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml",
	};
	struct dpk_buf buf = DPK_BUF_INIT(1u << 20);
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };
	struct dpk_draft draft;

	dpk_buf_adds(&buf, "<repository>");
	for (size_t i = 0; i < COUNT(files); i++) {
		char path[FIXTURE_PATH_MAX];
		struct dpk_blob blob = fixture_blob(fixture_path(path, "%s", files[i]));
		const uint8_t *body = memmem(blob.data, blob.size, "?>", 2);

		dpk_buf_add(&buf, body + 2, blob.size - (size_t)(body + 2 - blob.data));
		dpk_blob_fini(&blob);
	}
	dpk_buf_adds(&buf, "</repository>");
	is_num(split_text(buf.data, buf.len, &blobs, &refusal), 0,
		"a repository of genuine elements");
	is_num(blobs.count, COUNT(files), "is cut into them");
	for (size_t i = 0; i < blobs.count; i++) {
		is_num(dpk_gate(&blobs.items[i], &draft, &refusal), 0, blobs.items[i].name);
		ok(strstr(files[i], blobs.items[i].name) != NULL, "the name is that of the file");
	}
	dpk_blobs_fini(&blobs);
	dpk_buf_fini(&buf);
}

int main(void)
{
	test_children();
	test_whole();
	test_refused();
	test_limits();
	test_element_limit();
	test_long_origin();
	test_genuine();
	return tap_done();
}
