/* SPDX-License-Identifier: MIT */
#ifndef DPK_TESTS_TAP_H
#define DPK_TESTS_TAP_H

/*
 * TAP for unit programs. Each check prints one line and never stops the
 * program; end main with `return tap_done();`.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_result(
	bool pass, const char *file, int line, const char *format, ...)
{
	va_list ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	if (!pass) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return pass;
}

__attribute__((unused)) static bool tap_string(
	const char *got, const char *want, const char *file, int line, const char *what)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;

	tap_result(same, file, line, "%s", what);
	if (!same)
		printf("#  got: %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

__attribute__((unused)) static bool tap_number(
	int64_t got, int64_t want, const char *file, int line, const char *what)
{
	tap_result(got == want, file, line, "%s", what);
	if (got != want)
		printf("#  got: %" PRId64 "\n# want: %" PRId64 "\n", got, want);
	return got == want;
}

#define ok(condition, ...)      tap_result((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, what) tap_string((got), (want), __FILE__, __LINE__, (what))
#define is_num(got, want, what)                                                                    \
	tap_number((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, (what))
#define skip(reason) printf("ok %d # SKIP %s\n", ++tap_count, (reason))
#define diag(...)    (printf("# "), printf(__VA_ARGS__), printf("\n"))

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || tap_count == 0;
}

#endif
