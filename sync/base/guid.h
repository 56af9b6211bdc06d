/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_GUID_H
#define DPK_BASE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key id. The bytes are in the order of the text, not in .NET's mixed-endian one. */
struct dpk_guid {
	uint8_t b[16];
};

#define DPK_GUID_STRING_MAX 37

/* .NET's D form only (8-4-4-4-12 hexadecimal digits, any case), LEN bytes. 0 or -EINVAL. */
int dpk_guid_parse(const char *text, size_t len, struct dpk_guid *ret_guid);

/* Lower-case D form. Returns BUF. */
const char *dpk_guid_to_string(const struct dpk_guid *guid, char buf[static DPK_GUID_STRING_MAX]);

/* From the 16 bytes of System.Guid.ToByteArray (first three fields little-endian). */
void dpk_guid_from_net_bytes(const uint8_t bytes[static 16], struct dpk_guid *ret_guid);

/* <0, 0, >0, in the order of the lower-case text, which is how .NET's resolver breaks ties. */
int dpk_guid_compare(const struct dpk_guid *a, const struct dpk_guid *b);

static inline bool dpk_guid_equal(const struct dpk_guid *a, const struct dpk_guid *b)
{
	return dpk_guid_compare(a, b) == 0;
}

static inline bool dpk_guid_is_zero(const struct dpk_guid *guid)
{
	const struct dpk_guid zero = { { 0 } };

	return dpk_guid_equal(guid, &zero);
}

#endif
