/* SPDX-License-Identifier: MIT */
/* Key ids: .NET's D form and nothing else. */
#include "base/guid.h"

#include "tests/tap.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define ID "845e7bed-f900-4a2e-ac49-3ec906feb78b"

static void test_good(void)
{
	struct dpk_guid lower, upper;
	char buf[DPK_GUID_STRING_MAX];

	is_num(dpk_guid_parse(ID, 36, &lower), 0, "lower case");
	is_num(dpk_guid_parse("845E7BED-F900-4A2E-AC49-3EC906FEB78B", 36, &upper), 0, "upper case");
	ok(dpk_guid_equal(&lower, &upper), "are the same");
	is_str(dpk_guid_to_string(&upper, buf), ID, "and written in lower case");
	is_num(lower.b[0], 0x84, "the first byte is the text's first");
	is_num(lower.b[15], 0x8b, "the last its last");
	is_num(dpk_guid_parse(ID "rest", 36, &lower), 0, "only LEN bytes are read");
}

static void test_bad(void)
{
	static const char *const cases[] = {
		"",
		"*",
		"845e7bedf9004a2eac493ec906feb78b",
		"{" ID "}",
		"(" ID ")",
		" " ID,
		ID " ",
		"845e7bed-f900-4a2e-ac49-3ec906feb78",
		"845e7bed-f900-4a2e-ac49-3ec906feb78bb",
		"845e7bed-f900-4a2e-ac49-3ec906feb78g",
		"845e7bed-f900-4a2e-ac493-ec906feb78b",
		"845e7bed_f900_4a2e_ac49_3ec906feb78b",
		"-45e7bed-f900-4a2e-ac49-3ec906feb78b",
		"845e7bed-f900-4a2e-ac49-3ec906feb7/b",
		"845e7bed-f900-4a2e-ac49-3ec906feb7:b",
		"845e7bed-f900-4a2e-ac49-3ec906feb7@b",
		"845e7bed-f900-4a2e-ac49-3ec906feb7`b",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dpk_guid guid = { { 7 } };

		is_num(dpk_guid_parse(cases[i], strlen(cases[i]), &guid), -EINVAL, cases[i]);
		is_num(guid.b[0], 7, "and nothing is written");
	}
}

/* A payload holds its key's id as Guid.ToByteArray gives it. */
static void test_net_bytes(void)
{
	static const uint8_t bytes[16] = { 0xed, 0x7b, 0x5e, 0x84, 0x00, 0xf9, 0x2e, 0x4a, 0xac,
		0x49, 0x3e, 0xc9, 0x06, 0xfe, 0xb7, 0x8b };
	char buf[DPK_GUID_STRING_MAX];
	struct dpk_guid guid;

	dpk_guid_from_net_bytes(bytes, &guid);
	is_str(dpk_guid_to_string(&guid, buf), ID, "the first three fields are little-endian");
}

static void test_order(void)
{
	static const char *const sorted[] = { "00000000-0000-0000-0000-000000000000",
		"00000000-0000-0000-0000-000000000001", "0a000000-0000-0000-0000-000000000000",
		"10000000-0000-0000-0000-000000000000", "90000000-0000-0000-0000-000000000000",
		"A0000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff" };
	struct dpk_guid a, b;

	for (size_t i = 0; i + 1 < COUNT(sorted); i++) {
		dpk_guid_parse(sorted[i], 36, &a);
		dpk_guid_parse(sorted[i + 1], 36, &b);
		ok(dpk_guid_compare(&a, &b) < 0 && dpk_guid_compare(&b, &a) > 0, "%s before %s",
			sorted[i], sorted[i + 1]);
		ok(dpk_guid_compare(&a, &a) == 0 && !dpk_guid_equal(&a, &b), "and equal to itself");
	}
}

int main(void)
{
	test_good();
	test_bad();
	test_net_bytes();
	test_order();
	return tap_done();
}
