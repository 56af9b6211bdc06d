/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a document. What must hold: a refusal adds nothing, pieces are
 * parts of the document in their order, and a piece cut again is one piece.
 */
#include "base/escape.h"
#include "keys/gate.h"
#include "keys/split.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* A piece is `<…>` and lies behind the piece before it. Returns where it ends. */
static const uint8_t *check_piece(
	const struct dpk_blob *piece, const struct dpk_blob *document, const uint8_t *from)
{
	const uint8_t *end = document->data + document->size;
	const uint8_t *at = memmem(from, (size_t)(end - from), piece->data, piece->size);

	must(at != NULL && piece->size >= 4);
	must(piece->data[0] == '<' && piece->data[piece->size - 1] == '>');
	must(dpk_is_escaped(piece->origin, strlen(piece->origin)));
	must(dpk_is_escaped(piece->name, strlen(piece->name)));
	return at + piece->size;
}

/* Cut out, it is still well formed; only a piece that looks like a document may be cut further. */
static void check_alone(const struct dpk_blob *piece)
{
	struct dpk_blobs again = { 0 };
	struct dpk_refusal refusal = { 0 };
	int r = dpk_split(piece, &again, &refusal);

	must(r == 0 || refusal.verdict != DPK_VERDICT_XML);
	if (r == 0 && strcmp(piece->name, "-") != 0)
		must(again.count == 1 && strcmp(again.items[0].name, piece->name) == 0);
	dpk_blobs_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dpk_blobs blobs = { 0 };
	struct dpk_refusal refusal = { 0 };
	struct dpk_blob document;
	const uint8_t *at;
	int r;

	must(dpk_blob_init(&document, "fuzz", "doc", data, size) == 0);
	r = dpk_split(&document, &blobs, &refusal);
	must(r == 0 || r == DPK_REFUSED || r == -E2BIG);
	must(r == 0 || blobs.count == 0);
	must(r != DPK_REFUSED || refusal.text[0] != '\0');
	at = document.data;
	if (blobs.count == 1 && blobs.items[0].size == size)
		at = NULL; /* the whole document is one element */
	for (size_t i = 0; at && i < blobs.count; i++) {
		at = check_piece(&blobs.items[i], &document, at);
		check_alone(&blobs.items[i]);
	}
	dpk_blobs_fini(&blobs);
	dpk_blob_fini(&document);
	return 0;
}
