/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a session key decrypted. Whoever has a certificate can put
 * them there. What must hold: the answer is the same twice, what opens is one
 * masterKey, and what does not open gives nothing away of its bytes.
 */
#include "keys/unwrap.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t first[DPK_MASTER_KEY_BYTES] = { 0 }, again[DPK_MASTER_KEY_BYTES] = { 0 };
	const uint8_t zero[DPK_MASTER_KEY_BYTES] = { 0 };
	int r = dpk_unwrap_read_plaintext(data, size, first);

	must(r == 0 || r == DPK_UNWRAP_OPENED);
	must(dpk_unwrap_read_plaintext(data, size, again) == r);
	must(memcmp(first, again, sizeof(first)) == 0);
	if (r == 0) {
		must(memcmp(first, zero, sizeof(first)) == 0);
		return 0;
	}
	must(size <= DPK_CIPHER_MAX_BYTES);
	must(memmem(data, size, "<masterKey", 10) != NULL);
	must(memmem(data, size, "<value", 6) != NULL);
	must(memmem(data, size, "<!DOCTYPE", 9) == NULL);
	return 0;
}
