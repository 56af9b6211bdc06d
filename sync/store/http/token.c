/* SPDX-License-Identifier: MIT */
/* Tokens of the HTTP stores. A token that makes no sense costs one whole fetch, no more. */
#include "store/http/token.h"

#include "base/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ETAG "etag."
#define DATE "date."

/* Printable ASCII only: no line break can get into a header. */
static bool is_value(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text; text++)
		if (*text < 0x20 || *text >= 0x7f)
			return false;
	return true;
}

/* W/"..." or "...", without a quote inside. */
static bool is_etag(const char *text)
{
	size_t len;

	if (strncmp(text, "W/", 2) == 0)
		text += 2;
	len = strlen(text);
	return len >= 2 && text[0] == '"' && strchr(text + 1, '"') == text + len - 1;
}

static bool encode(const char *kind, const char *value, char out[static DPK_TOKEN_MAX + 1])
{
	size_t start = strlen(kind);

	/* at worst each byte takes three; cut short, it would be another validator */
	if (!is_value(value) || strlen(value) > (DPK_TOKEN_MAX - start) / 3)
		return false;
	memcpy(out, kind, start + 1);
	dpk_escape(value, strlen(value), out + start, DPK_TOKEN_MAX + 1 - start);
	return true;
}

const char *dpk_http_token_make(
	const char *etag, const char *date, char out[static DPK_TOKEN_MAX + 1])
{
	if (etag && is_etag(etag) && encode(ETAG, etag, out))
		return out;
	if (date && encode(DATE, date, out))
		return out;
	out[0] = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(const char *text, char *out, size_t size)
{
	size_t n = 0;

	while (*text && n + 1 < size) {
		int high, low;

		if (*text != '%') {
			out[n++] = *text++;
			continue;
		}
		high = hex_value(text[1]);
		low = high < 0 ? -1 : hex_value(text[2]);
		if (low < 0)
			return false;
		out[n++] = (char)(high * 16 + low);
		text += 3;
	}
	out[n] = '\0';
	return *text == '\0' && strlen(out) == n;
}

const char *dpk_http_token_to_header(const char *token, char out[static DPK_HTTP_CONDITION_MAX])
{
	char value[DPK_TOKEN_MAX + 1];

	out[0] = '\0';
	if (!token || strlen(token) < strlen(ETAG) ||
		!decode(token + strlen(ETAG), value, sizeof(value)) || !is_value(value))
		return out;
	if (strncmp(token, ETAG, strlen(ETAG)) == 0 && is_etag(value))
		snprintf(out, DPK_HTTP_CONDITION_MAX, "If-None-Match: %s", value);
	else if (strncmp(token, DATE, strlen(DATE)) == 0)
		snprintf(out, DPK_HTTP_CONDITION_MAX, "If-Modified-Since: %s", value);
	return out;
}
