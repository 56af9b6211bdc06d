/* SPDX-License-Identifier: MIT */
/* Names from outside. */
#include "base/escape.h"

#include <dpkeyfs/limits.h>

#include "tests/tap.h"

static void test_escape(void)
{
	char out[64], all[256 * 3 + 1];
	unsigned char bytes[256];

	is_str(dpk_escape("key-1_2.xml~", 12, out, sizeof(out)), "key-1_2.xml~", "plain ones stay");
	is_str(dpk_escape("a b/%\n\xff", 7, out, sizeof(out)), "a%20b%2F%25%0A%FF",
		"others do not");
	is_str(dpk_escape("", 0, out, sizeof(out)), "", "of nothing");
	is_str(dpk_escape("a\0b", 3, out, sizeof(out)), "a%00b", "a NUL is a byte");
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	dpk_escape(bytes, sizeof(bytes), all, sizeof(all));
	ok(strlen(all) == 66 + 190 * 3, "66 of the 256 bytes are plain");
	ok(strspn(all, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-%") ==
			strlen(all),
		"nothing else comes out");
}

static void test_escape_size(void)
{
	char out[8];

	is_str(dpk_escape("abcdefgh", 8, out, 8), "abcdefg", "cut to SIZE-1");
	is_str(dpk_escape("ab//", 4, out, 8), "ab%2F", "never within an escape");
	is_str(dpk_escape("a//", 3, out, 8), "a%2F%2F", "an escape that just fits");
	is_str(dpk_escape("/", 1, out, 3), "", "no room for one");
	is_str(dpk_escape("a", 1, out, 1), "", "no room at all");
}

static void test_is_escaped(void)
{
	char longest[DPK_ORIGIN_MAX + 1];

	memset(longest, 'a', sizeof(longest));
	ok(dpk_is_escaped("a%20b~._-Z9", 11), "all that is allowed");
	ok(!dpk_is_escaped("", 0), "not nothing");
	ok(!dpk_is_escaped("a b", 3) && !dpk_is_escaped("a/b", 3) && !dpk_is_escaped("\xc3\xa9", 2),
		"no other character");
	ok(!dpk_is_escaped("a\0b", 3), "no NUL");
	ok(dpk_is_escaped(longest, DPK_ORIGIN_MAX), "384 characters");
	ok(!dpk_is_escaped(longest, DPK_ORIGIN_MAX + 1), "not 385");
}

static void test_printable(void)
{
	char out[16];

	is_str(dpk_printable("a b~", 4, out, sizeof(out)), "a b~", "printable ones stay");
	is_str(dpk_printable("\x1b[1m", 4, out, sizeof(out)), "\\x1b[1m", "controls do not");
	is_str(dpk_printable("\x7f\xc3\n", 3, out, sizeof(out)), "\\x7f\\xc3\\x0a",
		"nor bytes past ASCII");
	is_str(dpk_printable("abcdefghijklmnopq", 17, out, sizeof(out)), "abcdefghijklmno",
		"cut to fit");
	is_str(dpk_printable("abcdefghijkl\n", 13, out, sizeof(out)), "abcdefghijkl",
		"never within an escape");
	is_str(dpk_printable("a\0b", 3, out, sizeof(out)), "a\\x00b", "a NUL is a byte");
	is_str(dpk_printable("", 0, out, 1), "", "of nothing");
}

int main(void)
{
	test_escape();
	test_escape_size();
	test_is_escaped();
	test_printable();
	return tap_done();
}
