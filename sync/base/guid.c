/* SPDX-License-Identifier: MIT */
/* Key ids. */
#include "base/guid.h"

#include <errno.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int dpk_guid_parse(const char *text, size_t len, struct dpk_guid *ret_guid)
{
	struct dpk_guid guid = { { 0 } };
	size_t nibble = 0;

	if (len != 36)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int value = hex_value(text[i]);

		if (dash_at(i)) {
			if (text[i] != '-')
				return -EINVAL;
			continue;
		}
		if (value < 0)
			return -EINVAL;
		guid.b[nibble / 2] = (uint8_t)(guid.b[nibble / 2] << 4 | value);
		nibble++;
	}
	*ret_guid = guid;
	return 0;
}

const char *dpk_guid_to_string(const struct dpk_guid *guid, char buf[static DPK_GUID_STRING_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t nibble = 0;

	for (size_t i = 0; i < 36; i++) {
		if (dash_at(i)) {
			buf[i] = '-';
			continue;
		}
		buf[i] = digits[guid->b[nibble / 2] >> (nibble % 2 ? 0 : 4) & 15];
		nibble++;
	}
	buf[36] = '\0';
	return buf;
}

void dpk_guid_from_net_bytes(const uint8_t bytes[static 16], struct dpk_guid *ret_guid)
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < 16; i++)
		ret_guid->b[i] = bytes[order[i]];
}

int dpk_guid_compare(const struct dpk_guid *a, const struct dpk_guid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}
