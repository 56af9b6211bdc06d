/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_NUM_H
#define DPK_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Strict numbers: the whole text must be the number; no sign, no blanks, no
 * leading zeros ("0" alone is fine), nothing locale-dependent.
 */

/* Decimal, at most MAX. LEN bytes, no NUL needed. 0, -EINVAL, -ERANGE past MAX. */
int dpk_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret_value);

/* Octal permission bits, 1 to 4 digits (0440, 440). 0 or -EINVAL. */
int dpk_parse_mode(const char *text, unsigned int *ret_mode);

/*
 * A duration: digits and a unit of ms, s, m, h or d; "0" needs none. In
 * milliseconds, at most 10 years. 0, -EINVAL, -ERANGE.
 */
int dpk_parse_duration_ms(const char *text, uint64_t *ret_ms);

/* "12s", "3m 20s", "5h 2m", "4d 3h": for people, two units at most. BUF of 32 bytes. */
const char *dpk_duration_to_string(uint64_t ms, char buf[static 32]);

/* 2*LEN lower-case hexadecimal digits and a NUL into OUT. */
void dpk_hex(const void *data, size_t len, char *out);

#endif
