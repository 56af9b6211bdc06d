/* SPDX-License-Identifier: MIT */
/* From frames to offers and rejections. */
#include "engine/reading.h"

#include "tests/tap.h"
#include "tests/unit/made.h"

#include <errno.h>

static const struct dpk_trust trust = { .accept_unwrapped = true };

/* Feeds a frame of BODY. */
static void frame(struct dpk_stream *stream, const char *kind, const char *name, const char *body)
{
	struct dpk_err err = DPK_ERR_INIT;
	char line[128];

	snprintf(line, sizeof(line), "%s %zu store %s\n", kind, strlen(body), name);
	if (dpk_stream_feed(stream, line, strlen(line), &err) < 0 ||
		dpk_stream_feed(stream, body, strlen(body), &err) < 0)
		made_bail(err.text);
}

static void line(struct dpk_stream *stream, const char *text)
{
	struct dpk_err err = DPK_ERR_INIT;

	if (dpk_stream_feed(stream, text, strlen(text), &err) < 0)
		made_bail(err.text);
}

/* Takes over the harvest of STREAM. */
static int read_stream(
	struct dpk_stream *stream, struct dpk_reading *reading, struct dpk_refusal *refusal)
{
	int r;

	*refusal = (struct dpk_refusal){ 0 };
	r = dpk_reading_make(&trust, NULL, &stream->harvest, reading, refusal);
	dpk_stream_fini(stream);
	return r;
}

static char *text_of(unsigned int id)
{
	const struct made made = { id, 0, 0, 0, DAY, 0 };

	return made_text(&made);
}

static void test_kinds(void)
{
	char *a = text_of(1), *b = text_of(2), *document;
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading;
	struct dpk_stream stream;

	if (asprintf(&document, "<repository>%s<junk/></repository>", b) < 0)
		return;
	dpk_stream_init(&stream);
	frame(&stream, "element", "a.xml", a);
	frame(&stream, "document", "keys.xml", document);
	frame(&stream, "element", "revocation-x.xml", "<revo");
	frame(&stream, "element", "odd.xml", "<odd/>");
	line(&stream,
		"refused too-big store big.xml\nrefused size store revocation-y.xml\nend t\n");
	is_num(read_stream(&stream, &reading, &refusal), 0, "a mixed read");
	is_num(reading.offer_count, 2, "two keys");
	is_str(reading.offers[0].name, "a.xml", "one by itself");
	is_str(reading.offers[1].origin, "store%231", "one cut out of a document");
	is_num(reading.rejections.count, 5, "five refusals");
	is_str(reading.harvest.token, "t", "the token comes along");
	for (size_t i = 0; i < reading.rejections.count; i++) {
		const struct dpk_rejection *item = &reading.rejections.items[i];

		ok(item->could_be_revocation == (strncmp(item->name, "revocation", 10) == 0),
			"%s: %s: %s", item->name, dpk_verdict_code(item->reason), item->text);
	}
	dpk_reading_fini(&reading);
	free(a);
	free(b);
	free(document);
}

/* The digest of a read of these bodies in that order. */
static void digest_of(const char *const *bodies, size_t count, const char *extra,
	uint8_t digest[static DPK_HASH_BYTES])
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading;
	struct dpk_stream stream;

	dpk_stream_init(&stream);
	for (size_t i = 0; i < count; i++)
		frame(&stream, "element", i % 2 ? "x" : "y", bodies[i]);
	line(&stream, extra);
	if (read_stream(&stream, &reading, &refusal) != 0)
		made_bail("no reading");
	memcpy(digest, reading.digest, DPK_HASH_BYTES);
	dpk_reading_fini(&reading);
}

static void test_digest(void)
{
	char *a = text_of(1), *b = text_of(2);
	const char *const ab[] = { a, b, "<odd/>" }, *const ba[] = { "<odd/>", b, a };
	uint8_t digests[5][DPK_HASH_BYTES];

	digest_of(ab, 3, "end x\n", digests[0]);
	digest_of(ba, 3, "end y\n", digests[1]);
	digest_of(ab, 2, "end x\n", digests[2]);
	digest_of(ab, 3, "refused size store z\nend x\n", digests[3]);
	digest_of(ab, 1, "end -\n", digests[4]);
	ok(memcmp(digests[0], digests[1], DPK_HASH_BYTES) == 0, "the order does not matter");
	ok(memcmp(digests[0], digests[2], DPK_HASH_BYTES) != 0, "a refused element does");
	ok(memcmp(digests[0], digests[3], DPK_HASH_BYTES) != 0, "one that was not sent does");
	ok(memcmp(digests[2], digests[4], DPK_HASH_BYTES) != 0, "a key does");
	free(a);
	free(b);
}

static void test_documents(void)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading;
	struct dpk_stream stream;
	char *a = text_of(1);

	dpk_stream_init(&stream);
	frame(&stream, "element", "a.xml", a);
	frame(&stream, "document", "b.xml", "<repository><key></repository>");
	line(&stream, "end -\n");
	is_num(read_stream(&stream, &reading, &refusal), DPK_REFUSED,
		"a document that cannot be cut");
	is_num(refusal.verdict, DPK_VERDICT_XML, "refuses the whole read");
	dpk_stream_init(&stream);
	frame(&stream, "document", "b.xml", "<repository/>");
	line(&stream, "end -\n");
	is_num(read_stream(&stream, &reading, &refusal), 0, "an empty document");
	is_num(reading.offer_count + reading.rejections.count, 0, "holds nothing");
	dpk_reading_fini(&reading);
	free(a);
}

/* ELEMENTS empty elements and REFUSED refusals. */
static int count_of(int elements, int refused)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading = { 0 };
	struct dpk_stream stream;
	int r;

	dpk_stream_init(&stream);
	for (int i = 0; i < elements; i++)
		line(&stream, "element 0 d a\n");
	for (int i = 0; i < refused; i++)
		line(&stream,
			i + 1 == refused ? "refused size d revocation-x\n" : "refused size d a\n");
	line(&stream, "end -\n");
	r = read_stream(&stream, &reading, &refusal);
	if (r == 0 && refused)
		ok(reading.rejections.items[reading.rejections.count - 1].could_be_revocation,
			"the last refusal is not forgotten");
	dpk_reading_fini(&reading);
	return r;
}

static void test_limits(void)
{
	is_num(count_of(DPK_RING_MAX_ELEMENTS, 0), 0, "as many elements as a ring may have");
	is_num(count_of(0, DPK_RING_MAX_ELEMENTS), 0, "as many refusals");
	is_num(count_of(1, DPK_RING_MAX_ELEMENTS), -E2BIG, "one more of both");
	is_num(count_of(0, DPK_STREAM_MAX_FRAMES), -E2BIG,
		"a revocation cannot hide behind thousands of refusals");
}

int main(void)
{
	test_kinds();
	test_digest();
	test_documents();
	test_limits();
	return tap_done();
}
