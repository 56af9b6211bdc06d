/* SPDX-License-Identifier: MIT */
/* Errors and verdicts, and their words. */
#include "base/err.h"

#include <dpkeyfs/verdict.h>

#include "tests/tap.h"

#include <errno.h>

static void test_set(void)
{
	struct dpk_err err = DPK_ERR_INIT;

	is_num(dpk_err_set(&err, -EIO, "cannot read '%s'", "x"), -EIO, "set returns the code");
	is_num(err.code, -EIO, "and keeps it");
	is_str(dpk_err_text(&err), "cannot read 'x'", "with its text");
	is_num(dpk_err_set(NULL, -EIO, "nobody asks"), -EIO, "NULL is allowed");
	is_num(dpk_err_wrap(NULL, -EIO, "nobody asks"), -EIO, "here too");
}

static void test_wrap(void)
{
	struct dpk_err err = DPK_ERR_INIT;

	is_num(dpk_err_wrap(&err, -ENOENT, "ring '%s'", "a"), -ENOENT, "wrap returns the code");
	is_str(dpk_err_text(&err), "ring 'a': No such file or directory",
		"an error without a text");
	dpk_err_wrap(&err, -ENOENT, "daemon");
	is_str(dpk_err_text(&err), "daemon: ring 'a': No such file or directory",
		"context in front");
}

static void test_long(void)
{
	char text[2 * DPK_ERR_TEXT_MAX];
	struct dpk_err err = DPK_ERR_INIT;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dpk_err_set(&err, -EIO, "%s", text);
	is_num(strlen(err.text), DPK_ERR_TEXT_MAX - 1, "a long text is cut");
	dpk_err_wrap(&err, -EIO, "front");
	ok(strncmp(err.text, "front: xxx", 10) == 0, "and still gets its context");
	dpk_err_wrap(&err, -EIO, "%s", text);
	is_num(strlen(err.text), DPK_ERR_TEXT_MAX - 1, "a long context is cut too");
}

static void test_no_text(void)
{
	const struct dpk_err err = { .code = -EACCES, .text = "" };

	is_str(dpk_err_text(&err), "Permission denied", "without a text it is strerror's");
}

/* The words are an interface: each is there, reads back, and is in status's alphabet. */
static void test_verdicts(void)
{
	static const char *const words[] = {
#define WORD(member, word) word,
		DPK_VERDICTS(WORD)
#undef WORD
	};
	enum dpk_verdict verdict;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		is_str(dpk_verdict_code((enum dpk_verdict)i), words[i], words[i]);
		ok(dpk_verdict_parse(words[i], strlen(words[i]), &verdict) == 0 && verdict == i,
			"and reads back");
		ok(strspn(words[i], "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(words[i]),
			"plain");
	}
	is_str(dpk_verdict_code((enum dpk_verdict)9999), "unknown", "a number outside");
	is_num(dpk_verdict_parse("", 0, &verdict), -EINVAL, "no word");
	is_num(dpk_verdict_parse("siz", 3, &verdict), -EINVAL, "half a word");
	is_num(dpk_verdict_parse("sizes", 5, &verdict), -EINVAL, "more than a word");
	is_num(dpk_verdict_parse("sizes", 4, &verdict), 0, "LEN bytes of it");
}

int main(void)
{
	test_set();
	test_wrap();
	test_long();
	test_no_text();
	test_verdicts();
	return tap_done();
}
