/* SPDX-License-Identifier: MIT */
/* The text of a signed snapshot, and the elements behind it. */
#include "keys/manifest.h"

#include "base/ticks.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define RING   "0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11"
#define ID     "3296bcd7-b808-4292-bc83-0b0bd2ed2393"
#define UPPER  "3296BCD7-B808-4292-BC83-0B0BD2ED2393"
#define KEY    "key-" ID ".xml"
#define MASS   "revocation-20260422T120000Z.xml"
#define ONE    "revocation-" ID ".xml"
#define ABC    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define FIRST  "dpkeyfs-snapshot 1\n"
#define DATES  "issued 2026-11-21T02:00:00Z\nexpires 2026-11-28T02:00:00Z\n"
#define UNTIL  "prev -\nremove-max 0\n"
#define VALUES "ring " RING "\nepoch 1\nversion 42\n"
#define HEAD   FIRST VALUES DATES UNTIL

#define FILE_KEY  "file " KEY " 3 " ABC " key " ID "\n"
#define FILE_ONE  "file " ONE " 3 " ABC " revocation " ID "\n"
#define FILE_MASS "file " MASS " 3 " ABC " revocation *\n"
#define GOOD      HEAD "files 2\n" FILE_KEY FILE_MASS "end\n"

static int parse(const char *text, size_t len, struct dpk_manifest *m, struct dpk_refusal *refusal)
{
	/* a copy of its own, so that a sanitizer sees what is read behind it */
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	if (!copy)
		abort();
	memcpy(copy, text, len);
	*m = (struct dpk_manifest){ 0 };
	r = dpk_manifest_parse(copy, len, m, refusal);
	free(copy);
	return r;
}

static bool refused(const char *text, size_t len, struct dpk_refusal *refusal)
{
	struct dpk_manifest m;
	int r = parse(text, len, &m, refusal);

	dpk_manifest_fini(&m);
	return r == DPK_REFUSED && refusal->verdict == DPK_VERDICT_MANIFEST && !m.files;
}

static void test_good(void)
{
	static const char all[] = FIRST
		"ring " RING "\nepoch 9007199254740991\n"
		"version 9007199254740991\nissued 2026-11-21T02:00:00Z\n"
		"expires 2027-02-19T02:00:00Z\nprev " ABC "\nremove-max 4096\nfiles 4\n" FILE_KEY
		"file revocation-20260422T1200000000001Z.xml 65536 " ABC " revocation *\n"
		"file revocation-20260422T12000025Z.xml 1 " ABC " revocation *\n" FILE_ONE "end\n";
	struct dpk_manifest m;
	struct dpk_refusal refusal;
	uint8_t sha256[DPK_HASH_BYTES];
	char shown[DPK_TICKS_STRING_MAX];

	is_num(parse(all, sizeof(all) - 1, &m, &refusal), 0, "all at their limits");
	diag("%s", refusal.text);
	is_num(m.epoch, DPK_MANIFEST_NUMBER_MAX, "epoch 2^53-1");
	is_num(m.version, DPK_MANIFEST_NUMBER_MAX, "version 2^53-1");
	is_str(dpk_ticks_to_string(m.issued, shown), "2026-11-21T02:00:00Z", "issued");
	is_num(m.expires - m.issued, 90 * DPK_TICKS_PER_DAY, "90 days");
	ok(m.has_prev && m.prev[0] == 0xba && m.prev[31] == 0xad, "prev");
	is_num(m.remove_max, 4096, "remove-max");
	is_num(m.file_count, 4, "four files");
	is_num(m.text_bytes, sizeof(all) - 1, "the length of the text");
	ok(dpk_hash(all, sizeof(all) - 1, sha256) == 0 &&
			memcmp(sha256, m.sha256, sizeof(sha256)) == 0,
		"its digest");
	if (m.file_count == 4) {
		is_str(m.files[0].name, KEY, "the key's name");
		ok(m.files[0].kind == DPK_KIND_KEY && !m.files[0].mass &&
				m.files[0].id.b[0] == 0x32 && m.files[0].sha256[31] == 0xad,
			"kind, id and digest of a key");
		ok(m.files[1].kind == DPK_KIND_REVOCATION && m.files[1].mass &&
				m.files[1].id.b[0] == 0 && m.files[1].size == 65536,
			"a mass revocation");
		ok(m.files[3].kind == DPK_KIND_REVOCATION && !m.files[3].mass &&
				m.files[3].id.b[0] == 0x32,
			"a revocation");
	}
	dpk_manifest_fini(&m);
	ok(!m.files && m.file_count == 0, "nothing is left");
	dpk_manifest_fini(NULL);
	is_num(parse(GOOD "<key/>", sizeof(GOOD "<key/>") - 1, &m, &refusal), 0,
		"what follows is not looked at");
	is_num(m.text_bytes, sizeof(GOOD) - 1, "nor counted");
	ok(!m.has_prev && m.remove_max == 0, "no prev, no removals");
	dpk_manifest_fini(&m);
}

/* The good manifest with a piece replaced; LINE is what the refusal must name. */
static const struct {
	const char *from, *to;
	unsigned int line;
} variants[] = {
	{ "dpkeyfs-snapshot 1", "dpkeyfs-snapshot 2", 1 },
	{ "dpkeyfs-snapshot 1", "dpkeyfs-snapshot 01", 1 },
	{ "dpkeyfs-snapshot 1",
		"\xef\xbb\xbf"
		"dpkeyfs-snapshot 1",
		1 },
	{ "dpkeyfs-snapshot 1", "\ndpkeyfs-snapshot 1", 1 },
	{ "dpkeyfs-snapshot 1\n", "dpkeyfs-snapshot 1\r\n", 1 },
	{ "dpkeyfs-snapshot 1\n", "", 1 },
	{ "dpkeyfs-snapshot 1\n", "dpkeyfs-snapshot 1\n\n", 2 },
	{ "dpkeyfs-snapshot 1\n", "dpkeyfs-snapshot 1\ndpkeyfs-snapshot 1\n", 2 },
	{ "ring " RING "\n", "ring " RING "\r\n", 2 },
	{ "ring " RING, "ring 0F6D5A0C-2B1E-4A53-9F3C-5F0D2F6B7A11", 2 },
	{ "ring " RING, "ring  " RING, 2 },
	{ "ring " RING, "ring\t" RING, 2 },
	{ "ring " RING, " ring " RING, 2 },
	{ "ring " RING, "Ring " RING, 2 },
	{ "ring " RING, "repo " RING, 2 },
	{ "ring " RING, "ring " RING " ", 2 },
	{ "ring " RING, "ring {" RING "}", 2 },
	{ "ring " RING, "ring 0f6d5a0c2b1e4a539f3c5f0d2f6b7a11", 2 },
	{ "ring " RING, "ring ", 2 },
	{ "ring " RING, "ring", 2 },
	{ "ring " RING "\n", "", 2 },
	{ "ring " RING "\n", "ring " RING "\nring " RING "\n", 3 },
	{ "ring " RING "\nepoch 1\n", "epoch 1\nring " RING "\n", 2 },
	{ "epoch 1", "epoch 0", 3 },
	{ "epoch 1", "epoch 01", 3 },
	{ "epoch 1", "epoch +1", 3 },
	{ "epoch 1", "epoch -1", 3 },
	{ "epoch 1", "epoch 1 ", 3 },
	{ "epoch 1", "epoch  1", 3 },
	{ "epoch 1", "epoch\t1", 3 },
	{ "epoch 1", "epoch 0x1", 3 },
	{ "epoch 1", "epoch 1.0", 3 },
	{ "epoch 1", "epoch 1e0", 3 },
	{ "epoch 1", "epoch ", 3 },
	{ "epoch 1", "epoch 9007199254740992", 3 },
	{ "epoch 1", "epoch 18446744073709551617", 3 },
	{ "epoch 1\n", "epoch 1\r\n", 3 },
	{ "epoch 1\nversion 42\n", "version 42\nepoch 1\n", 3 },
	{ "version 42", "version 0", 4 },
	{ "version 42", "version 042", 4 },
	{ "version 42", "version 9007199254740992", 4 },
	{ "version 42", "version -42", 4 },
	{ "version 42", "version 42 # the answer", 4 },
	{ "version 42\n", "", 4 },
	{ "version 42\n", "version 42\nversion 43\n", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:00.0Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:00+00:00", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:00z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21t02:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21 02:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:60Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T24:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-02-29T02:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:00", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 0000-11-21T02:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-21T02:00:00Z ", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued  2026-11-21T02:00:00Z", 5 },
	{ "issued 2026-11-21T02:00:00Z\n", "", 5 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-28T02:00:00Z", 6 },
	{ "issued 2026-11-21T02:00:00Z", "issued 2026-11-28T02:00:01Z", 6 },
	{ "expires 2026-11-28", "expires 2026-11-20", 6 },
	{ "expires 2026-11-28T02:00:00Z", "expires 2027-02-19T02:00:01Z", 6 },
	{ "expires 2026-11-28T02:00:00Z", "expires 9999-12-31T23:59:59Z", 6 },
	{ "expires 2026-11-28T02:00:00Z", "expires never", 6 },
	{ "expires 2026-11-28T02:00:00Z\n", "", 6 },
	{ "prev -", "prev", 7 },
	{ "prev -", "prev ", 7 },
	{ "prev -", "prev --", 7 },
	{ "prev -", "prev - ", 7 },
	{ "prev -", "prev " ABC " ", 7 },
	{ "prev -", "prev " ABC "0", 7 },
	{ "prev -", "prev SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		7 },
	{ "prev -", "prev sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		7 },
	{ "prev -", "prev sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
		7 },
	{ "prev -", "prev sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		7 },
	{ "prev -", "prev sha256:bg7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		7 },
	{ "prev -", "prev sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		7 },
	{ "prev -\n", "", 7 },
	{ "remove-max 0", "remove-max 4097", 8 },
	{ "remove-max 0", "remove-max 00", 8 },
	{ "remove-max 0", "remove-max -0", 8 },
	{ "remove-max 0", "remove-max -", 8 },
	{ "remove-max 0", "remove_max 0", 8 },
	{ "remove-max 0\n", "", 8 },
	{ "files 2", "files 0", 9 },
	{ "files 2", "files 02", 9 },
	{ "files 2", "files 4097", 9 },
	{ "files 2", "files +2", 9 },
	{ "files 2", "files 1", 11 },
	{ "files 2", "files 3", 12 },
	{ "files 2", "files 4096", 12 },
	{ "files 2\n", "", 9 },
	{ FILE_KEY, FILE_KEY FILE_KEY, 11 },
	{ FILE_KEY, "", 11 },
	{ FILE_KEY, FILE_KEY "\n", 11 },
	{ FILE_KEY FILE_MASS, FILE_MASS FILE_KEY, 11 },
	{ FILE_KEY FILE_MASS, FILE_KEY FILE_KEY, 11 },
	{ FILE_MASS, FILE_ONE FILE_MASS, 12 },
	{ "file " KEY, "File " KEY, 10 },
	{ "file " KEY, "file  " KEY, 10 },
	{ "file " KEY, "file key-" UPPER ".xml", 10 },
	{ "file " KEY, "file KEY-" ID ".xml", 10 },
	{ "file " KEY, "file key-" ID ".XML", 10 },
	{ "file " KEY, "file key-" RING ".xml", 10 },
	{ "file " KEY, "file key-" ID ".xml.xml", 10 },
	{ "file " KEY, "file ../" KEY, 10 },
	{ "file " KEY, "file revocation-" ID ".xml", 10 },
	{ "file " KEY, "file", 10 },
	{ " 3 " ABC " key", " 0 " ABC " key", 10 },
	{ " 3 " ABC " key", " 65537 " ABC " key", 10 },
	{ " 3 " ABC " key", " 03 " ABC " key", 10 },
	{ " 3 " ABC " key", " +3 " ABC " key", 10 },
	{ " 3 " ABC " key", " -3 " ABC " key", 10 },
	{ " 3 " ABC " key", " 18446744073709551619 " ABC " key", 10 },
	{ " 3 " ABC " key", "  3 " ABC " key", 10 },
	{ " 3 " ABC " key", "\t3 " ABC " key", 10 },
	{ " 3 " ABC " key", " 3  " ABC " key", 10 },
	{ " 3 " ABC " key", " 3\t" ABC " key", 10 },
	{ " 3 " ABC " key", " " ABC " 3 key", 10 },
	{ " 3 " ABC " key", " 3 sha256:" UPPER " key", 10 },
	{ "0015ad key", "0015AD key", 10 },
	{ "0015ad key", "0015a key", 10 },
	{ "0015ad key", "0015adf key", 10 },
	{ "0015ad key", "0015ad  key", 10 },
	{ "0015ad key", "0015ad\tkey", 10 },
	{ " key " ID, " Key " ID, 10 },
	{ " key " ID, " revocation " ID, 10 },
	{ " key " ID, " key *", 10 },
	{ " key " ID, " other " ID, 10 },
	{ " key " ID, "  " ID, 10 },
	{ " key " ID, " key  " ID, 10 },
	{ " key " ID, " key " UPPER, 10 },
	{ " key " ID, " key " RING, 10 },
	{ " key " ID, " key " ID " ", 10 },
	{ " key " ID, " key " ID " x", 10 },
	{ " key " ID, " key " ID "\r", 10 },
	{ " key " ID, " key", 10 },
	{ " key " ID, " key ", 10 },
	{ " revocation *", " key *", 11 },
	{ " revocation *", " revocation **", 11 },
	{ " revocation *", " revocation * ", 11 },
	{ " revocation *", " revocation " ID, 11 },
	{ MASS, "revocation-" ID ".xml", 11 },
	{ MASS, "revocation-20260422T120000.xml", 11 },
	{ MASS, "revocation-20260422t120000Z.xml", 11 },
	{ MASS, "revocation-20260422T120000z.xml", 11 },
	{ MASS, "revocation-2026-04-22T12:00:00Z.xml", 11 },
	{ MASS, "revocation-20260431T120000Z.xml", 11 },
	{ MASS, "revocation-20260422T240000Z.xml", 11 },
	{ MASS, "revocation-20260422T12000Z.xml", 11 },
	{ MASS, "revocation-20260422T1200000Z.xml", 11 },
	{ MASS, "revocation-20260422T12000010Z.xml", 11 },
	{ MASS, "revocation-20260422T12000012345678Z.xml", 11 },
	{ MASS, "revocation-20260422T120000.5Z.xml", 11 },
	{ MASS, "revocation-20260422T120000ZZ.xml", 11 },
	{ MASS, "revocation-20260422T120000Z.xm", 11 },
	{ MASS, "revocation-20260422T120000Z", 11 },
	{ MASS, "revocation-.xml", 11 },
	{ MASS, "revocation-", 11 },
	{ MASS, "revocation-*.xml", 11 },
	{ MASS, "key-20260422T120000Z.xml", 11 },
	{ "end\n", "End\n", 12 },
	{ "end\n", "end \n", 12 },
	{ "end\n", " end\n", 12 },
	{ "end\n", "end\r\n", 12 },
	{ "end\n", "\nend\n", 12 },
	{ "end\n", "comment\nend\n", 12 },
	{ "end\n", "end", 12 },
	{ "end\n", "", 12 },
};

static void test_variants(void)
{
	for (size_t i = 0; i < COUNT(variants); i++) {
		struct dpk_buf buf = DPK_BUF_INIT(16384);
		const char *at = strstr(GOOD, variants[i].from);
		struct dpk_refusal refusal = { 0 };
		char line[32];

		if (!at)
			abort();
		dpk_buf_add(&buf, GOOD, strlen(GOOD) - strlen(at));
		dpk_buf_adds(&buf, variants[i].to);
		dpk_buf_adds(&buf, at + strlen(variants[i].from));
		snprintf(line, sizeof(line), "line %u of", variants[i].line);
		ok(refused(buf.data, buf.len, &refusal) && strstr(refusal.text, line),
			"variant %zu: %s", i, refusal.text);
		ok(strstr(refusal.text, "; expected '") && strstr(refusal.text, "anew with") &&
				strspn(refusal.text, "\t\r\n") == 0,
			"expected and remedy");
		dpk_buf_fini(&buf);
	}
}

/* One spelling of each meaning: no byte can be spared, and none can be a NUL. */
static void test_bytes(void)
{
	size_t len = sizeof(GOOD) - 1, cut = 0, nuls = 0, inserted = 0, high = 0;
	struct dpk_refusal refusal;
	char text[sizeof(GOOD) + 1];

	for (size_t i = 0; i < len; i++) {
		cut += refused(GOOD, i, &refusal);
		memcpy(text, GOOD, len);
		text[i] = '\0';
		nuls += refused(text, len, &refusal);
		text[i] = (char)(GOOD[i] | 0x80);
		high += refused(text, len, &refusal);
		memcpy(text, GOOD, i);
		text[i] = '\0';
		memcpy(text + i + 1, GOOD + i, len - i);
		inserted += refused(text, len + 1, &refusal);
	}
	is_num(cut, len, "cut off at any byte");
	is_num(nuls, len, "a NUL instead of any byte");
	is_num(high, len, "the high bit in any byte");
	is_num(inserted, len, "a NUL before any byte");
	ok(refused("", 0, &refusal), "nothing: %s", refusal.text);
	is_num(dpk_manifest_parse(NULL, 0, &(struct dpk_manifest){ 0 }, &refusal), DPK_REFUSED,
		"not even a pointer");
}

static void test_nul_in_stamp(void)
{
	static const char text[] = HEAD "files 1\nfile revocation-20260422T1200005\0Z.xml 3 " ABC
					" revocation *\nend\n";
	struct dpk_refusal refusal;

	ok(refused(text, sizeof(text) - 1, &refusal), "a NUL in a fraction: %s", refusal.text);
}

/* What is shown of a line is printable, short, and never of an element. */
static void test_excerpt(void)
{
	static const char element[] = HEAD "files 1\n" FILE_KEY "x<masterKey>c2VjcmV0\n";
	struct dpk_refusal refusal;
	char text[600];

	ok(refused(element, sizeof(element) - 1, &refusal), "an element instead of end");
	ok(strstr(refusal.text, "'x...'") && !strstr(refusal.text, "masterKey"), "%s",
		refusal.text);
	memset(text, '\x1b', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	ok(refused(text, sizeof(text), &refusal), "control characters");
	ok(strstr(refusal.text, "'\\x1b\\x1b") && !strchr(refusal.text, '\x1b') &&
			strstr(refusal.text, "...'; expected 'dpkeyfs-snapshot 1'"),
		"%s", refusal.text);
}

/* N lines of mass revocations; 4096 of them are what a manifest can hold. */
static void add_many(struct dpk_buf *buf, unsigned int n)
{
	dpk_buf_addf(buf, HEAD "files %u\n", n);
	for (unsigned int i = 0; i < n; i++)
		dpk_buf_addf(buf,
			"file revocation-20260422T%02u%02u%02uZ.xml 1 " ABC " revocation *\n",
			i / 3600, i / 60 % 60, i % 60);
	dpk_buf_adds(buf, "end\n");
}

static void test_limits(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(4u << 20);
	struct dpk_manifest m;
	struct dpk_refusal refusal;

	add_many(&buf, DPK_RING_MAX_ELEMENTS);
	is_num(parse(buf.data, buf.len, &m, &refusal), 0, "4096 files");
	is_num(m.file_count, DPK_RING_MAX_ELEMENTS, "are all there");
	dpk_manifest_fini(&m);
	dpk_buf_reset(&buf);
	add_many(&buf, DPK_RING_MAX_ELEMENTS + 1);
	ok(refused(buf.data, buf.len, &refusal) && strstr(refusal.text, "line 9 "), "4097 are not");
	dpk_buf_reset(&buf);
	/* a line whose line feed is the last byte of the limit, and one behind it */
	dpk_buf_reserve(&buf, DPK_MANIFEST_MAX_BYTES + 1);
	while (buf.len < DPK_MANIFEST_MAX_BYTES - 1)
		dpk_buf_adds(&buf, "x");
	dpk_buf_adds(&buf, "\n\n");
	ok(refused(buf.data, buf.len, &refusal) && strstr(refusal.text, "'xxx"),
		"a line feed at the limit is seen");
	buf.data[DPK_MANIFEST_MAX_BYTES - 1] = 'x';
	ok(refused(buf.data, buf.len, &refusal) && strstr(refusal.text, "at most 1048576"), "%s",
		refusal.text);
	dpk_buf_fini(&buf);
}

static struct dpk_manifest manifest_of(const char *text)
{
	struct dpk_refusal refusal;
	struct dpk_manifest m;

	if (parse(text, strlen(text), &m, &refusal)) {
		printf("Bail out! %s\n", refusal.text);
		exit(1);
	}
	return m;
}

static void test_write(void)
{
	static const char *const texts[] = {
		GOOD,
		HEAD "files 1\n" FILE_KEY "end\n",
		FIRST VALUES DATES "prev " ABC "\nremove-max 7\nfiles 2\n" FILE_MASS FILE_ONE
				   "end\n",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct dpk_buf buf = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);
		struct dpk_manifest m = manifest_of(texts[i]);
		uint8_t sha256[DPK_HASH_BYTES];

		memcpy(sha256, m.sha256, sizeof(sha256));
		memset(m.sha256, 0, sizeof(m.sha256));
		m.text_bytes = 0;
		dpk_buf_adds(&buf, "before");
		is_num(dpk_manifest_write(&m, &buf), 0, "what was read can be written");
		is_str(buf.data + 6, texts[i], "to the same bytes, behind what was there");
		is_num(m.text_bytes, strlen(texts[i]), "length");
		ok(memcmp(sha256, m.sha256, sizeof(sha256)) == 0, "and digest are set");
		dpk_buf_fini(&buf);
		dpk_manifest_fini(&m);
	}
}

static void is_unwritable(struct dpk_manifest *m, const char *what)
{
	struct dpk_buf buf = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);

	dpk_buf_adds(&buf, "before");
	is_num(dpk_manifest_write(m, &buf), -EINVAL, what);
	is_str(buf.data, "before", "and nothing was added");
	dpk_buf_fini(&buf);
}

#define UNWRITABLE(change)                                                                         \
	do {                                                                                       \
		struct dpk_manifest m = manifest_of(GOOD);                                         \
		size_t count = m.file_count;                                                       \
                                                                                                   \
		change;                                                                            \
		is_unwritable(&m, #change);                                                        \
		m.file_count = count;                                                              \
		dpk_manifest_fini(&m);                                                             \
	} while (0)

static void test_write_refused(void)
{
	UNWRITABLE(m.epoch = 0);
	UNWRITABLE(m.epoch = DPK_MANIFEST_NUMBER_MAX + 1);
	UNWRITABLE(m.version = 0);
	UNWRITABLE(m.version = DPK_MANIFEST_NUMBER_MAX + 1);
	UNWRITABLE(m.issued = -1);
	UNWRITABLE(m.issued += 1);
	UNWRITABLE(m.expires += DPK_TICKS_PER_MS);
	UNWRITABLE(m.expires = m.issued);
	UNWRITABLE(m.expires = m.issued + 91 * DPK_TICKS_PER_DAY);
	UNWRITABLE(m.remove_max = 4097);
	UNWRITABLE(m.file_count = 0);
	UNWRITABLE(m.files[0].kind = DPK_KIND_UNKNOWN);
	UNWRITABLE(m.files[0].kind = DPK_KIND_REVOCATION);
	UNWRITABLE(m.files[0].mass = true);
	UNWRITABLE(m.files[0].size = 0);
	UNWRITABLE(m.files[0].size = DPK_ELEMENT_MAX_BYTES + 1);
	UNWRITABLE(m.files[0].id.b[3] ^= 1);
	UNWRITABLE(m.files[0].name[0] = 'K');
	UNWRITABLE(m.files[0].name[3] = '\n');
	UNWRITABLE(memset(m.files[0].name, 'k', sizeof(m.files[0].name)));
	UNWRITABLE(m.files[1].mass = false);
	UNWRITABLE(m.files[1] = m.files[0]);
	UNWRITABLE(m.files[0] = m.files[1]);
}

static void test_write_limit(void)
{
	struct dpk_buf exact = DPK_BUF_INIT(sizeof(GOOD) - 1);
	struct dpk_buf small = DPK_BUF_INIT(sizeof(GOOD) - 2);
	struct dpk_buf none = DPK_BUF_INIT(0);
	struct dpk_manifest m = manifest_of(GOOD);

	is_num(dpk_manifest_write(&m, &exact), 0, "a buffer of its length");
	is_num(dpk_manifest_write(&m, &small), -EFBIG, "one byte less");
	is_num(small.len, 0, "leaves nothing");
	is_num(dpk_manifest_write(&m, &none), -EFBIG, "a buffer for nothing");
	dpk_buf_fini(&exact);
	dpk_buf_fini(&small);
	dpk_manifest_fini(&m);
}

/* A manifest for the elements `abc` and `de`, the second one a mass revocation. */
static struct dpk_manifest small_manifest(struct dpk_buf *buf)
{
	struct dpk_manifest m = manifest_of(GOOD);

	m.files[1].size = 2;
	if (dpk_hash("de", 2, m.files[1].sha256) < 0 || dpk_manifest_write(&m, buf) < 0)
		abort();
	return m;
}

/* Cuts BODIES behind the manifest into a list that holds something already. */
static void is_cut(const char *bodies, enum dpk_verdict verdict, const char *what)
{
	struct dpk_buf buf = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);
	struct dpk_manifest m = small_manifest(&buf);
	struct dpk_blob before = text_blob("before", "12345", 5);
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal;
	bool good = verdict == DPK_VERDICT_OK;

	dpk_blobs_add(&blobs, &before);
	dpk_buf_adds(&buf, bodies);
	is_num(dpk_manifest_cut(&m, (const uint8_t *)buf.data, buf.len, "here", &blobs, &refusal),
		good ? 0 : DPK_REFUSED, what);
	is_str(dpk_verdict_code(refusal.verdict), dpk_verdict_code(verdict), refusal.text);
	is_num(blobs.count, good ? 3 : 1, "elements");
	is_num(blobs.bytes, good ? 10 : 5, "bytes");
	ok(good || (strstr(refusal.text, "expected") && strstr(refusal.text, "anew")),
		"expected and remedy");
	if (good && blobs.count == 3) {
		is_str(blobs.items[1].origin, "here", "the origin");
		is_str(blobs.items[1].name, KEY, "the name of the first");
		is_str(blobs.items[2].name, MASS, "of the second");
		ok(memcmp(blobs.items[1].data, "abc", 3) == 0 && blobs.items[2].size == 2 &&
				memcmp(blobs.items[2].data, "de", 2) == 0,
			"their bytes");
	}
	dpk_blobs_fini(&blobs);
	dpk_manifest_fini(&m);
	dpk_buf_fini(&buf);
}

static void test_cut(void)
{
	is_cut("abcde", DPK_VERDICT_OK, "both elements");
	is_cut("deabc", DPK_VERDICT_HASH, "moved");
	is_cut("abXde", DPK_VERDICT_HASH, "the first replaced");
	is_cut("abcdX", DPK_VERDICT_HASH, "the second replaced");
	is_cut("abcdef", DPK_VERDICT_UNLISTED, "a byte more");
	is_cut("abcde\n", DPK_VERDICT_UNLISTED, "a line feed more");
	is_cut("abcdeghi", DPK_VERDICT_UNLISTED, "an element more");
	is_cut("Xabcde", DPK_VERDICT_UNLISTED, "a byte before");
	is_cut("abc\nde", DPK_VERDICT_UNLISTED, "a byte between");
	is_cut("abcd", DPK_VERDICT_HASH, "the second cut by a byte");
	is_cut("abde", DPK_VERDICT_HASH, "the first cut by a byte");
	is_cut("abc", DPK_VERDICT_HASH, "the second dropped");
	is_cut("de", DPK_VERDICT_HASH, "the first dropped");
	is_cut("", DPK_VERDICT_HASH, "both dropped");
}

static void test_cut_edges(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);
	struct dpk_manifest m = small_manifest(&buf);
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal;

	is_num(dpk_manifest_cut(&m, (const uint8_t *)buf.data, 3, "-", &blobs, &refusal),
		DPK_REFUSED, "less than the text");
	is_num(refusal.verdict, DPK_VERDICT_HASH, "is an element cut short");
	for (unsigned int i = 0; i < DPK_RING_MAX_ELEMENTS - 1; i++) {
		struct dpk_blob blob = text_blob("-", "x", 1);

		dpk_blobs_add(&blobs, &blob);
	}
	dpk_buf_adds(&buf, "abcde");
	is_num(dpk_manifest_cut(&m, (const uint8_t *)buf.data, buf.len, "-", &blobs, &refusal),
		-E2BIG, "one element too many for the list");
	is_num(blobs.count, DPK_RING_MAX_ELEMENTS - 1, "leaves it as it was");
	is_num(blobs.bytes, DPK_RING_MAX_ELEMENTS - 1, "with its bytes");
	dpk_blobs_truncate(&blobs, DPK_RING_MAX_ELEMENTS - 2);
	is_num(dpk_manifest_cut(&m, (const uint8_t *)buf.data, buf.len, "-", &blobs, &refusal), 0,
		"with room for two it fits");
	is_num(blobs.count, DPK_RING_MAX_ELEMENTS, "to the limit");
	dpk_blobs_fini(&blobs);
	dpk_manifest_fini(&m);
	dpk_buf_fini(&buf);
}

/* What the shell script made of a genuine ring. */
static void test_script(void)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob content =
		fixture_blob(fixture_path(path, "fuzz/fuzz-manifest/made-by-dpkeyfs-sign"));
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal;
	struct dpk_manifest m = { 0 };
	struct dpk_draft draft;

	is_num(dpk_manifest_parse(content.data, content.size, &m, &refusal), 0,
		"a content that dpkeyfs-sign.sh made");
	is_num(dpk_manifest_cut(&m, content.data, content.size, "-", &blobs, &refusal), 0,
		"is cut");
	is_num(blobs.count, 3, "into three");
	for (size_t i = 0; i < blobs.count; i++)
		is_num(dpk_gate(&blobs.items[i], &draft, &refusal), 0, blobs.items[i].name);
	dpk_blobs_fini(&blobs);
	dpk_manifest_fini(&m);
	dpk_blob_fini(&content);
}

int main(void)
{
	test_good();
	test_variants();
	test_bytes();
	test_nul_in_stamp();
	test_excerpt();
	test_limits();
	test_write();
	test_write_refused();
	test_write_limit();
	test_cut();
	test_cut_edges();
	test_script();
	return tap_done();
}
