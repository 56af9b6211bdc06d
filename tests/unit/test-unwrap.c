/* SPDX-License-Identifier: MIT */
/* Opening wrapped keys: what opens, what does not, and what an opened element looks like. */
#include "keys/base64.h"
#include "keys/verify.h"

#include "tests/tap.h"
#include "tests/unit/wrapping.h"

#include <errno.h>

#define PLAIN "rings/net10-plain/key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml"
#define GCM_A "rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml"

static const char *const all_keys[] = { "wrap-a.key", "wrap-b.key", "wrap-c.key", "expired.key",
	"foreign.key", NULL };

static struct dpk_unwrap *all;
static uint8_t exposed[DPK_ELEMENT_MAX_BYTES];
static size_t exposed_size;

static struct dpk_blob fixture(const char *name)
{
	char path[FIXTURE_PATH_MAX];

	return fixture_blob(fixture_path(path, "%s", name));
}

static int expose(struct dpk_unwrap *set, const struct dpk_blob *element)
{
	return dpk_unwrap_expose(set, element, exposed, sizeof(exposed), &exposed_size);
}

/* Is what was exposed a key that the gate and a trust in plaintext keys accept? */
static bool exposed_verifies(void)
{
	const struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_blob blob = text_blob("exposed", (char *)exposed, exposed_size);
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;
	int r = dpk_verify(&trust, &blob, &key, &refusal);
	bool plain = key && !dpk_key_facts(key)->wrapped;

	if (r)
		diag("%s", refusal.text);
	dpk_key_unref(key);
	dpk_blob_fini(&blob);
	return r == 0 && plain;
}

static void check_ring(const char *ring, int *opened, int *wrapped)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **entries;
	int n = fixture_list(fixture_path(path, "rings/%s", ring), fixture_is_xml, &entries);

	for (int i = 0; i < n; i++) {
		struct dpk_blob blob =
			fixture_blob(fixture_path(path, "rings/%s/%s", ring, entries[i]->d_name));
		bool want = memmem(blob.data, blob.size, "<encryptedSecret", 16) != NULL;
		bool got = dpk_unwrap_open(all, &blob) == 1 && expose(all, &blob) == 1 &&
			   exposed_verifies();

		*wrapped += want;
		*opened += got;
		if (got != want)
			diag("%s/%s", ring, entries[i]->d_name);
		dpk_blob_fini(&blob);
		free(entries[i]);
	}
	free(entries);
}

static void test_rings(void)
{
	char path[FIXTURE_PATH_MAX];
	struct dirent **rings;
	int n = fixture_list(fixture_path(path, "rings"), fixture_is_visible, &rings);
	int opened = 0, wrapped = 0;

	for (int i = 0; i < n; i++) {
		check_ring(rings[i]->d_name, &opened, &wrapped);
		free(rings[i]);
	}
	free(rings);
	ok(wrapped > 40, "%d wrapped keys of real .NET", wrapped);
	is_num(opened, wrapped, "each opens, verifies when exposed, and nothing else does");
}

/* Leaves the newlines and the blanks at the beginning of lines out, as the stores without files. */
static struct dpk_blob unformatted(const struct dpk_blob *blob)
{
	char *text = malloc(blob->size);
	size_t n = 0;
	bool start = true;
	struct dpk_blob result;

	for (size_t i = 0; i < blob->size; i++) {
		char c = (char)blob->data[i];

		if (c == '\n' || (start && c == ' ')) {
			start = true;
			continue;
		}
		start = false;
		text[n++] = c;
	}
	result = text_blob("unformatted", text, n);
	free(text);
	return result;
}

static struct dpk_blob with_crlf(const struct dpk_blob *blob)
{
	char *text = malloc(2 * blob->size);
	size_t n = 0;
	struct dpk_blob result;

	for (size_t i = 0; i < blob->size; i++) {
		if (blob->data[i] == '\n')
			text[n++] = '\r';
		text[n++] = (char)blob->data[i];
	}
	result = text_blob("crlf", text, n);
	free(text);
	return result;
}

/* Wraps PLAIN as HOW says and exposes it; the bytes must be PLAIN's again. */
static void check_round(const struct wrapping *how, const struct dpk_blob *plain, const char *what)
{
	struct dpk_blob wrapped = wrap(how, plain);

	ok(expose(all, &wrapped) == 1 && exposed_size == plain->size &&
			memcmp(exposed, plain->data, plain->size) == 0,
		"%s", what);
	dpk_blob_fini(&wrapped);
}

static void test_render(void)
{
	const struct wrapping how = { .cert = "wrap-a.pem" };
	const struct wrapping oaep = { .cert = "wrap-b.pem", .oaep = true };
	struct dpk_blob plain = fixture(PLAIN);
	struct dpk_blob flat = unformatted(&plain), crlf = with_crlf(&plain), wrapped;

	check_round(&how, &plain, "exposed: the bytes that .NET writes without a certificate");
	check_round(&oaep, &plain, "the same under rsa-oaep-mgf1p");
	check_round(&how, &flat, "without indentation");
	check_round(&how, &crlf, "with the newlines of Windows");
	wrapped = wrap(&how, &plain);
	is_num(dpk_unwrap_expose(all, &wrapped, exposed, 200, &exposed_size), 0,
		"not into too little room");
	ok(exposed[0] == 0 && exposed[199] == 0, "which is wiped");
	dpk_blob_fini(&wrapped);
	is_num(dpk_unwrap_open(all, &plain), 0, "a key in plaintext is not opened");
	dpk_blob_fini(&plain);
	dpk_blob_fini(&flat);
	dpk_blob_fini(&crlf);
}

static void test_keys(void)
{
	static const char *const none[] = { NULL }, *const b[] = { "wrap-b.key", NULL };
	static const char *const a[] = { "wrap-a.key", "wrap-a.pem", "ec.key", "wrap-a.key", NULL };
	static const char *const ab[] = { "wrap-a.key", "wrap-b.key", NULL };
	static const char *const ba[] = { "wrap-b.key", "wrap-a.key", NULL };
	struct dpk_unwrap *sets[] = { load_keys(none), load_keys(b), load_keys(a), load_keys(ab),
		load_keys(ba) };
	uint8_t policies[5][DPK_HASH_BYTES];
	struct dpk_blob blob = fixture(GCM_A);

	for (int i = 0; i < 5; i++)
		dpk_unwrap_policy(sets[i], policies[i]);
	is_num(dpk_unwrap_count(sets[2]), 1, "certificates, EC keys and doubles do not count");
	is_num(dpk_unwrap_open(sets[0], &blob), 0, "no key opens nothing");
	is_num(dpk_unwrap_open(sets[1], &blob), 0, "another key does not open it");
	is_num(dpk_unwrap_open(sets[2], &blob), 1, "its own does");
	is_num(dpk_unwrap_open(sets[2], &blob), 1, "and once more, the certificate being known");
	ok(memcmp(policies[3], policies[4], DPK_HASH_BYTES) == 0, "the order is no policy");
	ok(memcmp(policies[2], policies[3], DPK_HASH_BYTES) != 0, "another key is");
	for (int i = 0; i < 5; i++)
		dpk_unwrap_free(sets[i]);
	dpk_blob_fini(&blob);
}

static void refuses_pem(const char *pem, const char *text)
{
	struct dpk_unwrap *set = NULL;
	struct dpk_err err = DPK_ERR_INIT;

	dpk_unwrap_new(&set);
	ok(dpk_unwrap_add_pem(set, pem, strlen(pem), &err) == -EINVAL &&
			strstr(err.text, text) != NULL,
		"%s", err.text);
	dpk_unwrap_free(set);
}

static void test_pem(void)
{
	struct dpk_unwrap *set = NULL;
	struct dpk_err err = DPK_ERR_INIT;

	refuses_pem("", "pkcs12");
	refuses_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "again");
	refuses_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
		    "-----END ENCRYPTED PRIVATE KEY-----\n",
		"openssl pkey");
	dpk_unwrap_new(&set);
	ok(dpk_unwrap_add_uri(set, "pkcs11:token=none;object=none", &err) == -ENOENT &&
			strstr(err.text, "provider") != NULL,
		"%s", err.text);
	dpk_unwrap_free(set);
	dpk_unwrap_free(NULL);
}

#define DP "xmlns:p=\"http://schemas.asp.net/2015/03/dataProtection\""
#define VALUE                                                                                      \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

/* What a session key opens is read by itself, with no more and no less tolerance than .NET's. */
static void test_plaintext(void)
{
	static const struct {
		const char *text;
		int want;
		const char *what;
	} cases[] = {
		{ "<masterKey><value>" VALUE "</value></masterKey>", 1, "no requiresEncryption" },
		{ "<masterKey p:requiresEncryption=\"true\" " DP "><value>" VALUE
		  "</value></masterKey>",
			1, "any prefix" },
		{ " \r\n<masterKey><value>" VALUE "</value></masterKey>\n", 1, "blanks around it" },
		{ "<masterKey> <!-- a --> <value> " VALUE " </value><!-- b --></masterKey>", 1,
			"comments and blanks in it" },
		{ "<?xml version=\"1.0\"?><masterKey><value>" VALUE "</value></masterKey>", 0,
			"a declaration" },
		{ "<!-- a --><masterKey><value>" VALUE "</value></masterKey>", 0,
			"a comment before" },
		{ "\xef\xbb\xbf<masterKey><value>" VALUE "</value></masterKey>", 0,
			"a mark before" },
		{ "<masterKey xmlns=\"http://schemas.asp.net/2015/03/dataProtection\"><value>" VALUE
		  "</value></masterKey>",
			0, "in a namespace" },
		{ "<p:masterKey " DP "><value>" VALUE "</value></p:masterKey>", 0,
			"with a prefix" },
		{ "<masterKey p4:requiresEncryption=\"true\"><value>" VALUE "</value></masterKey>",
			0, "a prefix that only the element around it declares" },
		{ "<masterKey><value>" VALUE "</value></masterKey><x/>", 0, "a second element" },
		{ "<masterKey><value>" VALUE "</value><value>" VALUE "</value></masterKey>", 0,
			"two values" },
		{ "<masterKey><value>AAAA</value></masterKey>", 0, "three bytes" },
		{ "<masterKey><value>*</value></masterKey>", 0, "no base64" },
		{ "<key><value>" VALUE "</value></key>", 0, "another element" },
		{ "<!DOCTYPE masterKey><masterKey><value>" VALUE "</value></masterKey>", 0,
			"a DOCTYPE" },
		{ "", 0, "nothing" },
	};
	const struct wrapping good = { .cert = "wrap-a.pem", .plaintext = cases[0].text };
	struct wrapping how = { .cert = "wrap-a.pem" };
	struct dpk_blob plain = fixture(PLAIN), blob;
	uint8_t secret[DPK_MASTER_KEY_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_num(dpk_unwrap_read_plaintext(cases[i].text, strlen(cases[i].text), secret),
			cases[i].want, cases[i].what);
		how.plaintext = cases[i].text;
		blob = wrap(&how, &plain);
		is_num(dpk_unwrap_open(all, &blob), cases[i].want, "the same when wrapped");
		dpk_blob_fini(&blob);
	}
	ok(dpk_unwrap_read_plaintext(good.plaintext, strlen(good.plaintext), secret) == 1 &&
			secret[0] == 0 && secret[63] == 63,
		"its 64 bytes");
	dpk_blob_fini(&plain);
}

/* A session key of another length is none, though RSA opens it. */
static void test_session_lengths(void)
{
	struct wrapping how = { .cert = "wrap-a.pem" };
	struct dpk_blob plain = fixture(PLAIN);

	for (int oaep = 0; oaep < 2; oaep++)
		for (size_t bytes = 31; bytes <= 33; bytes++) {
			struct dpk_blob blob;

			how.oaep = oaep;
			how.session_bytes = bytes;
			blob = wrap(&how, &plain);
			ok(dpk_unwrap_open(all, &blob) == (bytes == 32), "%s of %zu bytes",
				oaep ? "OAEP" : "PKCS#1", bytes);
			dpk_blob_fini(&blob);
		}
	dpk_blob_fini(&plain);
}

/* A copy of BLOB in which one byte of its NTH CipherValue is changed. */
static struct dpk_blob damaged(const struct dpk_blob *blob, int nth, unsigned int *seed)
{
	struct dpk_blob copy = text_blob("damaged", (const char *)blob->data, blob->size);
	char *at = (char *)copy.data, *end, *text;
	char coded[4096];
	size_t bytes;

	for (int i = 0; i <= nth; i++)
		at = (char *)memmem(at, copy.size - (size_t)(at - (char *)copy.data),
			     "<CipherValue>", 13) +
		     13;
	end = strchr(at, '<');
	text = strndup(at, (size_t)(end - at));
	dpk_base64_decode(text, strlen(text), &bytes);
	text[(size_t)rand_r(seed) % bytes] ^= (char)(1 + rand_r(seed) % 255);
	EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)text, (int)bytes);
	memcpy(at, coded, (size_t)(end - at));
	free(text);
	return copy;
}

/* 100 damages each of session key and content: none may open to another secret. */
static void test_damage(void)
{
	struct dpk_blob blob = fixture(GCM_A);
	uint8_t *sound = malloc(DPK_ELEMENT_MAX_BYTES);
	size_t sound_size;
	unsigned int seed = 20261125;
	int opened = 0, differing = 0;

	expose(all, &blob);
	sound_size = exposed_size;
	memcpy(sound, exposed, exposed_size);
	for (int i = 0; i < 200; i++) {
		struct dpk_blob bad = damaged(&blob, i % 2, &seed);

		if (expose(all, &bad) == 1) {
			opened++;
			differing += exposed_size != sound_size ||
				     memcmp(sound, exposed, sound_size) != 0;
		}
		dpk_blob_fini(&bad);
	}
	is_num(differing, 0, "200 damages: none opens to another secret");
	diag("%d opened to the same secret", opened);
	free(sound);
	dpk_blob_fini(&blob);
}

int main(void)
{
	all = load_keys(all_keys);
	test_rings();
	test_render();
	test_keys();
	test_pem();
	test_plaintext();
	test_session_lengths();
	test_damage();
	dpk_unwrap_free(all);
	return tap_done();
}
