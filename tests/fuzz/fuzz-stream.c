/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the output of a store program, cut into pieces by its first
 * byte. What must hold: the pieces do not matter, a stream is complete only
 * behind an end frame, and nothing is kept beyond the limits.
 */
#include "base/err.h"
#include "base/escape.h"
#include "engine/stream.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>

static int feed(struct dpk_stream *stream, const uint8_t *data, size_t size, size_t chunk)
{
	struct dpk_err err = DPK_ERR_INIT;
	int r = 0;

	dpk_stream_init(stream);
	for (size_t at = 0; at < size && r == 0; at += chunk)
		r = dpk_stream_feed(stream, data + at, size - at < chunk ? size - at : chunk, &err);
	must(r == 0 || r == -EBADMSG || r == -EFBIG);
	must((r == 0) == (err.text[0] == '\0'));
	for (const char *at = err.text; *at; at++)
		must((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
	return r;
}

static void check_blobs(const struct dpk_blobs *blobs, size_t max)
{
	size_t bytes = 0;

	for (size_t i = 0; i < blobs->count; i++) {
		const struct dpk_blob *blob = &blobs->items[i];

		bytes += blob->size;
		must(blob->size <= max);
		must(dpk_is_escaped(blob->origin, strlen(blob->origin)));
		must(dpk_is_escaped(blob->name, strlen(blob->name)));
	}
	must(bytes == blobs->bytes && bytes <= DPK_RING_MAX_BYTES);
	must(blobs->count <= DPK_RING_MAX_ELEMENTS);
}

static void check_same(const struct dpk_blobs *a, const struct dpk_blobs *b)
{
	must(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		must(a->items[i].size == b->items[i].size);
		must(memcmp(a->items[i].data, b->items[i].data, a->items[i].size) == 0);
		must(strcmp(a->items[i].name, b->items[i].name) == 0);
	}
}

/* A signed snapshot has no other frame beside it. */
static void check_alone(const struct dpk_stream *stream)
{
	must(stream->harvest.snapshots.count == 0 || stream->frames == 1);
}

static void check_end(const struct dpk_harvest *harvest, const uint8_t *data, size_t size)
{
	size_t line = size - 1;

	must(size >= 6 && data[size - 1] == '\n');
	while (line > 0 && data[line - 1] != '\n')
		line--;
	/* a body may lie before it without a newline of its own, so look for the word */
	must(memmem(data + line, size - line, "end ", 4) != NULL);
	must(strlen(harvest->token) <= DPK_TOKEN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dpk_stream whole, pieces;
	size_t chunk;
	int r;

	if (size == 0)
		return 0;
	chunk = (size_t)data[0] + 1;
	data++;
	size--;
	r = feed(&whole, data, size, size + 1);
	must(feed(&pieces, data, size, chunk) == r);
	check_blobs(&whole.harvest.elements, DPK_ELEMENT_MAX_BYTES);
	check_blobs(&whole.harvest.documents, DPK_DOCUMENT_MAX_BYTES);
	check_blobs(&whole.harvest.snapshots, DPK_ENVELOPE_MAX_BYTES);
	check_alone(&whole);
	must(whole.harvest.refusal_count <= DPK_STREAM_MAX_FRAMES);
	if (r == 0) {
		check_same(&whole.harvest.elements, &pieces.harvest.elements);
		check_same(&whole.harvest.documents, &pieces.harvest.documents);
		check_same(&whole.harvest.snapshots, &pieces.harvest.snapshots);
		must(whole.harvest.refusal_count == pieces.harvest.refusal_count);
		must(whole.harvest.complete == pieces.harvest.complete);
		must(strcmp(whole.harvest.token, pieces.harvest.token) == 0);
	}
	if (r == 0 && whole.harvest.complete)
		check_end(&whole.harvest, data, size);
	dpk_stream_fini(&whole);
	dpk_stream_fini(&pieces);
	return 0;
}
