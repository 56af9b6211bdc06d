/* SPDX-License-Identifier: MIT */
#ifndef DPK_CTL_JUDGE_H
#define DPK_CTL_JUDGE_H

/* What a node that serves nothing yet would make of a read, by the node's own code. */

#include "ctl/belief.h"
#include "engine/reading.h"

struct dpk_ctl_judgement {
	struct dpk_reading reading;
	struct dpk_plan plan;
};

/*
 * Takes over HARVEST and reads it by RULE if it holds a snapshot. 0,
 * DPK_REFUSED (the read as a whole), or -errno; on failure HARVEST is freed as
 * well.
 */
int dpk_ctl_judge(const struct dpk_trust *trust, const struct dpk_reading_rule *rule,
	struct dpk_harvest *harvest, struct dpk_ctl_judgement *ret_judgement,
	struct dpk_refusal *ret_refusal);
void dpk_ctl_judgement_fini(struct dpk_ctl_judgement *judgement);

/*
 * What was kept out: "NAME: rejected: REASON: text" on standard output, or an
 * object in LIST if that is not NULL.
 */
void dpk_ctl_say_rejected(json_t *list, const char *name, const char *reason, const char *text);

#endif
