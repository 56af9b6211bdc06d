/* SPDX-License-Identifier: MIT */
/* Instants: what is a date and what is not, and every tick of it. */
#include "base/ticks.h"

#include "tests/tap.h"

#include <errno.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void test_good(void)
{
	static const struct {
		const char *text;
		int64_t ticks;
		const char *written;
	} cases[] = {
		{ "0001-01-01T00:00:00Z", 0, "0001-01-01T00:00:00Z" },
		{ "0001-01-01T00:00:00.0000001Z", 1, "0001-01-01T00:00:00.0000001Z" },
		{ "1970-01-01T00:00:00Z", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
		{ "1969-12-31T23:59:59.9999999Z", DPK_TICKS_UNIX_EPOCH - 1,
			"1969-12-31T23:59:59.9999999Z" },
		{ "9999-12-31T23:59:59.9999999Z", INT64_C(3155378975999999999),
			"9999-12-31T23:59:59.9999999Z" },
		{ "2000-02-29T12:00:00Z", INT64_C(630874224000000000), "2000-02-29T12:00:00Z" },
		{ "2026-04-29T15:06:08.62851Z", INT64_C(639130719686285100),
			"2026-04-29T15:06:08.62851Z" },
		{ "2026-04-29T15:06:08.6285100Z", INT64_C(639130719686285100),
			"2026-04-29T15:06:08.62851Z" },
		{ "1970-01-01T02:00:00+02:00", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
		{ "1969-12-31T17:00:00-07:00", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
		{ "1970-01-01T14:00:00+14:00", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
		{ "1970-01-01T05:45:00+05:45", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
		{ "1970-01-01T00:00:00-00:00", DPK_TICKS_UNIX_EPOCH, "1970-01-01T00:00:00Z" },
	};
	char buf[DPK_TICKS_STRING_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ticks = -1;

		is_num(dpk_ticks_parse(cases[i].text, strlen(cases[i].text), &ticks), 0,
			cases[i].text);
		is_num(ticks, cases[i].ticks, "its ticks");
		is_str(dpk_ticks_to_string(ticks, buf), cases[i].written, "written out");
	}
}

static void test_bad(void)
{
	static const char *const cases[] = {
		"",
		"Z",
		"2026",
		"2026-01",
		"2026-01-02",
		"12:00:00Z",
		"2026-01-02T00:00:00",
		"2026-01-02T00:00Z",
		"2026-01-02 00:00:00Z",
		"2026-01-02t00:00:00Z",
		"2026-01-02T00:00:00z",
		"20260102T000000Z",
		" 2026-01-02T00:00:00Z",
		"2026-01-02T00:00:00Z ",
		"2026-01-02T00:00:00Zx",
		"2026-01-02T00:00:00.Z",
		"2026-01-02T00:00:00.12345678Z",
		"2026-01-02T00:00:00,5Z",
		"2026-1-02T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"10000-01-01T00:00:00Z",
		"2026-00-02T00:00:00Z",
		"2026-13-02T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2024-02-30T00:00:00Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T00:60:00Z",
		"2026-01-02T00:00:60Z",
		"2026-01-02T00:00:00+14:01",
		"2026-01-02T00:00:00+15:00",
		"2026-01-02T00:00:00+01:60",
		"2026-01-02T00:00:00+0100",
		"2026-01-02T00:00:00+01",
		"2026-01-02T00:00:00+1:00",
		"2026-01-02T00:00:00+01:00Z",
		"2026-01-02T00:00:00*01:00",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"-2026-01-02T00:00:00Z",
		"2026-01-02T00:00:00.+1Z",
		"2026-01-0\xd9\xa2T00:00:00Z",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ticks = 42;

		is_num(dpk_ticks_parse(cases[i], strlen(cases[i]), &ticks), -EINVAL, cases[i]);
		is_num(ticks, 42, "and nothing is written");
	}
}

static void test_len(void)
{
	static const char text[] = "2026-01-02T00:00:00Z";
	int64_t ticks;

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		ok(dpk_ticks_parse(text, len, &ticks) == -EINVAL, "the first %zu bytes are no date",
			len);
	is_num(dpk_ticks_parse("2026-01-02T00:00:00Zrest", 20, &ticks), 0,
		"only LEN bytes are read");
	is_num(dpk_ticks_parse("2026-01-02T00:00:00\0Z", 21, &ticks), -EINVAL,
		"NUL is no part of one");
}

/* Every day of 400 years and one: the calendar repeats after that. */
static void test_every_day(void)
{
	char buf[DPK_TICKS_STRING_MAX], last[DPK_TICKS_STRING_MAX] = "";
	bool same = true, rising = true;

	for (int64_t day = 0; day <= 146097 + 365; day++) {
		int64_t ticks = day * DPK_TICKS_PER_DAY, again = -1;

		dpk_ticks_to_string(ticks, buf);
		same = same && dpk_ticks_parse(buf, strlen(buf), &again) == 0 && again == ticks;
		rising = rising && strcmp(last, buf) < 0;
		memcpy(last, buf, sizeof(last));
	}
	ok(same, "every day of 401 years is read as it was written");
	ok(rising, "each later than the one before");
	is_str(last, "0402-01-01T00:00:00Z", "the last one");
}

static void test_short(void)
{
	char buf[DPK_TICKS_STRING_MAX];

	is_str(dpk_ticks_to_short(DPK_TICKS_UNIX_EPOCH + 9999999, buf), "1970-01-01T00:00:00Z",
		"fractions are cut, not rounded");
	is_str(dpk_ticks_to_short(DPK_TICKS_UNIX_EPOCH + DPK_TICKS_PER_SEC, buf),
		"1970-01-01T00:00:01Z", "a whole second");
	is_str(dpk_ticks_to_string(-1, buf), "0001-01-01T00:00:00Z", "before the beginning");
}

static void test_timespec(void)
{
	static const int64_t cases[] = { 0, 1, DPK_TICKS_UNIX_EPOCH - 1, DPK_TICKS_UNIX_EPOCH,
		DPK_TICKS_UNIX_EPOCH + 1, INT64_C(3155378975999999999) };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct timespec ts = dpk_ticks_to_timespec(cases[i]);

		ok(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000, "nanoseconds are in their range");
		is_num(dpk_ticks_from_timespec(&ts), cases[i], "there and back");
	}
}

static void test_clocks(void)
{
	int64_t before = dpk_ticks_now(), after = dpk_ticks_now();
	uint64_t start = dpk_monotonic_ms();

	ok(before > DPK_TICKS_UNIX_EPOCH + 50 * 365 * DPK_TICKS_PER_DAY, "now is past 2019");
	ok(after - before < DPK_TICKS_PER_MIN && after >= before, "the wall clock goes on");
	ok(dpk_monotonic_ms() >= start, "the other one too");
}

int main(void)
{
	test_good();
	test_bad();
	test_len();
	test_every_day();
	test_short();
	test_timespec();
	test_clocks();
	return tap_done();
}
