/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648, section 4), strictly. */
#include "keys/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t strip_space(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (!is_space(text[i]))
			text[n++] = text[i];
	return n;
}

/* Decodes one group of four, of which the last PADDING are '='. */
static int decode_group(const char *group, size_t padding, uint8_t out[static 3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? digit_value(group[i]) : 0;

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
	}
	/* the bits below the last byte must be zero, or one secret has several spellings */
	if (bits & ((UINT32_C(1) << 8 * padding) - 1))
		return -EINVAL;
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return 0;
}

int dpk_base64_decode(char *text, size_t len, size_t *ret_bytes)
{
	size_t padding = 0, bytes = 0;

	len = strip_space(text, len);
	if (len == 0 || len % 4 != 0)
		return -EINVAL;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len; i += 4) {
		size_t missing = i + 4 == len ? padding : 0;
		uint8_t out[3];

		if (decode_group(text + i, missing, out) < 0)
			return -EINVAL;
		/* three bytes go where four characters have been read */
		memcpy(text + bytes, out, 3 - missing);
		bytes += 3 - missing;
	}
	*ret_bytes = bytes;
	return 0;
}
