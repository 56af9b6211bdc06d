/* SPDX-License-Identifier: MIT */
/* The node's own rules, without a node. */
#include "ctl/judge.h"

#include <stdio.h>

void dpk_ctl_judgement_fini(struct dpk_ctl_judgement *judgement)
{
	dpk_plan_fini(&judgement->plan);
	dpk_reading_fini(&judgement->reading);
}

int dpk_ctl_judge(const struct dpk_trust *trust, const struct dpk_reading_rule *rule,
	struct dpk_harvest *harvest, struct dpk_ctl_judgement *ret_judgement,
	struct dpk_refusal *ret_refusal)
{
	struct dpk_ring nothing = { 0 };
	struct dpk_plan_input input = { .current = &nothing, .now = rule->now };
	struct dpk_reading *reading = &ret_judgement->reading;
	int r = dpk_reading_make(
		trust, harvest->snapshots.count > 0 ? rule : NULL, harvest, reading, ret_refusal);

	if (r)
		return r;
	input.is_signed = reading->is_signed;
	input.offers = reading->offers;
	input.offer_count = reading->offer_count;
	r = dpk_plan_make(&input, &reading->rejections, &ret_judgement->plan);
	if (r < 0)
		dpk_reading_fini(reading);
	return r;
}

void dpk_ctl_say_rejected(json_t *list, const char *name, const char *reason, const char *text)
{
	if (list)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "name", name, "ok", 0,
						    "reason", reason, "text", text));
	else
		printf("%s: rejected: %s: %s\n", name, reason, text);
}
