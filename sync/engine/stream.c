/* SPDX-License-Identifier: MIT */
/* The frames of a store program. */
#include "engine/stream.h"

#include "base/err.h"
#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void dpk_harvest_fini(struct dpk_harvest *harvest)
{
	dpk_blobs_fini(&harvest->elements);
	dpk_blobs_fini(&harvest->documents);
	dpk_blobs_fini(&harvest->snapshots);
	for (size_t i = 0; i < harvest->refusal_count; i++) {
		free(harvest->refusals[i].origin);
		free(harvest->refusals[i].name);
	}
	free(harvest->refusals);
	*harvest = (struct dpk_harvest){ 0 };
}

void dpk_stream_init(struct dpk_stream *stream)
{
	*stream = (struct dpk_stream){ .line = DPK_BUF_INIT(DPK_STREAM_LINE_MAX) };
}

void dpk_stream_fini(struct dpk_stream *stream)
{
	dpk_harvest_fini(&stream->harvest);
	dpk_buf_fini(&stream->line);
	dpk_blob_fini(&stream->body);
}

struct word {
	const char *text;
	size_t len;
};

/* Cuts LINE at single blanks into exactly COUNT words. */
static bool cut(const char *line, size_t len, struct word *words, size_t count)
{
	const char *end = line + len;

	for (size_t i = 0; i < count; i++) {
		const char *blank = memchr(line, ' ', (size_t)(end - line));

		if ((blank == NULL) != (i + 1 == count))
			return false;
		words[i] = (struct word){ line, (size_t)((blank ? blank : end) - line) };
		if (words[i].len == 0)
			return false;
		line = blank ? blank + 1 : end;
	}
	return true;
}

static bool is_word(const struct word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->text, text, word->len) == 0;
}

/* The frames with a body. */
struct dpk_stream_kind {
	const char *word;
	size_t list; /* where in the harvest its bodies go */
	size_t max;  /* bytes of one */
	bool alone;  /* no other frame beside it */
};

static const struct dpk_stream_kind kinds[] = {
	{ "element", offsetof(struct dpk_harvest, elements), DPK_ELEMENT_MAX_BYTES, false },
	{ "document", offsetof(struct dpk_harvest, documents), DPK_DOCUMENT_MAX_BYTES, false },
	{ "snapshot", offsetof(struct dpk_harvest, snapshots), DPK_ENVELOPE_MAX_BYTES, true },
};

static int bad_frame(const struct dpk_stream *stream, struct dpk_err *err)
{
	char shown[80];

	return dpk_err_set(err, -EBADMSG, "the store program's frame %zu is none: '%s'",
		stream->frames + 1,
		dpk_printable(stream->line.data ? stream->line.data : "", stream->line.len, shown,
			sizeof(shown)));
}

/* Copies an ORIGIN or NAME; false if it is none. */
static bool copy_escaped(const struct word *word, char out[static DPK_ORIGIN_MAX + 1])
{
	if (!dpk_is_escaped(word->text, word->len))
		return false;
	memcpy(out, word->text, word->len);
	out[word->len] = '\0';
	return true;
}

static int begin_body(struct dpk_stream *stream, const struct dpk_stream_kind *kind,
	const struct word *words, struct dpk_err *err)
{
	char origin[DPK_ORIGIN_MAX + 1], name[DPK_ORIGIN_MAX + 1];
	uint64_t length;
	int r = dpk_parse_u64(words[1].text, words[1].len, kind->max, &length);

	if (r == -ERANGE)
		return dpk_err_set(err, -EFBIG, "the store sent more than %zu bytes as one %s",
			kind->max, kind->word);
	if (r < 0 || !copy_escaped(&words[2], origin) || !copy_escaped(&words[3], name))
		return bad_frame(stream, err);
	r = dpk_blob_init(&stream->body, origin, name, NULL, 0);
	if (r < 0)
		return r;
	free(stream->body.data);
	stream->body.data = malloc(length ? length : 1);
	if (!stream->body.data)
		return -ENOMEM;
	stream->body_missing = length;
	stream->body_kind = kind;
	stream->in_body = true;
	return 0;
}

static int end_body(struct dpk_stream *stream, struct dpk_err *err)
{
	char *harvest = (char *)&stream->harvest;
	struct dpk_blobs *list = (void *)(harvest + stream->body_kind->list);
	int r = dpk_blobs_add(list, &stream->body);

	if (r == -E2BIG)
		return dpk_err_set(err, -EFBIG, "the store sent more than %d elements or %u bytes",
			DPK_RING_MAX_ELEMENTS, DPK_RING_MAX_BYTES);
	if (r < 0)
		return r;
	stream->body = (struct dpk_blob){ 0 };
	stream->in_body = false;
	return 0;
}

static int add_refusal(struct dpk_stream *stream, const struct word *words, struct dpk_err *err)
{
	struct dpk_harvest *harvest = &stream->harvest;
	struct dpk_stream_refusal *grown, *refusal;
	enum dpk_verdict reason;

	if (dpk_verdict_parse(words[1].text, words[1].len, &reason) < 0 ||
		reason == DPK_VERDICT_OK || !dpk_is_escaped(words[2].text, words[2].len) ||
		!dpk_is_escaped(words[3].text, words[3].len))
		return bad_frame(stream, err);
	grown = reallocarray(harvest->refusals, harvest->refusal_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	harvest->refusals = grown;
	refusal = &grown[harvest->refusal_count];
	*refusal = (struct dpk_stream_refusal){ .reason = reason };
	refusal->origin = strndup(words[2].text, words[2].len);
	refusal->name = strndup(words[3].text, words[3].len);
	harvest->refusal_count++;
	return refusal->origin && refusal->name ? 0 : -ENOMEM;
}

static int take_token(struct dpk_stream *stream, const struct word *token, struct dpk_err *err)
{
	if (token->len > DPK_TOKEN_MAX)
		return bad_frame(stream, err);
	for (size_t i = 0; i < token->len; i++)
		if (token->text[i] <= ' ' || token->text[i] > '~')
			return bad_frame(stream, err);
	if (!is_word(token, "-"))
		memcpy(stream->harvest.token, token->text, token->len);
	stream->harvest.complete = true;
	return 0;
}

/* Every frame but `end`. */
static int take_frame(struct dpk_stream *stream, const struct word *words, struct dpk_err *err)
{
	if (stream->frames == DPK_STREAM_MAX_FRAMES)
		return dpk_err_set(
			err, -EFBIG, "the store sent more than %d frames", DPK_STREAM_MAX_FRAMES);
	if (stream->harvest.snapshots.count > 0)
		return bad_frame(stream, err);
	if (is_word(&words[0], "refused"))
		return add_refusal(stream, words, err);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_word(&words[0], kinds[i].word))
			return kinds[i].alone && stream->frames > 0 ?
				       bad_frame(stream, err) :
				       begin_body(stream, &kinds[i], words, err);
	return bad_frame(stream, err);
}

static int take_line(struct dpk_stream *stream, struct dpk_err *err)
{
	const char *line = stream->line.data;
	struct word words[4];
	int r;

	if (!line)
		return bad_frame(stream, err);
	if (cut(line, stream->line.len, words, 2) && is_word(&words[0], "end"))
		return take_token(stream, &words[1], err);
	if (!cut(line, stream->line.len, words, 4))
		return bad_frame(stream, err);
	r = take_frame(stream, words, err);
	stream->frames += r == 0;
	return r;
}

static int feed_line(
	struct dpk_stream *stream, const char **at, const char *end, struct dpk_err *err)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	size_t len = (size_t)((newline ? newline : end) - *at);
	int r = dpk_buf_add(&stream->line, *at, len);

	if (r == -EFBIG)
		return dpk_err_set(err, -EBADMSG,
			"the store program's output has a header line of more than %d bytes",
			DPK_STREAM_LINE_MAX);
	if (r < 0)
		return r;
	*at += len;
	if (!newline)
		return 0;
	(*at)++;
	r = take_line(stream, err);
	dpk_buf_reset(&stream->line);
	if (r == 0 && stream->in_body && stream->body_missing == 0)
		r = end_body(stream, err);
	return r;
}

static int feed_body(
	struct dpk_stream *stream, const char **at, const char *end, struct dpk_err *err)
{
	size_t len = (size_t)(end - *at);

	if (len > stream->body_missing)
		len = stream->body_missing;
	memcpy(stream->body.data + stream->body.size, *at, len);
	stream->body.size += len;
	stream->body_missing -= len;
	*at += len;
	return stream->body_missing == 0 ? end_body(stream, err) : 0;
}

int dpk_stream_feed(struct dpk_stream *stream, const void *data, size_t len, struct dpk_err *err)
{
	const char *at = data, *end = at + len;

	stream->total += len;
	if (stream->total > DPK_STREAM_MAX_BYTES)
		return dpk_err_set(err, -EFBIG, "the store program printed more than %u bytes",
			DPK_STREAM_MAX_BYTES);
	while (at < end) {
		int r;

		if (stream->harvest.complete)
			return dpk_err_set(err, -EBADMSG, "the store program went on after `end`");
		r = stream->in_body ? feed_body(stream, &at, end, err) :
				      feed_line(stream, &at, end, err);
		if (r == -ENOMEM)
			return dpk_err_set(err, r, "no memory for the store's answer");
		if (r < 0)
			return r;
	}
	return 0;
}
