/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_TICKS_H
#define DPK_BASE_TICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * Instants as .NET counts them (System.DateTimeOffset.UtcTicks): 100 ns since
 * 0001-01-01T00:00:00Z. Key dates carry up to seven digits of fraction, so
 * anything coarser would lose the comparisons that decide a default key.
 */
#define DPK_TICKS_PER_SEC  INT64_C(10000000)
#define DPK_TICKS_PER_MS   INT64_C(10000)
#define DPK_TICKS_PER_MIN  (60 * DPK_TICKS_PER_SEC)
#define DPK_TICKS_PER_HOUR (60 * DPK_TICKS_PER_MIN)
#define DPK_TICKS_PER_DAY  (24 * DPK_TICKS_PER_HOUR)

/* 1970-01-01T00:00:00Z */
#define DPK_TICKS_UNIX_EPOCH INT64_C(621355968000000000)

/*
 * Reads `YYYY-MM-DDThh:mm:ss[.f{1,7}](Z|+hh:mm|-hh:mm)`, LEN bytes, all of
 * them. The offset is required: .NET reads a date without one in the local
 * zone of each node. Offsets reach 14:00 as in .NET; no leap second, no
 * 24:00. 0 or -EINVAL; years 0001 to 9999.
 */
int dpk_ticks_parse(const char *text, size_t len, int64_t *ret_ticks);

/* RFC 3339 in UTC with the fraction .NET would write (trailing zeros cut). */
#define DPK_TICKS_STRING_MAX 40
const char *dpk_ticks_to_string(int64_t ticks, char buf[static DPK_TICKS_STRING_MAX]);

/* The same to whole seconds. */
const char *dpk_ticks_to_short(int64_t ticks, char buf[static DPK_TICKS_STRING_MAX]);

/* The wall clock now. */
int64_t dpk_ticks_now(void);

int64_t dpk_ticks_from_timespec(const struct timespec *ts);
struct timespec dpk_ticks_to_timespec(int64_t ticks);

/* CLOCK_BOOTTIME in milliseconds: for waits and ages; suspend counts. */
uint64_t dpk_monotonic_ms(void);

#endif
