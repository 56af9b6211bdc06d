/* SPDX-License-Identifier: MIT */
/* Buffers and their maximum. */
#include "base/buf.h"

#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>

static void test_limit(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(10);

	is_num(dpk_buf_add(&buf, "0123456789", 10), 0, "up to the maximum");
	is_num(dpk_buf_add(&buf, "x", 1), -EFBIG, "not beyond it");
	is_num(dpk_buf_adds(&buf, "x"), -EFBIG, "not as text");
	is_num(dpk_buf_addf(&buf, "%d", 1), -EFBIG, "not formatted");
	ok(!dpk_buf_reserve(&buf, 1), "not reserved");
	is_num(dpk_buf_add(&buf, "x", (size_t)-1), -EFBIG, "nor by a wrapped length");
	is_str(buf.data, "0123456789", "what was there stays");
	is_num(dpk_buf_add(&buf, "", 0), 0, "nothing still fits");
	dpk_buf_reset(&buf);
	is_num(buf.len, 0, "reset forgets");
	is_str(buf.data, "", "and ends the text");
	is_num(dpk_buf_add(&buf, "01234567890", 11), -EFBIG, "one too many at once");
	dpk_buf_fini(&buf);
	is_num(buf.max, 10, "fini keeps the maximum");
	is_num(dpk_buf_adds(&buf, "again"), 0, "and the buffer can be used again");
	dpk_buf_fini(&buf);
	dpk_buf_fini(NULL);
}

static void test_text(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(1000);
	char *text;

	dpk_buf_adds(&buf, "a");
	dpk_buf_addf(&buf, "%s-%04d", "b", 7);
	dpk_buf_add(&buf, "\0c", 2);
	is_num(buf.len, 9, "bytes are counted, the last NUL is not");
	ok(memcmp(buf.data, "ab-0007\0c", 10) == 0, "and they are there, with it");
	dpk_buf_reset(&buf);
	dpk_buf_addf(&buf, "%300s", "x");
	is_num(buf.len, 300, "a format longer than the buffer was");
	text = dpk_buf_steal(&buf);
	is_num(strlen(text), 300, "steal gives it away");
	ok(!buf.data && buf.len == 0 && buf.max == 1000, "and leaves an empty buffer");
	free(text);
	text = dpk_buf_steal(&buf);
	is_str(text, "", "of an empty one it gives an empty text");
	free(text);
	dpk_buf_fini(&buf);
}

static void test_reserve(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(5000);
	char *room = dpk_buf_reserve(&buf, 5000);

	ok(room != NULL, "room for all");
	if (room)
		memset(room, 'x', 5000);
	buf.len += 5000;
	ok(!dpk_buf_reserve(&buf, 1), "and for no more");
	dpk_buf_fini(&buf);
}

/* A buffer that is filled byte by byte must not copy itself for each byte. */
static void test_growth(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(100000);
	size_t cap = 0;
	int moves = 0;

	for (int i = 0; i < 100000; i++) {
		if (dpk_buf_add(&buf, "x", 1) < 0)
			break;
		moves += buf.cap != cap;
		cap = buf.cap;
	}
	is_num(buf.len, 100000, "a hundred thousand bytes, one by one");
	ok(moves < 30, "grow %d times", moves);
	dpk_buf_fini(&buf);
}

int main(void)
{
	test_limit();
	test_text();
	test_reserve();
	test_growth();
	return tap_done();
}
