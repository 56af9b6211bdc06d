/* SPDX-License-Identifier: MIT */
/* .NET's instants. The calendar arithmetic is the proleptic Gregorian one that .NET uses. */
#include "base/ticks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct scanner {
	const char *at;
	const char *end;
};

static bool scan_digits(struct scanner *s, int count, int min, int max, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (s->at == s->end || *s->at < '0' || *s->at > '9')
			return false;
		value = value * 10 + (*s->at++ - '0');
	}
	*ret_value = value;
	return value >= min && value <= max;
}

static bool scan_char(struct scanner *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

/* Days from 0001-01-01. */
static int64_t days_of_date(int year, int month, int day)
{
	int64_t y = year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400;

	for (int m = 1; m < month; m++)
		days += month_length(year, m);
	return days + day - 1;
}

static bool scan_fraction(struct scanner *s, int64_t *ret_ticks)
{
	int64_t scale = DPK_TICKS_PER_SEC / 10, ticks = 0;
	int digits = 0;

	*ret_ticks = 0;
	if (!scan_char(s, '.'))
		return true;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
		if (++digits > 7)
			return false;
		ticks += (*s->at++ - '0') * scale;
		scale /= 10;
	}
	*ret_ticks = ticks;
	return digits > 0;
}

static bool scan_offset(struct scanner *s, int64_t *ret_ticks)
{
	int hours, minutes;
	bool minus;

	*ret_ticks = 0;
	if (scan_char(s, 'Z'))
		return true;
	minus = s->at < s->end && *s->at == '-';
	if (!scan_char(s, minus ? '-' : '+') || !scan_digits(s, 2, 0, 14, &hours) ||
		!scan_char(s, ':') || !scan_digits(s, 2, 0, 59, &minutes))
		return false;
	if (hours == 14 && minutes != 0)
		return false;
	*ret_ticks = (hours * 60 + minutes) * DPK_TICKS_PER_MIN;
	if (minus)
		*ret_ticks = -*ret_ticks;
	return true;
}

int dpk_ticks_parse(const char *text, size_t len, int64_t *ret_ticks)
{
	struct scanner s = { text, text + len };
	int year, month, day, hour, minute, second;
	int64_t fraction, offset, ticks;

	if (!scan_digits(&s, 4, 1, 9999, &year) || !scan_char(&s, '-') ||
		!scan_digits(&s, 2, 1, 12, &month) || !scan_char(&s, '-') ||
		!scan_digits(&s, 2, 1, 31, &day) || day > month_length(year, month))
		return -EINVAL;
	if (!scan_char(&s, 'T') || !scan_digits(&s, 2, 0, 23, &hour) || !scan_char(&s, ':') ||
		!scan_digits(&s, 2, 0, 59, &minute) || !scan_char(&s, ':') ||
		!scan_digits(&s, 2, 0, 59, &second))
		return -EINVAL;
	if (!scan_fraction(&s, &fraction) || !scan_offset(&s, &offset) || s.at != s.end)
		return -EINVAL;
	ticks = days_of_date(year, month, day) * DPK_TICKS_PER_DAY + hour * DPK_TICKS_PER_HOUR +
		minute * DPK_TICKS_PER_MIN + second * DPK_TICKS_PER_SEC + fraction - offset;
	if (ticks < 0 ||
		ticks >= days_of_date(9999, 12, 31) * DPK_TICKS_PER_DAY + DPK_TICKS_PER_DAY)
		return -EINVAL;
	*ret_ticks = ticks;
	return 0;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	/* 146097 days in 400 years; then step by years, of which at most 400 remain */
	int y = (int)(days / 146097) * 400 + 1;

	days %= 146097;
	while (days >= (is_leap(y) ? 366 : 365)) {
		days -= is_leap(y) ? 366 : 365;
		y++;
	}
	*year = y;
	*month = 1;
	while (days >= month_length(y, *month))
		days -= month_length(y, (*month)++);
	*day = (int)days + 1;
}

const char *dpk_ticks_to_string(int64_t ticks, char buf[static DPK_TICKS_STRING_MAX])
{
	int year, month, day, n;
	int64_t rest, fraction;

	if (ticks < 0)
		ticks = 0;
	date_of_days(ticks / DPK_TICKS_PER_DAY, &year, &month, &day);
	rest = ticks % DPK_TICKS_PER_DAY;
	fraction = rest % DPK_TICKS_PER_SEC;
	n = snprintf(buf, DPK_TICKS_STRING_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
		(int)(rest / DPK_TICKS_PER_HOUR), (int)(rest / DPK_TICKS_PER_MIN % 60),
		(int)(rest / DPK_TICKS_PER_SEC % 60));
	if (fraction) {
		n += snprintf(buf + n, DPK_TICKS_STRING_MAX - (size_t)n, ".%07d", (int)fraction);
		while (buf[n - 1] == '0')
			n--;
	}
	buf[n++] = 'Z';
	buf[n] = '\0';
	return buf;
}

const char *dpk_ticks_to_short(int64_t ticks, char buf[static DPK_TICKS_STRING_MAX])
{
	return dpk_ticks_to_string(ticks - ticks % DPK_TICKS_PER_SEC, buf);
}

int64_t dpk_ticks_from_timespec(const struct timespec *ts)
{
	return DPK_TICKS_UNIX_EPOCH + (int64_t)ts->tv_sec * DPK_TICKS_PER_SEC + ts->tv_nsec / 100;
}

struct timespec dpk_ticks_to_timespec(int64_t ticks)
{
	int64_t since = ticks - DPK_TICKS_UNIX_EPOCH;
	struct timespec ts = { .tv_sec = since / DPK_TICKS_PER_SEC,
		.tv_nsec = since % DPK_TICKS_PER_SEC * 100 };

	if (ts.tv_nsec < 0) {
		ts.tv_nsec += 1000000000;
		ts.tv_sec--;
	}
	return ts;
}

int64_t dpk_ticks_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return dpk_ticks_from_timespec(&ts);
}

uint64_t dpk_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
