/* SPDX-License-Identifier: MIT */
/* Strict numbers, modes, durations and hexadecimal digits. */
#include "base/num.h"

#include "tests/tap.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define TEN_YEARS   (UINT64_C(3650) * 24 * 3600 * 1000)

static void test_u64(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0, 0 },
		{ "1", 0, -ERANGE, 0 },
		{ "255", 255, 0, 255 },
		{ "256", 255, -ERANGE, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
		{ "", 9, -EINVAL, 0 },
		{ "00", 9, -EINVAL, 0 },
		{ "01", 9, -EINVAL, 0 },
		{ "+1", 9, -EINVAL, 0 },
		{ "-1", 9, -EINVAL, 0 },
		{ " 1", 9, -EINVAL, 0 },
		{ "1 ", 9, -EINVAL, 0 },
		{ "1x", 9, -EINVAL, 0 },
		{ "0x1", 9, -EINVAL, 0 },
		{ "1e3", 9999, -EINVAL, 0 },
		{ "1.0", 9, -EINVAL, 0 },
		{ "1:", 9, -EINVAL, 0 },
		{ "/", 9, -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = 0;

		is_num(dpk_parse_u64(cases[i].text, strlen(cases[i].text), cases[i].max, &value),
			cases[i].result, cases[i].text);
		ok(value == cases[i].value, "its value");
	}
}

static void test_u64_len(void)
{
	uint64_t value = 7;

	is_num(dpk_parse_u64("123", 2, 99, &value), 0, "only LEN bytes are read");
	is_num(value, 12, "their value");
	is_num(dpk_parse_u64("1\0002", 3, 99, &value), -EINVAL, "a NUL is no digit");
	is_num(value, 12, "a failure leaves the value alone");
}

static void test_mode(void)
{
	static const struct {
		const char *text;
		int result;
		unsigned int mode;
	} cases[] = {
		{ "0", 0, 0 },
		{ "440", 0, 0440 },
		{ "0440", 0, 0440 },
		{ "777", 0, 0777 },
		{ "0777", 0, 0777 },
		{ "1000", -EINVAL, 0 },
		{ "00440", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "8", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "u+r", -EINVAL, 0 },
		{ "0o44", -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned int mode = 0;

		is_num(dpk_parse_mode(cases[i].text, &mode), cases[i].result, cases[i].text);
		is_num(mode, cases[i].mode, "its bits");
	}
}

static void test_duration(void)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ms;
	} cases[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "1ms", 0, 1 },
		{ "60s", 0, 60000 },
		{ "5m", 0, 300000 },
		{ "24h", 0, 86400000 },
		{ "7d", 0, 604800000 },
		{ "3650d", 0, TEN_YEARS },
		{ "3651d", -ERANGE, 0 },
		{ "315360000000ms", 0, TEN_YEARS },
		{ "315360000001ms", -ERANGE, 0 },
		{ "18446744073709551616s", -ERANGE, 0 },
		{ "315360000000d", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "01s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1s ", -EINVAL, 0 },
		{ "1w", -EINVAL, 0 },
		{ "1m30s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ms = 0;

		is_num(dpk_parse_duration_ms(cases[i].text, &ms), cases[i].result, cases[i].text);
		ok(ms == cases[i].ms, "in milliseconds");
	}
}

static void test_duration_to_string(void)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 59999, "59s" },
		{ 60000, "1m 0s" },
		{ 200000, "3m 20s" },
		{ 3600000, "1h 0m" },
		{ 18120000, "5h 2m" },
		{ 86399999, "23h 59m" },
		{ 86400000, "1d 0h" },
		{ 356400000, "4d 3h" },
		{ UINT64_MAX, "213503982334d 14h" },
	};
	char buf[32];

	for (size_t i = 0; i < COUNT(cases); i++)
		is_str(dpk_duration_to_string(cases[i].ms, buf), cases[i].text, cases[i].text);
}

static void test_hex(void)
{
	char out[9] = "xxxxxxxx";

	dpk_hex("\x00\x0f\xf0\xff", 4, out);
	is_str(out, "000ff0ff", "lower-case digits");
	dpk_hex("", 0, out);
	is_str(out, "", "of nothing");
}

int main(void)
{
	test_u64();
	test_u64_len();
	test_mode();
	test_duration();
	test_duration_to_string();
	test_hex();
	return tap_done();
}
