/* SPDX-License-Identifier: MIT */
/* Names from outside, made harmless. */
#include "base/escape.h"

#include <dpkeyfs/limits.h>

#include <stdio.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '~' || c == '-';
}

char *dpk_escape(const void *data, size_t len, char *out, size_t size)
{
	const unsigned char *bytes = data;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (is_plain(bytes[i])) {
			if (n + 1 >= size)
				break;
			out[n++] = (char)bytes[i];
		} else {
			if (n + 3 >= size)
				break;
			snprintf(out + n, 4, "%%%02X", bytes[i]);
			n += 3;
		}
	}
	out[n] = '\0';
	return out;
}

bool dpk_is_escaped(const char *text, size_t len)
{
	if (len < 1 || len > DPK_ORIGIN_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_plain((unsigned char)text[i]) && text[i] != '%')
			return false;
	return true;
}

char *dpk_printable(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e) {
			if (n + 1 >= size)
				break;
			out[n++] = (char)c;
		} else {
			if (n + 4 >= size)
				break;
			snprintf(out + n, 5, "\\x%02x", c);
			n += 4;
		}
	}
	out[n] = '\0';
	return out;
}
