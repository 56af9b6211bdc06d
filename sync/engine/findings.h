/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_FINDINGS_H
#define DPK_ENGINE_FINDINGS_H

#include "engine/state.h"

/* What an administrator should know, with what to do about it. */
enum dpk_severity {
	DPK_SEVERITY_NOTE,     /* no effect on health */
	DPK_SEVERITY_DEGRADED, /* health 1 */
	DPK_SEVERITY_STALE,    /* health 5 */
};

struct dpk_finding {
	const char *code; /* stable words, dpkeyctl(8) lists them */
	enum dpk_severity severity;
	char text[800];
	const char *remedy; /* may be "" */
};

struct dpk_findings {
	struct dpk_finding *items;
	size_t count;
};

/* With the state's lock held. 0 or -ENOMEM. */
int dpk_findings_make(
	const struct dpk_state *state, int64_t now, struct dpk_findings *ret_findings);
void dpk_findings_fini(struct dpk_findings *findings);

#endif
