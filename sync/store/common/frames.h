/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_COMMON_FRAMES_H
#define DPK_STORE_COMMON_FRAMES_H

/*
 * The stream of a fetch, collected in memory and written as a whole: a fetch
 * that fails half way has printed nothing.
 *
 * Functions that add return 0, -EFBIG past a limit of dpkeyfs/limits.h (the
 * stream is then useless and is not to be written), or -ENOMEM. ORIGIN and
 * NAME are raw; they are percent-encoded here, and cut to DPK_ORIGIN_MAX.
 */

#include "base/buf.h"

#include <dpkeyfs/limits.h>
#include <dpkeyfs/verdict.h>

struct dpk_frames {
	struct dpk_buf bytes;
	size_t count;   /* frames, without `end` */
	size_t payload; /* bytes of elements, documents and snapshots */
};

#define DPK_FRAMES_INIT                                                                            \
	{                                                                                          \
		.bytes = DPK_BUF_INIT(DPK_STREAM_MAX_BYTES), .count = 0, .payload = 0              \
	}

/* Wipes and frees. */
void dpk_frames_fini(struct dpk_frames *frames);

/* Back to no frames. */
void dpk_frames_reset(struct dpk_frames *frames);

int dpk_frames_element(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len);
int dpk_frames_document(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len);
/* -EINVAL unless it is the first frame; only `end` may follow. */
int dpk_frames_snapshot(struct dpk_frames *frames, const char *origin, const char *name,
	const void *data, size_t len);
int dpk_frames_refused(
	struct dpk_frames *frames, const char *origin, const char *name, enum dpk_verdict reason);

/* The last frame; TOKEN may be NULL. -EINVAL for a token that the protocol cannot carry. */
int dpk_frames_end(struct dpk_frames *frames, const char *token);

#endif
