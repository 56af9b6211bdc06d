/* SPDX-License-Identifier: MIT */
/* The frames of a store program: every chunking, every limit, every malformed line. */
#include "engine/stream.h"

#include "base/err.h"

#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>

#define LITERAL(text) (text), sizeof(text) - 1

/* Feeds in pieces of CHUNK bytes; the first failure, or 0. */
static int feed(
	struct dpk_stream *stream, const char *data, size_t len, size_t chunk, struct dpk_err *err)
{
	int r = 0;

	for (size_t at = 0; at < len && r == 0; at += chunk)
		r = dpk_stream_feed(stream, data + at, len - at < chunk ? len - at : chunk, err);
	return r;
}

static const char whole[] = "element 5 dir a.xml\nhello"
			    "document 0 blob -\n"
			    "refused too-big dir big%20file.xml\n"
			    "element 12 dir b.xml\n"
			    "end x\nfram\ne"
			    "end W/\"abc\"\n";

static bool is_whole(const struct dpk_harvest *harvest)
{
	const struct dpk_blob *a = harvest->elements.items, *b = a + 1;

	return harvest->complete && strcmp(harvest->token, "W/\"abc\"") == 0 &&
	       harvest->elements.count == 2 && harvest->documents.count == 1 &&
	       harvest->refusal_count == 1 && a->size == 5 && memcmp(a->data, "hello", 5) == 0 &&
	       strcmp(a->name, "a.xml") == 0 && strcmp(a->origin, "dir") == 0 && b->size == 12 &&
	       memcmp(b->data, "end x\nfram\ne", 12) == 0 &&
	       harvest->documents.items[0].size == 0 &&
	       harvest->refusals[0].reason == DPK_VERDICT_TOO_BIG &&
	       strcmp(harvest->refusals[0].name, "big%20file.xml") == 0;
}

static void test_chunks(void)
{
	size_t len = sizeof(whole) - 1, good = 0, sizes = 0;

	for (size_t chunk = 1; chunk <= len; chunk++, sizes++) {
		struct dpk_err err = DPK_ERR_INIT;
		struct dpk_stream stream;

		dpk_stream_init(&stream);
		good += feed(&stream, whole, len, chunk, &err) == 0 && is_whole(&stream.harvest);
		dpk_stream_fini(&stream);
	}
	is_num(good, sizes, "the same frames in pieces of every size");
}

/* TEXT alone, whole and byte by byte, must end with WANT; COMPLETE tells of the end frame. */
static void ends(const char *text, size_t len, int want, bool complete, const char *what)
{
	struct dpk_err errs[2] = { DPK_ERR_INIT, DPK_ERR_INIT };
	bool done[2];
	int r[2];

	for (int i = 0; i < 2; i++) {
		struct dpk_stream stream;

		dpk_stream_init(&stream);
		r[i] = feed(&stream, text, len, i ? 1 : len, &errs[i]);
		done[i] = r[i] == 0 && stream.harvest.complete;
		dpk_stream_fini(&stream);
	}
	ok(r[0] == want && r[1] == want && done[0] == complete && done[1] == complete &&
			strcmp(errs[0].text, errs[1].text) == 0 && (want == 0) == !errs[0].text[0],
		"%s%s%s", what, want ? ": " : "", errs[0].text);
	if (r[0] != want || r[1] != want)
		diag("%d and %d, want %d", r[0], r[1], want);
}

static void test_lines(void)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ LITERAL("\n") },
		{ LITERAL(" \n") },
		{ LITERAL("end\n") },
		{ LITERAL("end \n") },
		{ LITERAL("end  -\n") },
		{ LITERAL(" end -\n") },
		{ LITERAL("end - \n") },
		{ LITERAL("end - -\n") },
		{ LITERAL("End -\n") },
		{ LITERAL("end -\r\n") },
		{ LITERAL("end a\tb\n") },
		{ LITERAL("end a\x01\n") },
		{ LITERAL("end \xc3\xa4\n") },
		{ LITERAL("end\0-\n") },
		{ LITERAL("end a\0b\n") },
		{ LITERAL("element 5 dir\n") },
		{ LITERAL("element 5 dir a b\n") },
		{ LITERAL("element  5 dir a\n") },
		{ LITERAL("element 5  dir a\n") },
		{ LITERAL("element 5 dir  a\n") },
		{ LITERAL("element 5 dir a \n") },
		{ LITERAL("element 5 dir a\r\n") },
		{ LITERAL("element\t5 dir a\n") },
		{ LITERAL("element +5 dir a\n") },
		{ LITERAL("element -5 dir a\n") },
		{ LITERAL("element 05 dir a\n") },
		{ LITERAL("element 0x5 dir a\n") },
		{ LITERAL("element 5. dir a\n") },
		{ LITERAL("element five dir a\n") },
		{ LITERAL("element 5 d/r a\n") },
		{ LITERAL("element 5 dir ../a/b\n") },
		{ LITERAL("element 5 dir a\0b\n") },
		{ LITERAL("element 5 d\xffr a\n") },
		{ LITERAL("element 5 dir a;b\n") },
		{ LITERAL("Element 5 dir a\n") },
		{ LITERAL("elements 5 dir a\n") },
		{ LITERAL("snap 5 dir a\n") },
		{ LITERAL("refused ok dir a\n") },
		{ LITERAL("refused nonsense dir a\n") },
		{ LITERAL("refused size dir a/b\n") },
		{ LITERAL("refused size dir\n") },
		{ LITERAL("<key id=\"x\">\n") },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ends(bad[i].text, bad[i].len, -EBADMSG, false, "no frame");
}

static void test_end(void)
{
	ends(LITERAL(""), 0, false, "nothing at all is not complete");
	ends(LITERAL("end -"), 0, false, "nor an end without its newline");
	ends(LITERAL("end -\n"), 0, true, "an empty store is complete");
	ends(LITERAL("element 5 d a\nhello"), 0, false, "elements without an end are not");
	ends(LITERAL("element 5 d a\nhell"), 0, false, "nor a body that is cut");
	ends(LITERAL("element 5 d a\nhellend -\n"), -EBADMSG, false, "a short body eats the end");
	ends(LITERAL("end -\n\n"), -EBADMSG, false, "a newline after the end");
	ends(LITERAL("end -\nend -\n"), -EBADMSG, false, "a second end");
	ends(LITERAL("element 0 d a\nend -\n"), 0, true, "an empty element is a frame");
	ends(LITERAL("element 0 d %\nend -\n"), 0, true,
		"an escape is not judged, only its alphabet");
}

/* A line of a word, LEN bytes of it. */
static void long_word(const char *before, size_t len, const char *after, int want, bool complete,
	const char *what)
{
	size_t n = strlen(before), m = strlen(after);
	char *text = malloc(n + len + m);

	memcpy(text, before, n);
	memset(text + n, 'a', len);
	memcpy(text + n + len, after, m);
	ends(text, n + len + m, want, complete, what);
	free(text);
}

static void test_lengths(void)
{
	long_word("end ", DPK_TOKEN_MAX, "\n", 0, true, "the longest token");
	long_word("end ", DPK_TOKEN_MAX + 1, "\n", -EBADMSG, false, "one byte more");
	long_word("element 0 ", DPK_ORIGIN_MAX, " a\nend -\n", 0, true, "the longest origin");
	long_word(
		"element 0 ", DPK_ORIGIN_MAX + 1, " a\nend -\n", -EBADMSG, false, "one byte more");
	long_word("refused size d ", DPK_ORIGIN_MAX, "\nend -\n", 0, true, "the longest name");
	long_word("refused size d ", DPK_ORIGIN_MAX + 1, "\nend -\n", -EBADMSG, false,
		"one byte more");
	long_word("", DPK_STREAM_LINE_MAX, "", 0, false, "the longest line is waited for");
	long_word("", DPK_STREAM_LINE_MAX + 1, "", -EBADMSG, false, "one byte more is not");
	ends(LITERAL("element 65537 d a\n"), -EFBIG, false, "an element beyond its limit");
	ends(LITERAL("element 65536 d a\n"), 0, false, "and at it");
	ends(LITERAL("document 4194305 d a\n"), -EFBIG, false, "a document beyond its limit");
	ends(LITERAL("document 4194304 d a\n"), 0, false, "and at it");
	ends(LITERAL("element 18446744073709551615 d a\n"), -EFBIG, false, "2^64-1");
	ends(LITERAL("element 99999999999999999999999 d a\n"), -EFBIG, false, "more than 2^64");
}

/* COUNT times the frame FRAME of BODY bytes; how many are taken, and how it ends. */
static int many(
	const char *frame, size_t body, size_t count, size_t *ret_taken, struct dpk_err *err)
{
	char *data = calloc(1, body + 1);
	struct dpk_stream stream;
	int r = 0;

	dpk_stream_init(&stream);
	*ret_taken = 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = dpk_stream_feed(&stream, frame, strlen(frame), err);
		if (r == 0 && body)
			r = dpk_stream_feed(&stream, data, body, err);
		*ret_taken += r == 0;
	}
	dpk_stream_fini(&stream);
	free(data);
	return r;
}

static void test_snapshot(void)
{
	static const char alone[] = "snapshot 5 dir ring.p7m\nhelloend x\n";
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_stream stream;

	dpk_stream_init(&stream);
	is_num(feed(&stream, LITERAL(alone), 3, &err), 0, "a signed snapshot alone");
	ok(stream.harvest.complete && stream.harvest.snapshots.count == 1 &&
			stream.harvest.snapshots.items[0].size == 5 &&
			strcmp(stream.harvest.snapshots.items[0].name, "ring.p7m") == 0 &&
			stream.harvest.elements.count == 0 && stream.harvest.documents.count == 0,
		"is in its own list");
	dpk_stream_fini(&stream);
	ends(LITERAL("snapshot 0 d a\nend -\n"), 0, true, "an empty one is a frame");
	ends(LITERAL("snapshot 4456448 d a\n"), 0, false, "the largest snapshot");
	ends(LITERAL("snapshot 4456449 d a\n"), -EFBIG, false, "one byte more");
	ends(LITERAL("snapshot 5 dir\n"), -EBADMSG, false, "a snapshot without a name");
	ends(LITERAL("snapshot 0 d a\nsnapshot 0 d a\n"), -EBADMSG, false, "a second snapshot");
	ends(LITERAL("snapshot 0 d a\nelement 0 d a\n"), -EBADMSG, false, "an element behind it");
	ends(LITERAL("snapshot 1 d a\nxdocument 0 d a\n"), -EBADMSG, false, "a document");
	ends(LITERAL("snapshot 0 d a\nrefused size d a\n"), -EBADMSG, false, "a refusal");
	ends(LITERAL("element 0 d a\nsnapshot 0 d a\n"), -EBADMSG, false, "an element before it");
	ends(LITERAL("document 0 d a\nsnapshot 0 d a\n"), -EBADMSG, false, "a document");
	ends(LITERAL("refused size d a\nsnapshot 0 d a\n"), -EBADMSG, false, "a refusal");
}

static void test_sums(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	size_t taken;

	is_num(many("element 0 d a\n", 0, 5000, &taken, &err), -EFBIG, "too many elements");
	is_num(taken, DPK_RING_MAX_ELEMENTS, "the limit is what the ring may have");
	is_num(many("refused size d a\n", 0, 9000, &taken, &err), -EFBIG, "too many refusals");
	is_num(taken, DPK_STREAM_MAX_FRAMES, "the limit of frames");
	is_num(many("element 65536 d a\n", 65536, 300, &taken, &err), -EFBIG, "too many bytes");
	is_num(taken, DPK_RING_MAX_BYTES / 65536, "the limit of a ring's bytes");
	is_num(many("document 4194304 d a\n", 4194304, 9, &taken, &err), -EFBIG,
		"in documents too");
	is_num(taken, DPK_RING_MAX_BYTES / 4194304, "the same limit");
}

static void test_total(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_stream stream;
	size_t frames = 0;
	int r = 0;

	/* elements and documents have limits of their own, and the stream has one above both */
	dpk_stream_init(&stream);
	for (size_t i = 0; i < 12 && r == 0; i++) {
		static char body[2 * 1024 * 1024];
		bool document = i % 8 == 7;

		for (size_t left = sizeof(body); left > 0 && r == 0; left -= 65536) {
			const char *line = document && left == sizeof(body) ?
						   "document 2097152 d a\n" :
						   "element 65536 d a\n";

			if (!document || left == sizeof(body))
				r = dpk_stream_feed(&stream, line, strlen(line), &err);
			if (r == 0)
				r = dpk_stream_feed(&stream, body, 65536, &err);
			frames++;
		}
	}
	is_num(r, -EFBIG, "a stream beyond all limits ends");
	ok(stream.total <= DPK_STREAM_MAX_BYTES + 65536, "and no more than its limit was taken");
	ok(frames > 250, "after %zu pieces", frames);
	dpk_stream_fini(&stream);
}

static void test_shown(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_stream stream;

	dpk_stream_init(&stream);
	feed(&stream, LITERAL("element 1 d a\nxelement 2 d\x1b[2J a\n"), 7, &err);
	is_str(err.text, "the store program's frame 2 is none: 'element 2 d\\x1b[2J a'",
		"the frame is numbered and escaped");
	dpk_stream_fini(&stream);
	ok(stream.line.data == NULL && stream.harvest.elements.items == NULL,
		"fini leaves nothing");
}

int main(void)
{
	test_chunks();
	test_lines();
	test_end();
	test_lengths();
	test_snapshot();
	test_sums();
	test_total();
	test_shown();
	return tap_done();
}
