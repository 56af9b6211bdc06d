/* SPDX-License-Identifier: MIT */
/* Bounded growing buffers. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dpk_buf_fini(struct dpk_buf *buf)
{
	if (!buf)
		return;
	if (buf->data)
		explicit_bzero(buf->data, buf->cap);
	free(buf->data);
	*buf = (struct dpk_buf)DPK_BUF_INIT(buf->max);
}

void dpk_buf_reset(struct dpk_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Not realloc(3): the old copy has to be wiped. */
static int grow(struct dpk_buf *buf, size_t need)
{
	size_t cap = buf->cap ? buf->cap : 128, most = buf->max + 1;
	char *data;

	while (cap < need)
		cap = cap > most / 2 ? most : cap * 2;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (buf->data) {
		memcpy(data, buf->data, buf->len + 1);
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	} else {
		data[0] = '\0';
	}
	buf->data = data;
	buf->cap = cap;
	return 0;
}

static int make_room(struct dpk_buf *buf, size_t want)
{
	if (want > buf->max - buf->len)
		return -EFBIG;
	if (buf->len + want + 1 > buf->cap)
		return grow(buf, buf->len + want + 1);
	return 0;
}

char *dpk_buf_reserve(struct dpk_buf *buf, size_t want)
{
	return make_room(buf, want) < 0 ? NULL : buf->data + buf->len;
}

int dpk_buf_add(struct dpk_buf *buf, const void *data, size_t len)
{
	int r = make_room(buf, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int dpk_buf_adds(struct dpk_buf *buf, const char *text)
{
	return dpk_buf_add(buf, text, strlen(text));
}

int dpk_buf_addf(struct dpk_buf *buf, const char *format, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	r = make_room(buf, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, format);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, format, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return 0;
}

char *dpk_buf_steal(struct dpk_buf *buf)
{
	char *data;

	if (!buf->data && grow(buf, 1) < 0)
		return NULL;
	data = buf->data;
	*buf = (struct dpk_buf)DPK_BUF_INIT(buf->max);
	return data;
}
