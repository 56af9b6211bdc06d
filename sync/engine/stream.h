/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_STREAM_H
#define DPK_ENGINE_STREAM_H

/*
 * Reading a store program's standard output (dpkeyfs-store(7)). Untrusted:
 * every length, word and count is bounded before a byte is kept.
 */

#include <dpkeyfs/limits.h>

#include "base/buf.h"
#include "keys/types.h"

struct dpk_err;

/* An element that the store program would not send. */
struct dpk_stream_refusal {
	enum dpk_verdict reason;
	char *origin, *name; /* escaped */
};

/* What one fetch brought. */
struct dpk_harvest {
	struct dpk_blobs elements;
	struct dpk_blobs documents;
	struct dpk_blobs snapshots; /* signed; at most one, and then nothing else */
	struct dpk_stream_refusal *refusals;
	size_t refusal_count;
	char token[DPK_TOKEN_MAX + 1]; /* "" where there was none */
	bool complete;                 /* the `end` frame was read; without it the rest is void */
};

void dpk_harvest_fini(struct dpk_harvest *harvest);

struct dpk_stream_kind;

struct dpk_stream {
	struct dpk_harvest harvest;
	struct dpk_buf line;
	/* the body that is being read */
	struct dpk_blob body;
	size_t body_missing;
	const struct dpk_stream_kind *body_kind;
	bool in_body;
	size_t total, frames;
};

void dpk_stream_init(struct dpk_stream *stream);
void dpk_stream_fini(struct dpk_stream *stream);

/*
 * Takes the next LEN bytes, in pieces of any size. 0; -EBADMSG for what is no
 * frame, or bytes after `end`; -EFBIG past a limit; -ENOMEM. After a failure
 * only dpk_stream_fini may follow.
 */
int dpk_stream_feed(struct dpk_stream *stream, const void *data, size_t len, struct dpk_err *err);

#endif
