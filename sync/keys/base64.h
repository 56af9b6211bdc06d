/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_BASE64_H
#define DPK_KEYS_BASE64_H

#include <stddef.h>

/*
 * Decodes LEN characters where they stand. XML white space may be anywhere, as
 * .NET allows; everything else is strict: full groups of four, padding only at
 * the end, no stray bits, at least one byte. 0 and the number of bytes, or
 * -EINVAL; the text is spoilt in both cases.
 */
int dpk_base64_decode(char *text, size_t len, size_t *ret_bytes);

#endif
