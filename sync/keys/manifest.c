/* SPDX-License-Identifier: MIT */
/*
 * The text of a signed snapshot, line by line. Each line has one spelling, so
 * two readers cannot understand one text differently; who signed it and
 * whether a node wants it is asked elsewhere.
 */
#include "keys/manifest.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/num.h"
#include "base/ticks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE      "dpkeyfs-snapshot 1"
#define HASH_PREFIX     "sha256:"
#define HASH_TEXT_BYTES (sizeof(HASH_PREFIX) - 1 + (size_t)2 * DPK_HASH_BYTES)
#define DATE_BYTES      20 /* YYYY-MM-DDThh:mm:ssZ */
#define REMOVE_MAX      4096
#define EXCERPT_MAX     48

/* What the lines look like; the keyword ends at the first blank. */
#define FORM_RING    "ring ID, a UUID in lower case"
#define FORM_EPOCH   "epoch NUMBER, 1 to 9007199254740991"
#define FORM_VERSION "version NUMBER, 1 to 9007199254740991"
#define FORM_ISSUED  "issued YYYY-MM-DDThh:mm:ssZ"
#define FORM_EXPIRES "expires YYYY-MM-DDThh:mm:ssZ, later than issued by at most 90 days"
#define FORM_PREV    "prev sha256:HEX in lower case, or prev -"
#define FORM_REMOVE  "remove-max NUMBER, 0 to 4096"
#define FORM_FILES   "files NUMBER, 1 to 4096"
#define FORM_FILE                                                                                  \
	"file NAME BYTES sha256:HEX KIND ID, in lower case, and NAME what .NET calls that KIND and ID"

struct span {
	const char *data;
	size_t len;
};

struct reader {
	const char *text;
	size_t size; /* of what may be looked at */
	size_t at;
	size_t line_number;
	struct span line;  /* the whole one */
	struct span value; /* what of it was not read yet */
	const char *form;  /* what it should look like */
	struct dpk_refusal *refusal;
};

/* Without `end` the line is an element's: `<` ends what is shown. */
static int refuse_line(struct reader *r, const char *expected)
{
	const char *stop = memchr(r->line.data, '<', r->line.len);
	size_t len = stop ? (size_t)(stop - r->line.data) : r->line.len;
	char excerpt[EXCERPT_MAX + 1];

	dpk_printable(r->line.data, len, excerpt, sizeof(excerpt));
	return dpk_refuse(r->refusal, DPK_VERDICT_MANIFEST,
		"line %zu of the manifest is '%s%s'; expected '%s'; make the snapshot anew with "
		"dpkeyfs-sign.sh",
		r->line_number, excerpt, len < r->line.len || len > EXCERPT_MAX ? "..." : "",
		expected);
}

static int refuse_form(struct reader *r)
{
	return refuse_line(r, r->form);
}

/* The next line, without its line feed. */
static int next_line(struct reader *r, const char *form)
{
	const char *start = r->text + r->at, *end;

	end = r->at < r->size ? memchr(start, '\n', r->size - r->at) : NULL;
	r->form = form;
	r->line_number++;
	if (!end)
		return dpk_refuse(r->refusal, DPK_VERDICT_MANIFEST,
			"line %zu of the manifest has no line feed within the first %zu bytes; expected "
			"'%s', and at most %u bytes up to the line 'end'; make the snapshot anew with "
			"dpkeyfs-sign.sh",
			r->line_number, r->size, form, DPK_MANIFEST_MAX_BYTES);
	r->line = (struct span){ start, (size_t)(end - start) };
	r->value = r->line;
	r->at += r->line.len + 1;
	return 0;
}

static bool is_text(struct span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

static bool skip(struct span *span, const char *prefix, size_t len)
{
	if (span->len < len || memcmp(span->data, prefix, len) != 0)
		return false;
	span->data += len;
	span->len -= len;
	return true;
}

static int exact_line(struct reader *r, const char *text)
{
	int result = next_line(r, text);

	if (result)
		return result;
	return is_text(r->line, text) ? 0 : refuse_form(r);
}

/* A line that starts with the keyword of FORM; the rest is left in r->value. */
static int keyword_line(struct reader *r, const char *form)
{
	int result = next_line(r, form);

	if (result)
		return result;
	return skip(&r->value, form, strcspn(form, " ") + 1) ? 0 : refuse_form(r);
}

/* Up to the next blank, which is skipped, or to the end. */
static struct span next_word(struct span *rest)
{
	const char *blank = memchr(rest->data, ' ', rest->len);
	struct span word = { rest->data, blank ? (size_t)(blank - rest->data) : rest->len };
	size_t used = word.len + (blank ? 1 : 0);

	rest->data += used;
	rest->len -= used;
	return word;
}

static bool read_number(struct span text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	return dpk_parse_u64(text.data, text.len, max, ret_number) == 0 && *ret_number >= min;
}

static bool read_guid(struct span text, struct dpk_guid *ret_guid)
{
	char lower[DPK_GUID_STRING_MAX];

	return dpk_guid_parse(text.data, text.len, ret_guid) == 0 &&
	       is_text(text, dpk_guid_to_string(ret_guid, lower));
}

/* Twenty bytes leave no room for a fraction or for another offset than Z. */
static bool read_date(struct span text, int64_t *ret_ticks)
{
	return text.len == DATE_BYTES && dpk_ticks_parse(text.data, text.len, ret_ticks) == 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct span text, uint8_t ret_hash[static DPK_HASH_BYTES])
{
	if (text.len != HASH_TEXT_BYTES || !skip(&text, HASH_PREFIX, strlen(HASH_PREFIX)))
		return false;
	for (size_t i = 0; i < DPK_HASH_BYTES; i++) {
		int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* yyyyMMddTHHmmssFFFFFFFZ: put the punctuation back, and it must be a date. */
static bool is_stamp(struct span stamp)
{
	char text[] = "yyyy-MM-ddTHH:mm:ss.fffffffZ";
	size_t fraction_at =
		stamp.len == 16 ? 19 : 20; /* the point is there with a fraction only */
	const char *s = stamp.data;
	int64_t ticks;

	if (stamp.len < 16 || stamp.len > 23 || s[8] != 'T' || s[stamp.len - 1] != 'Z')
		return false;
	memcpy(text, s, 4);
	memcpy(text + 5, s + 4, 2);
	memcpy(text + 8, s + 6, 2);
	memcpy(text + 11, s + 9, 2);
	memcpy(text + 14, s + 11, 2);
	memcpy(text + 17, s + 13, 2);
	memcpy(text + fraction_at, s + 15, stamp.len - 15);
	return (stamp.len == 16 || s[stamp.len - 2] != '0') &&
	       dpk_ticks_parse(text, fraction_at + stamp.len - 15, &ticks) == 0;
}

static bool is_mass_name(struct span name)
{
	static const char prefix[] = "revocation-", suffix[] = ".xml";
	size_t tail = sizeof(suffix) - 1;

	if (!skip(&name, prefix, sizeof(prefix) - 1) || name.len < tail ||
		memcmp(name.data + name.len - tail, suffix, tail) != 0)
		return false;
	name.len -= tail;
	return is_stamp(name);
}

/* The name that the kind and the id give. */
static bool read_name(struct span name, struct dpk_manifest_file *file)
{
	char id[DPK_GUID_STRING_MAX];

	if (file->mass) {
		if (!is_mass_name(name) || name.len >= sizeof(file->name))
			return false;
		memcpy(file->name, name.data, name.len);
		return true;
	}
	snprintf(file->name, sizeof(file->name), "%s-%s.xml",
		file->kind == DPK_KIND_KEY ? "key" : "revocation",
		dpk_guid_to_string(&file->id, id));
	return is_text(name, file->name);
}

static bool read_identity(struct span kind, struct span id, struct dpk_manifest_file *file)
{
	if (is_text(kind, "key"))
		file->kind = DPK_KIND_KEY;
	else if (is_text(kind, "revocation"))
		file->kind = DPK_KIND_REVOCATION;
	else
		return false;
	file->mass = file->kind == DPK_KIND_REVOCATION && is_text(id, "*");
	return file->mass || read_guid(id, &file->id);
}

static int read_file(struct reader *r, struct dpk_manifest_file *file)
{
	struct span name, bytes, hash, kind;
	uint64_t size;
	int result = keyword_line(r, FORM_FILE);

	if (result)
		return result;
	name = next_word(&r->value);
	bytes = next_word(&r->value);
	hash = next_word(&r->value);
	kind = next_word(&r->value);
	/* the id is all that is left: a further word, or a blank, is part of it */
	if (!read_number(bytes, 1, DPK_ELEMENT_MAX_BYTES, &size))
		return refuse_line(r, "file NAME BYTES ... with BYTES from 1 to 65536");
	if (!read_hash(hash, file->sha256) || !read_identity(kind, r->value, file) ||
		!read_name(name, file))
		return refuse_form(r);
	file->size = (size_t)size;
	return 0;
}

static int read_files(struct reader *r, struct dpk_manifest *m)
{
	uint64_t count;
	int result = keyword_line(r, FORM_FILES);

	if (result)
		return result;
	if (!read_number(r->value, 1, DPK_RING_MAX_ELEMENTS, &count))
		return refuse_form(r);
	m->files = calloc(count, sizeof(*m->files));
	if (!m->files)
		return -ENOMEM;
	for (; m->file_count < count; m->file_count++) {
		struct dpk_manifest_file *file = &m->files[m->file_count];

		result = read_file(r, file);
		if (result)
			return result;
		if (m->file_count > 0 && strcmp(file[-1].name, file->name) >= 0)
			return refuse_line(
				r, "a file whose NAME sorts behind the one before, by bytes");
	}
	return 0;
}

static int read_count(struct reader *r, const char *form, uint64_t min, uint64_t max, uint64_t *ret)
{
	int result = keyword_line(r, form);

	if (result)
		return result;
	return read_number(r->value, min, max, ret) ? 0 : refuse_form(r);
}

static int read_ring(struct reader *r, struct dpk_guid *ret_ring)
{
	int result = keyword_line(r, FORM_RING);

	if (result)
		return result;
	return read_guid(r->value, ret_ring) ? 0 : refuse_form(r);
}

static int read_dates(struct reader *r, struct dpk_manifest *m)
{
	int result = keyword_line(r, FORM_ISSUED);

	if (result)
		return result;
	if (!read_date(r->value, &m->issued))
		return refuse_form(r);
	result = keyword_line(r, FORM_EXPIRES);
	if (result)
		return result;
	if (!read_date(r->value, &m->expires) || m->expires <= m->issued ||
		m->expires - m->issued > DPK_MANIFEST_MAX_DAYS * DPK_TICKS_PER_DAY)
		return refuse_form(r);
	return 0;
}

static int read_prev(struct reader *r, struct dpk_manifest *m)
{
	int result = keyword_line(r, FORM_PREV);

	if (result || is_text(r->value, "-"))
		return result;
	m->has_prev = read_hash(r->value, m->prev);
	return m->has_prev ? 0 : refuse_form(r);
}

static int read_all(struct reader *r, struct dpk_manifest *m)
{
	const uint64_t most = DPK_MANIFEST_NUMBER_MAX;
	int result = exact_line(r, FIRST_LINE);

	if (!result)
		result = read_ring(r, &m->ring);
	if (!result)
		result = read_count(r, FORM_EPOCH, 1, most, &m->epoch);
	if (!result)
		result = read_count(r, FORM_VERSION, 1, most, &m->version);
	if (!result)
		result = read_dates(r, m);
	if (!result)
		result = read_prev(r, m);
	if (!result)
		result = read_count(r, FORM_REMOVE, 0, REMOVE_MAX, &m->remove_max);
	if (!result)
		result = read_files(r, m);
	if (!result)
		result = exact_line(r, "end");
	if (result)
		return result;
	m->text_bytes = r->at;
	return dpk_hash(r->text, r->at, m->sha256);
}

void dpk_manifest_fini(struct dpk_manifest *manifest)
{
	if (!manifest)
		return;
	free(manifest->files);
	*manifest = (struct dpk_manifest){ 0 };
}

int dpk_manifest_parse(const uint8_t *data, size_t size, struct dpk_manifest *ret_manifest,
	struct dpk_refusal *ret_refusal)
{
	_cleanup_(dpk_manifest_fini) struct dpk_manifest manifest = { 0 };
	struct reader r = { .text = (const char *)data,
		.size = size < DPK_MANIFEST_MAX_BYTES ? size : DPK_MANIFEST_MAX_BYTES,
		.refusal = ret_refusal };
	int result;

	*ret_refusal = (struct dpk_refusal){ 0 };
	result = read_all(&r, &manifest);
	if (result)
		return result;
	*ret_manifest = manifest;
	manifest.files = NULL;
	return 0;
}

/* What stands behind the text must be as long as the lines say. */
static int check_length(const struct dpk_manifest *m, size_t size, struct dpk_refusal *refusal)
{
	size_t listed = m->text_bytes;

	for (size_t i = 0; i < m->file_count; i++) {
		const struct dpk_manifest_file *file = &m->files[i];

		if (listed > size || file->size > size - listed)
			return dpk_refuse(refusal, DPK_VERDICT_HASH,
				"element '%s' is cut short: %zu bytes are there; expected %zu; make the "
				"snapshot anew with dpkeyfs-sign.sh",
				file->name, listed > size ? 0 : size - listed, file->size);
		listed += file->size;
	}
	if (listed == size)
		return 0;
	return dpk_refuse(refusal, DPK_VERDICT_UNLISTED,
		"%zu bytes follow the last element that the manifest lists; expected none; make the "
		"snapshot anew with dpkeyfs-sign.sh, so that every element has its line",
		size - listed);
}

static int cut_file(const struct dpk_manifest_file *file, const uint8_t *data, const char *origin,
	struct dpk_blobs *blobs, struct dpk_refusal *refusal)
{
	char found[2 * DPK_HASH_BYTES + 1], expected[2 * DPK_HASH_BYTES + 1];
	uint8_t sha256[DPK_HASH_BYTES];
	struct dpk_blob blob;
	int r = dpk_hash(data, file->size, sha256);

	if (r < 0)
		return r;
	dpk_hex(sha256, DPK_HASH_BYTES, found);
	dpk_hex(file->sha256, DPK_HASH_BYTES, expected);
	if (memcmp(sha256, file->sha256, DPK_HASH_BYTES) != 0)
		return dpk_refuse(refusal, DPK_VERDICT_HASH,
			"element '%s' has SHA-256 %s; expected %s, as listed; make the snapshot anew with "
			"dpkeyfs-sign.sh",
			file->name, found, expected);
	r = dpk_blob_init(&blob, origin, file->name, data, file->size);
	if (r < 0)
		return r;
	r = dpk_blobs_add(blobs, &blob);
	if (r < 0)
		dpk_blob_fini(&blob);
	return r;
}

int dpk_manifest_cut(const struct dpk_manifest *manifest, const uint8_t *data, size_t size,
	const char *origin, struct dpk_blobs *blobs, struct dpk_refusal *ret_refusal)
{
	size_t count = blobs->count, at = manifest->text_bytes;
	int r;

	*ret_refusal = (struct dpk_refusal){ 0 };
	r = check_length(manifest, size, ret_refusal);
	for (size_t i = 0; !r && i < manifest->file_count; i++) {
		r = cut_file(&manifest->files[i], data + at, origin, blobs, ret_refusal);
		at += manifest->files[i].size;
	}
	if (r)
		dpk_blobs_truncate(blobs, count);
	return r;
}

static int write_head(const struct dpk_manifest *m, struct dpk_buf *buf)
{
	char ring[DPK_GUID_STRING_MAX], prev[2 * DPK_HASH_BYTES + 1];
	char issued[DPK_TICKS_STRING_MAX], expires[DPK_TICKS_STRING_MAX];

	dpk_hex(m->prev, DPK_HASH_BYTES, prev);
	return dpk_buf_addf(buf,
		FIRST_LINE "\nring %s\nepoch %" PRIu64 "\nversion %" PRIu64
			   "\nissued %s\nexpires %s\nprev %s%s\nremove-max %" PRIu64
			   "\nfiles %zu\n",
		dpk_guid_to_string(&m->ring, ring), m->epoch, m->version,
		dpk_ticks_to_string(m->issued, issued), dpk_ticks_to_string(m->expires, expires),
		m->has_prev ? HASH_PREFIX : "", m->has_prev ? prev : "-", m->remove_max,
		m->file_count);
}

static int write_file(const struct dpk_manifest_file *file, struct dpk_buf *buf)
{
	char id[DPK_GUID_STRING_MAX], hash[2 * DPK_HASH_BYTES + 1];

	if (file->kind != DPK_KIND_KEY && file->kind != DPK_KIND_REVOCATION)
		return -EINVAL;
	dpk_hex(file->sha256, DPK_HASH_BYTES, hash);
	return dpk_buf_addf(buf, "file %.*s %zu " HASH_PREFIX "%s %s %s\n", DPK_FILE_NAME_MAX - 1,
		file->name, file->size, hash, file->kind == DPK_KIND_KEY ? "key" : "revocation",
		file->mass ? "*" : dpk_guid_to_string(&file->id, id));
}

static int write_all(const struct dpk_manifest *m, struct dpk_buf *buf)
{
	int r = m->issued < 0 ? -EINVAL : write_head(m, buf);

	for (size_t i = 0; r == 0 && i < m->file_count; i++)
		r = write_file(&m->files[i], buf);
	return r < 0 ? r : dpk_buf_adds(buf, "end\n");
}

/* Nothing is signed that nodes would refuse: the reader has the last word. */
static int check_written(struct dpk_manifest *manifest, const char *text, size_t len)
{
	_cleanup_(dpk_manifest_fini) struct dpk_manifest read = { 0 };
	struct dpk_refusal refusal;
	int r = dpk_manifest_parse((const uint8_t *)text, len, &read, &refusal);

	if (r)
		return r < 0 ? r : -EINVAL;
	if (read.text_bytes != len)
		return -EINVAL;
	memcpy(manifest->sha256, read.sha256, DPK_HASH_BYTES);
	manifest->text_bytes = len;
	return 0;
}

int dpk_manifest_write(struct dpk_manifest *manifest, struct dpk_buf *buf)
{
	size_t start = buf->len;
	int r = write_all(manifest, buf);

	if (r == 0)
		r = check_written(manifest, buf->data + start, buf->len - start);
	if (r < 0 && buf->data) {
		buf->len = start;
		buf->data[start] = '\0';
	}
	return r;
}
