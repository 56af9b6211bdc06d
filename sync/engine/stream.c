/* SPDX-License-Identifier: MIT */
/* The frames of a store program. */
#include "engine/stream.h"

#include "base/err.h"
#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
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

static int bad_frame(const struct dpk_stream *stream, struct dpk_err *err)
{
	char shown[80];

	return dpk_err_set(err, -EBADMSG, "the store program's frame %zu is none: '%s'",
		stream->frames + 1,
		dpk_printable(stream->line.data ? stream->line.data : "", stream->line.len, shown,
			sizeof(shown)));
}

static int begin_body(
	struct dpk_stream *stream, const struct word *words, bool document, struct dpk_err *err)
{
	size_t max = document ? DPK_DOCUMENT_MAX_BYTES : DPK_ELEMENT_MAX_BYTES;
	char origin[DPK_ORIGIN_MAX + 1], name[DPK_ORIGIN_MAX + 1];
	uint64_t length;
	int r;

	r = dpk_parse_u64(words[1].text, words[1].len, max, &length);
	if (r == -ERANGE)
		return dpk_err_set(err, -EFBIG, "the store sent more than %zu bytes as one %s", max,
			document ? "document" : "element");
	if (r < 0 || !dpk_is_escaped(words[2].text, words[2].len) ||
		!dpk_is_escaped(words[3].text, words[3].len))
		return bad_frame(stream, err);
	memcpy(origin, words[2].text, words[2].len);
	origin[words[2].len] = '\0';
	memcpy(name, words[3].text, words[3].len);
	name[words[3].len] = '\0';
	r = dpk_blob_init(&stream->body, origin, name, NULL, 0);
	if (r < 0)
		return r;
	free(stream->body.data);
	stream->body.data = malloc(length ? length : 1);
	if (!stream->body.data)
		return -ENOMEM;
	stream->body_missing = length;
	stream->body_is_document = document;
	stream->in_body = true;
	return 0;
}

static int end_body(struct dpk_stream *stream, struct dpk_err *err)
{
	struct dpk_blobs *list =
		stream->body_is_document ? &stream->harvest.documents : &stream->harvest.elements;
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
	if (stream->frames == DPK_STREAM_MAX_FRAMES)
		return dpk_err_set(
			err, -EFBIG, "the store sent more than %d frames", DPK_STREAM_MAX_FRAMES);
	if (is_word(&words[0], "element"))
		r = begin_body(stream, words, false, err);
	else if (is_word(&words[0], "document"))
		r = begin_body(stream, words, true, err);
	else if (is_word(&words[0], "refused"))
		r = add_refusal(stream, words, err);
	else
		r = bad_frame(stream, err);
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
