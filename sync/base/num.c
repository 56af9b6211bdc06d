/* SPDX-License-Identifier: MIT */
/* Strict parsing of numbers and durations. */
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DURATION_MAX_MS (UINT64_C(3650) * 24 * 3600 * 1000)

static const struct {
	const char *unit;
	uint64_t ms;
} units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60000 },
	{ "h", 3600000 },
	{ "d", 86400000 },
};

int dpk_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit;

		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		digit = (uint64_t)(text[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int dpk_parse_mode(const char *text, unsigned int *ret_mode)
{
	size_t len = strlen(text);
	unsigned int mode = 0;

	if (len < 1 || len > 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '7')
			return -EINVAL;
		mode = mode * 8 + (unsigned int)(text[i] - '0');
	}
	if (mode > 0777)
		return -EINVAL;
	*ret_mode = mode;
	return 0;
}

int dpk_parse_duration_ms(const char *text, uint64_t *ret_ms)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value;
	int r;

	r = dpk_parse_u64(text, digits, DURATION_MAX_MS, &value);
	if (r < 0)
		return r;
	if (value == 0 && text[digits] == '\0') {
		*ret_ms = 0;
		return 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) != 0)
			continue;
		if (value > DURATION_MAX_MS / units[i].ms)
			return -ERANGE;
		*ret_ms = value * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

const char *dpk_duration_to_string(uint64_t ms, char buf[static 32])
{
	uint64_t s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;

	if (ms < 1000)
		snprintf(buf, 32, "%" PRIu64 "ms", ms);
	else if (m == 0)
		snprintf(buf, 32, "%" PRIu64 "s", s);
	else if (h == 0)
		snprintf(buf, 32, "%" PRIu64 "m %" PRIu64 "s", m, s % 60);
	else if (d == 0)
		snprintf(buf, 32, "%" PRIu64 "h %" PRIu64 "m", h, m % 60);
	else
		snprintf(buf, 32, "%" PRIu64 "d %" PRIu64 "h", d, h % 24);
	return buf;
}

void dpk_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}
