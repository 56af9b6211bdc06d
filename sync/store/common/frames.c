/* SPDX-License-Identifier: MIT */
/* The frames of the store protocol, as they are written. */
#include "store/common/frames.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void dpk_frames_fini(struct dpk_frames *frames)
{
	dpk_buf_fini(&frames->bytes);
	frames->count = 0;
	frames->payload = 0;
}

void dpk_frames_reset(struct dpk_frames *frames)
{
	dpk_buf_reset(&frames->bytes);
	frames->count = 0;
	frames->payload = 0;
}

static const char *encode(const char *text, char out[static DPK_ORIGIN_MAX + 1])
{
	dpk_escape(text, strlen(text), out, DPK_ORIGIN_MAX + 1);
	return *out ? out : "-";
}

/* "WORD VALUE ORIGIN NAME\n", with VALUE a length or a reason. */
static int add_header(
	struct dpk_frames *frames, const char *start, const char *origin, const char *name)
{
	char encoded_origin[DPK_ORIGIN_MAX + 1], encoded_name[DPK_ORIGIN_MAX + 1];
	int r;

	if (frames->count >= DPK_STREAM_MAX_FRAMES)
		return -EFBIG;
	r = dpk_buf_addf(&frames->bytes, "%s %s %s\n", start, encode(origin, encoded_origin),
		encode(name, encoded_name));
	if (r == 0)
		frames->count++;
	return r;
}

static int add_payload(struct dpk_frames *frames, const void *data, size_t len)
{
	int r;

	if (len > DPK_RING_MAX_BYTES - frames->payload)
		return -EFBIG;
	r = dpk_buf_add(&frames->bytes, data, len);
	if (r == 0)
		frames->payload += len;
	return r;
}

static int add_frame(struct dpk_frames *frames, const char *word, const char *origin,
	const char *name, const void *data, size_t len)
{
	char start[64];
	int r;

	snprintf(start, sizeof(start), "%s %zu", word, len);
	r = add_header(frames, start, origin, name);
	return r < 0 ? r : add_payload(frames, data, len);
}

int dpk_frames_element(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len)
{
	if (len > DPK_ELEMENT_MAX_BYTES)
		return -EFBIG;
	return add_frame(frames, "element", origin, name, data, len);
}

int dpk_frames_document(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len)
{
	if (len > DPK_DOCUMENT_MAX_BYTES)
		return -EFBIG;
	return add_frame(frames, "document", origin, name, data, len);
}

int dpk_frames_snapshot(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len)
{
	if (frames->count > 0)
		return -EINVAL;
	if (len > DPK_ENVELOPE_MAX_BYTES)
		return -EFBIG;
	return add_frame(frames, "snapshot", origin, name, data, len);
}

int dpk_frames_refused(
	struct dpk_frames *frames, const char *origin, const char *name, enum dpk_verdict reason)
{
	char start[64];

	snprintf(start, sizeof(start), "refused %s", dpk_verdict_code(reason));
	return add_header(frames, start, origin, name);
}

int dpk_frames_end(struct dpk_frames *frames, const char *token)
{
	size_t len = token ? strlen(token) : 0;

	if (len > DPK_TOKEN_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7f)
			return -EINVAL;
	return dpk_buf_addf(&frames->bytes, "end %s\n", len > 0 ? token : "-");
}
