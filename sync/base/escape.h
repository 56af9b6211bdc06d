/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_ESCAPE_H
#define DPK_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Percent-encodes everything but [A-Za-z0-9._~-]; this is the ORIGIN and NAME
 * of the store protocol, and how names from outside are shown. At most
 * SIZE-1 characters are written (never half an escape). Returns OUT.
 */
char *dpk_escape(const void *data, size_t len, char *out, size_t size);

/* True for 1 to DPK_ORIGIN_MAX characters of [A-Za-z0-9._~%-]. */
bool dpk_is_escaped(const char *text, size_t len);

/* Copies TEXT into OUT with control characters and bytes above 0x7e as \xHH. Returns OUT. */
char *dpk_printable(const char *text, size_t len, char *out, size_t size);

#endif
