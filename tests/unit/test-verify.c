/* SPDX-License-Identifier: MIT */
/* Trust, names and bytes of verified keys. */
#include "keys/verify.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define WRAPPED_A "rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml"
#define PLAIN     "rings/net10-plain/key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml"
#define FOREIGN   "rings/net10-foreign/key-79c7b4e5-28a3-4bd4-be38-3bd998b20adc.xml"
#define EXPIRED   "rings/net10-expired-cert/key-2ff99927-e671-4baa-a462-de7267fc5966.xml"
#define ONE       "rings/net10-revoked-one/revocation-166b159e-f5b2-450c-8e4a-89ea1343cde0.xml"

static struct dpk_certs *load(const char *name)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_certs *certs = NULL;
	struct dpk_err err = DPK_ERR_INIT;

	if (dpk_certs_load(fixture_path(path, "certs/%s", name), &certs, &err) < 0) {
		printf("Bail out! %s\n", dpk_err_text(&err));
		exit(1);
	}
	return certs;
}

/* The verdict on FILE under TRUST; facts and text are looked at here. */
static enum dpk_verdict verdict(
	const struct dpk_trust *trust, const char *file, struct dpk_refusal *refusal)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob blob = fixture_blob(fixture_path(path, "%s", file));
	struct dpk_key *key = NULL;
	int r = dpk_verify(trust, &blob, &key, refusal);

	if (r < 0)
		abort();
	ok((r == 0) == (key != NULL), "a key comes with 0 and only then");
	dpk_key_unref(key);
	dpk_blob_fini(&blob);
	return refusal->verdict;
}

static void test_trust(void)
{
	struct dpk_certs *a = load("wrap-a.pem"), *expired = load("expired.pem");
	const struct dpk_trust nobody = { 0 }, only_a = { .wrap_certs = a };
	const struct dpk_trust old = { .wrap_certs = expired };
	const struct dpk_trust any = { .wrap_certs = a, .accept_unwrapped = true };
	struct dpk_refusal refusal = { 0 };

	is_num(verdict(&only_a, WRAPPED_A, &refusal), DPK_VERDICT_OK, "wrapped to a pinned one");
	is_num(verdict(&nobody, WRAPPED_A, &refusal), DPK_VERDICT_WRAP_CERT, "none is pinned");
	ok(refusal.has_facts && refusal.facts.wrapped, "its facts are known");
	ok(strstr(refusal.text, "wrap_certs") != NULL, "it says what to do: %s", refusal.text);
	ok(!refusal.could_be_revocation, "and it is no revocation");
	is_num(verdict(&only_a, FOREIGN, &refusal), DPK_VERDICT_WRAP_CERT,
		"wrapped to a foreign one");
	is_num(verdict(&old, EXPIRED, &refusal), DPK_VERDICT_OK, "an expired certificate unwraps");
	is_num(verdict(&only_a, PLAIN, &refusal), DPK_VERDICT_UNWRAPPED, "a plaintext key");
	ok(refusal.has_facts && !refusal.facts.wrapped, "its facts are known");
	is_num(verdict(&any, PLAIN, &refusal), DPK_VERDICT_OK, "a plaintext key, accepted");
	is_num(verdict(&any, FOREIGN, &refusal), DPK_VERDICT_WRAP_CERT,
		"accepting plaintext accepts no certificate");
	is_num(verdict(&nobody, ONE, &refusal), DPK_VERDICT_OK, "a revocation needs no trust");
	is_num(verdict(&any, "odd/05-empty/key-a.xml", &refusal), DPK_VERDICT_SIZE,
		"form comes before trust");
	dpk_certs_free(a);
	dpk_certs_free(expired);
}

/* A session key that is longer or shorter than the modulus cannot be one. */
static void test_session_key_length(void)
{
	static const char open[] = "<CipherValue>";
	static const char *const puts[] = { "AAAA", "AAAAAAAA" };
	struct dpk_certs *a = load("wrap-a.pem");
	const struct dpk_trust trust = { .wrap_certs = a };
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob base = fixture_blob(fixture_path(path, WRAPPED_A));
	const char *data = (const char *)base.data;
	size_t at =
		(size_t)((char *)memmem(data, base.size, open, strlen(open)) - data) + strlen(open);

	for (size_t i = 0; i < COUNT(puts); i++) {
		struct dpk_buf buf = DPK_BUF_INIT(DPK_ELEMENT_MAX_BYTES);
		struct dpk_refusal refusal = { 0 };
		struct dpk_key *key = NULL;
		struct dpk_blob blob;

		dpk_buf_add(&buf, data, at);
		dpk_buf_adds(&buf, puts[i]);
		dpk_buf_add(&buf, data + at, base.size - at);
		blob = text_blob("-", buf.data, buf.len);
		is_num(dpk_verify(&trust, &blob, &key, &refusal), DPK_REFUSED, "refused");
		is_str(dpk_verdict_code(refusal.verdict), "cipher-length", "for its length");
		dpk_blob_fini(&blob);
		dpk_buf_fini(&buf);
	}
	dpk_blob_fini(&base);
	dpk_certs_free(a);
}

/* Every genuine element is served as it came, under the name .NET gave it. */
static void test_ring(const struct dpk_trust *trust, const char *ring)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **entries;
	int n = fixture_list(fixture_path(path, "rings/%s", ring), fixture_is_xml, &entries);

	for (int i = 0; i < n; i++) {
		uint8_t sha256[DPK_HASH_BYTES];
		struct dpk_refusal refusal = { 0 };
		struct dpk_key *key = NULL;
		struct dpk_blob blob;
		size_t size = 0;

		blob = fixture_blob(fixture_path(path, "rings/%s/%s", ring, entries[i]->d_name));
		if (dpk_verify(trust, &blob, &key, &refusal) == 0) {
			const uint8_t *data = dpk_key_data(key, &size);

			is_str(dpk_key_name(key), entries[i]->d_name, "the name is .NET's");
			ok(size == blob.size && memcmp(data, blob.data, size) == 0,
				"the bytes too");
			dpk_hash(blob.data, blob.size, sha256);
			ok(memcmp(sha256, dpk_key_sha256(key), sizeof(sha256)) == 0, "the digest");
		} else {
			ok(false, "%s/%s: %s", ring, entries[i]->d_name, refusal.text);
		}
		dpk_key_unref(key);
		dpk_blob_fini(&blob);
		free(entries[i]);
	}
	free(entries);
}

static void test_rings(void)
{
	char path[FIXTURE_PATH_MAX], certs[FIXTURE_PATH_MAX];
	struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_certs *all = NULL;
	struct dirent **rings;
	int n = fixture_list(fixture_path(path, "rings"), fixture_is_visible, &rings);

	if (dpk_certs_load(fixture_path(certs, "certs"), &all, NULL) < 0)
		abort();
	trust.wrap_certs = all;
	for (int i = 0; i < n; i++) {
		test_ring(&trust, rings[i]->d_name);
		free(rings[i]);
	}
	free(rings);
	dpk_certs_free(all);
}

/* The name of TEXT, or its reason. */
static void is_name(const char *date, const char *id, const char *want)
{
	const struct dpk_trust trust = { 0 };
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;
	struct dpk_blob blob;
	char text[256];
	int n = snprintf(text, sizeof(text),
		"<revocation version=\"1\"><revocationDate>%s</revocationDate><key id=\"%s\"/>"
		"</revocation>",
		date, id);

	blob = text_blob("../../etc/passwd", text, (size_t)n);
	if (dpk_verify(&trust, &blob, &key, &refusal) == 0)
		is_str(dpk_key_name(key), want, want);
	else
		ok(false, "%s", refusal.text);
	dpk_key_unref(key);
	dpk_blob_fini(&blob);
}

static void test_names(void)
{
	is_name("2015-03-02T03:13:19.7573854Z", "*", "revocation-20150302T0313197573854Z.xml");
	is_name("2026-04-22T12:00:00Z", "*", "revocation-20260422T120000Z.xml");
	is_name("2026-04-22T12:00:00.2500000Z", "*", "revocation-20260422T12000025Z.xml");
	is_name("2026-04-22T12:00:00.0000001Z", "*", "revocation-20260422T1200000000001Z.xml");
	is_name("2026-04-22T01:30:00.5+07:00", "*", "revocation-20260421T1830005Z.xml");
	is_name("2026-04-22T12:00:00Z", "166B159E-F5B2-450C-8E4A-89EA1343CDE0",
		"revocation-166b159e-f5b2-450c-8e4a-89ea1343cde0.xml");
}

static void test_references(void)
{
	struct dpk_trust trust = { .accept_unwrapped = true };
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob blob = fixture_blob(fixture_path(path, PLAIN));
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;

	if (dpk_verify(&trust, &blob, &key, &refusal) != 0)
		abort();
	/* the key has its own copy */
	memset(blob.data, 'x', blob.size);
	dpk_blob_fini(&blob);
	ok(dpk_key_ref(key) == key, "ref returns the key");
	ok(dpk_key_unref(key) == NULL, "unref returns NULL");
	is_str(dpk_key_name(key), "key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml", "it still lives");
	is_num(dpk_key_facts(key)->kind, DPK_KIND_KEY, "and is a key");
	key = dpk_key_unref(key);
	ok(dpk_key_unref(key) == NULL, "NULL is allowed");
}

static void test_blobs(void)
{
	struct dpk_blobs blobs = { 0 };
	struct dpk_blob blob = { 0 };
	int r = 0;

	for (int i = 0; i < DPK_RING_MAX_ELEMENTS && r == 0; i++) {
		blob = text_blob("-", "", 0);
		r = dpk_blobs_add(&blobs, &blob);
	}
	is_num(r, 0, "4096 blobs");
	is_num(blobs.count, DPK_RING_MAX_ELEMENTS, "are counted");
	ok(blob.data == NULL, "a blob that was added is taken over");
	blob = text_blob("-", "x", 1);
	is_num(dpk_blobs_add(&blobs, &blob), -E2BIG, "one more is too many");
	ok(blob.data != NULL, "and stays the caller's");
	dpk_blobs_fini(&blobs);
	blobs.bytes = DPK_RING_MAX_BYTES - 1;
	is_num(dpk_blobs_add(&blobs, &blob), 0, "bytes up to the limit");
	blob = text_blob("-", "x", 1);
	is_num(dpk_blobs_add(&blobs, &blob), -E2BIG, "and not beyond it");
	dpk_blob_fini(&blob);
	dpk_blobs_fini(&blobs);
	ok(blobs.count == 0 && blobs.items == NULL, "fini leaves an empty list");
}

int main(void)
{
	test_trust();
	test_session_key_length();
	test_rings();
	test_names();
	test_references();
	test_blobs();
	return tap_done();
}
