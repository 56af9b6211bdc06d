/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the content of a signed snapshot. What must hold: a text that
 * parses is written back to the same bytes, a refusal gives nothing, and
 * elements are cut exactly where their lengths say.
 */
#include "base/buf.h"
#include "keys/manifest.h"

#include "tests/fuzz/fuzz.h"

static void check_refusal(const struct dpk_refusal *refusal)
{
	must(strstr(refusal->text, "expected") != NULL);
	must(strlen(refusal->text) < sizeof(refusal->text) - 1);
	for (const char *c = refusal->text; *c; c++)
		must(*c >= 0x20 && *c <= 0x7e);
}

static void check_written(struct dpk_manifest *m, const uint8_t *data)
{
	struct dpk_buf buf = DPK_BUF_INIT(DPK_MANIFEST_MAX_BYTES);
	uint8_t sha256[DPK_HASH_BYTES];
	size_t len = m->text_bytes;

	memcpy(sha256, m->sha256, sizeof(sha256));
	must(dpk_manifest_write(m, &buf) == 0);
	must(buf.len == len && m->text_bytes == len && memcmp(buf.data, data, len) == 0);
	must(memcmp(sha256, m->sha256, sizeof(sha256)) == 0);
	dpk_buf_fini(&buf);
}

static size_t listed_bytes(const struct dpk_manifest *m)
{
	size_t sum = 0;

	for (size_t i = 0; i < m->file_count; i++)
		sum += m->files[i].size;
	return sum;
}

static int check_cut(const struct dpk_manifest *m, const uint8_t *data, size_t size)
{
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };
	int r = dpk_manifest_cut(m, data, size, "fuzz", &blobs, &refusal);

	must(r == 0 || r == DPK_REFUSED);
	if (r == 0) {
		must(blobs.count == m->file_count && blobs.bytes == listed_bytes(m));
		must(blobs.bytes == size - m->text_bytes);
	} else {
		must(blobs.count == 0);
		must(refusal.verdict == DPK_VERDICT_HASH ||
			refusal.verdict == DPK_VERDICT_UNLISTED);
		check_refusal(&refusal);
	}
	dpk_blobs_fini(&blobs);
	return r;
}

/* No fuzzer finds a digest: where only those are wrong, the right ones are put in. */
static void check_mended(struct dpk_manifest *m, const uint8_t *data, size_t size)
{
	struct dpk_buf buf = DPK_BUF_INIT(size);
	size_t at = m->text_bytes;

	for (size_t i = 0; i < m->file_count; i++) {
		must(dpk_hash(data + at, m->files[i].size, m->files[i].sha256) == 0);
		at += m->files[i].size;
	}
	at = m->text_bytes;
	must(dpk_manifest_write(m, &buf) == 0 && m->text_bytes == at);
	must(dpk_buf_add(&buf, data + at, size - at) == 0);
	must(check_cut(m, (const uint8_t *)buf.data, buf.len) == 0);
	dpk_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dpk_manifest m = { 0 };
	struct dpk_refusal refusal = { 0 };
	int r = dpk_manifest_parse(data, size, &m, &refusal);

	must(r == 0 || r == DPK_REFUSED);
	if (r) {
		must(refusal.verdict == DPK_VERDICT_MANIFEST && !m.files);
		check_refusal(&refusal);
		return 0;
	}
	must(m.text_bytes <= size && m.file_count > 0);
	check_written(&m, data);
	check_cut(&m, data, size);
	if (listed_bytes(&m) == size - m.text_bytes)
		check_mended(&m, data, size);
	dpk_manifest_fini(&m);
	return 0;
}
