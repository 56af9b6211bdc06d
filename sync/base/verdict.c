/* SPDX-License-Identifier: MIT */
/* The words of the verdicts. */
#include <dpkeyfs/verdict.h>

#include <errno.h>
#include <string.h>

static const char *const codes[] = {
#define DPK_VERDICT_CODE(member, code) [member] = code,
	DPK_VERDICTS(DPK_VERDICT_CODE)
#undef DPK_VERDICT_CODE
};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))

const char *dpk_verdict_code(enum dpk_verdict verdict)
{
	return (size_t)verdict < N_CODES ? codes[verdict] : "unknown";
}

int dpk_verdict_parse(const char *code, size_t len, enum dpk_verdict *ret_verdict)
{
	for (size_t i = 0; i < N_CODES; i++) {
		if (strlen(codes[i]) != len || memcmp(codes[i], code, len) != 0)
			continue;
		*ret_verdict = (enum dpk_verdict)i;
		return 0;
	}
	return -EINVAL;
}
