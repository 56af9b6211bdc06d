/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_BUF_H
#define DPK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing buffer that is born with its maximum. Its bytes are always
 * followed by a NUL that does not count, so text can be used as a string.
 * Freed memory is wiped: a buffer may have held a secret.
 */
struct dpk_buf {
	char *data; /* NULL until something was added */
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds it */
};

#define DPK_BUF_INIT(maximum)                                                                      \
	{                                                                                          \
		.data = NULL, .len = 0, .cap = 0, .max = (maximum)                                 \
	}

/* Wipes and frees; the buffer is empty and usable afterwards. NULL is a no-op. */
void dpk_buf_fini(struct dpk_buf *buf);

/* Forgets the bytes, keeps the memory. */
void dpk_buf_reset(struct dpk_buf *buf);

/*
 * Appends LEN bytes. 0, -EFBIG past the maximum, -ENOMEM; on failure the
 * buffer is as before.
 */
int dpk_buf_add(struct dpk_buf *buf, const void *data, size_t len);
int dpk_buf_adds(struct dpk_buf *buf, const char *text);
int dpk_buf_addf(struct dpk_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Makes room for at least WANT more bytes and returns where they go (the
 * caller then adds to len); NULL past the maximum or without memory.
 */
char *dpk_buf_reserve(struct dpk_buf *buf, size_t want);

/* Gives the memory away (free() it) and empties the buffer; "" rather than NULL when empty. */
char *dpk_buf_steal(struct dpk_buf *buf);

#endif
