/* SPDX-License-Identifier: MIT */
/*
 * Without memory: the first, the second, … the n-th allocation fails, once
 * alone and once with all that follow, until a run needs no more than n. Each
 * run must end with -ENOMEM or with the right answer, and must leak nothing.
 *
 * malloc and its kin are defined here and so stand before those of the C
 * library for expat and libcrypto too.
 */
#include "keys/manifest.h"
#include "keys/split.h"
#include "keys/verify.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>
#include <openssl/err.h>

#define RUNS_MAX 2000

static struct {
	bool counting;
	bool all; /* not only the chosen one, but those after it too */
	long chosen, made;
	long live; /* blocks made while counting and not freed */
} heap;

static bool fails(void)
{
	if (!heap.counting)
		return false;
	heap.made++;
	return heap.all ? heap.made >= heap.chosen : heap.made == heap.chosen;
}

#define EXPORTED __attribute__((visibility("default")))

/* What stands behind ours: the sanitizer's, or the C library's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *block);

/* BLOCK was made anew. */
static void *made(void *block)
{
	heap.live += heap.counting && block;
	if (!block)
		errno = ENOMEM;
	return block;
}

EXPORTED void *malloc(size_t size)
{
	return made(fails() ? NULL : REAL(malloc)(size));
}

EXPORTED void *calloc(size_t count, size_t size)
{
	return made(fails() ? NULL : REAL(calloc)(count, size));
}

EXPORTED void *realloc(void *old, size_t size)
{
	void *block = fails() ? NULL : REAL(realloc)(old, size);

	return old ? block : made(block);
}

EXPORTED void free(void *block)
{
	heap.live -= heap.counting && block;
	REAL(free)(block);
}

/* --- what is tried --------------------------------------------------------- */

struct scene {
	struct dpk_trust trust;
	struct dpk_blob blob;
	int want;
	int (*run)(struct scene *scene);
};

static int run_verify(struct scene *scene)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;
	int r = dpk_verify(&scene->trust, &scene->blob, &key, &refusal);

	dpk_key_unref(key);
	return r;
}

static int run_split(struct scene *scene)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_blobs blobs = { 0 };
	int r = dpk_split(&scene->blob, &blobs, &refusal);

	if (r != 0 && blobs.count != 0)
		r = -EPROTO;
	dpk_blobs_fini(&blobs);
	return r;
}

/* Read, cut and written again: to the same bytes, or to none. */
static int run_manifest(struct scene *scene)
{
	const struct dpk_blob *content = &scene->blob;
	struct dpk_buf buf = DPK_BUF_INIT(DPK_MANIFEST_MAX_BYTES);
	struct dpk_refusal refusal = { 0 };
	struct dpk_blobs blobs = { 0 };
	struct dpk_manifest m = { 0 };
	int r = dpk_manifest_parse(content->data, content->size, &m, &refusal);

	if (r == 0) {
		r = dpk_manifest_cut(&m, content->data, content->size, "-", &blobs, &refusal);
		if (r != 0 && blobs.count != 0)
			r = -EPROTO;
	}
	if (r == 0) {
		r = dpk_manifest_write(&m, &buf);
		if (r == 0 ? memcmp(buf.data, content->data, m.text_bytes) != 0 : buf.len != 0)
			r = -EPROTO;
	}
	dpk_blobs_fini(&blobs);
	dpk_manifest_fini(&m);
	dpk_buf_fini(&buf);
	return r;
}

/* One run in which the N-th allocation fails. False once there are fewer than N. */
static bool run_once(struct scene *scene, long n, bool all, int *ret_result)
{
	heap.chosen = n;
	heap.all = all;
	heap.made = 0;
	heap.live = 0;
	heap.counting = true;
	*ret_result = scene->run(scene);
	/* libcrypto notes each failure for this thread, with copies of names */
	ERR_clear_error();
	heap.counting = false;
	return heap.made >= n;
}

static void test_scene(struct scene *scene, bool all, const char *what)
{
	bool right = true, leaks = false;
	int result = 0;
	long n;

	/* libcrypto makes some things once, its notes among them, and keeps them */
	scene->run(scene);
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	ERR_clear_error();
	for (n = 1; n < RUNS_MAX; n++) {
		bool failed = run_once(scene, n, all, &result);

		if (!failed)
			break;
		right = right && (result == -ENOMEM || result == scene->want);
		leaks = leaks || heap.live > 0;
	}
	ok(right, "%s%s: -ENOMEM or the right answer, %ld times", what, all ? " (all fail)" : "",
		n - 1);
	ok(!leaks, "no leak");
	is_num(result, scene->want, "with enough memory it succeeds");
	ok(n > 3, "there was something to fail");
}

int main(void)
{
	static const char document[] = "<r><key id='845e7bed-f900-4a2e-ac49-3ec906feb78b'/>"
				       "<x/><x/><x/><revocation/></r>";
	char path[FIXTURE_PATH_MAX];
	struct dpk_certs *certs = NULL;
	struct scene key, revocation, refused, split, manifest;

	if (dpk_certs_load(fixture_path(path, "certs/wrap-c.pem"), &certs, NULL) < 0)
		abort();
	key = (struct scene){ .trust = { .wrap_certs = certs }, .run = run_verify };
	key.blob = fixture_blob(fixture_path(path, "odd/00-genuine/key-a.xml"));
	revocation = (struct scene){ .run = run_verify };
	revocation.blob =
		fixture_blob(fixture_path(path, "odd/20-revocation-unknown-id/revocation-x.xml"));
	refused = (struct scene){ .run = run_verify, .want = DPK_REFUSED };
	refused.blob = fixture_blob(fixture_path(path, "odd/27-two-EncryptedKey/key-a.xml"));
	split = (struct scene){ .run = run_split };
	split.blob = text_blob("-", document, sizeof(document) - 1);
	manifest = (struct scene){ .run = run_manifest };
	manifest.blob = fixture_blob(fixture_path(path, "fuzz/fuzz-manifest/made-by-dpkeyfs-sign"));
	for (int all = 0; all <= 1; all++) {
		test_scene(&key, all, "a key");
		test_scene(&revocation, all, "a revocation");
		test_scene(&refused, all, "a refused key");
		test_scene(&split, all, "a document");
		test_scene(&manifest, all, "a manifest");
	}
	dpk_blob_fini(&key.blob);
	dpk_blob_fini(&revocation.blob);
	dpk_blob_fini(&refused.blob);
	dpk_blob_fini(&split.blob);
	dpk_blob_fini(&manifest.blob);
	dpk_certs_free(certs);
	return tap_done();
}
